"""What a written day should look like, and the verdict on what was written.

The verdict is a pure function of the contract, the day and what was read from the file; the checks, the upload, the
commands and the tests share it. Proportions are judged by the binomial law: each claim is false by chance at most once
in a million files (`FALSE_ALARM_RATE`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import (
    CLAIMS,
    OF_THE_GENERATOR,
    Claim,
    Detail,
    Details,
    numbers_of,
    numbers_of_breaches,
)
from synth_assets.generator.counts import Counts
from synth_assets.generator.footer_claims import Footer, judge_columns, judge_provenance, judge_rows
from synth_assets.generator.plan import TENTHS, GenerationPlan
from synth_assets.generator.profiles import PROFILES, null_shares
from synth_assets.generator.proportions import FALSE_ALARM_RATE, Proportion
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.survey import Survey


@dataclass(frozen=True)
class Findings:
    """What was found in a file's rows.

    Args:
        repeated_ids: some ids that appear more than once.
        damage: why the file could not be read to its end; empty where it was.
    """

    survey: Survey
    repeated_ids: Sequence[str] = ()
    damage: str = ""


def plan_to_survey(schema: TransactionSchema, footer: Footer) -> GenerationPlan | None:
    """The plan by which the file's rows are to be surveyed; None where the footer leaves nothing to survey."""
    if isinstance(footer.provenance, str) or not judge_columns(schema, footer).passed:
        return None
    return footer.provenance.plan


def judge(schema: TransactionSchema, day: dt.date, footer: Footer, findings: Findings | None) -> list[Claim]:
    """The verdict on a file: every claim of `CLAIMS`, in order.

    `findings` are those of the plan that `plan_to_survey` gives, and None where it gives none.
    """
    judged = [judge_columns(schema, footer), judge_provenance(schema, day, footer)]
    if not footer.sealed or findings is not None:
        judged.append(_judge_whole(footer, findings))
    if not isinstance(footer.provenance, str):
        judged.append(judge_rows(footer.provenance.plan, footer))
        if findings is not None and not findings.damage:
            judged += _judge_values(schema, footer.provenance, findings)
    claims = {claim.name: claim for claim in judged}
    cause = _why_unread(footer, findings)
    return [claims.get(name) or Claim.unjudged(name, f"see {cause}") for name in CLAIMS]


def _why_unread(footer: Footer, findings: Findings | None) -> str:
    """The claim that says why a file's rows cannot be judged."""
    if isinstance(footer.provenance, str):
        return "provenance_matches_partition"
    return "columns_match_contract" if findings is None else "file_is_whole"


def _judge_values(schema: TransactionSchema, provenance: Provenance, findings: Findings) -> list[Claim]:
    plan, survey = provenance.plan, findings.survey
    claims = [
        _judge_nulls(schema, plan, survey.counts),
        _judge_fraud(schema, plan, survey),
        _judge_recurring(schema, plan, survey.counts),
        _judge_event_times(plan, survey),
        _judge_ids(findings),
        _judge_enums(survey),
        _judge_rules(survey),
    ]
    if provenance.is_current:
        return claims
    made_by = f"made by generator version {provenance.generator_version}, and this is {GENERATOR_VERSION}"
    return [
        Claim.unjudged(claim.name, made_by, blocking=False) if claim.name in OF_THE_GENERATOR else claim
        for claim in claims
    ]


def _judge_whole(footer: Footer, findings: Findings | None) -> Claim:
    read = findings.survey.counts.rows if findings else 0
    faults = []
    if findings and findings.damage:
        faults.append(f"the file cannot be read to its end: {findings.damage}")
    elif findings and read != footer.rows:
        faults.append("the footer counts more or fewer rows than there are")
    if not footer.sealed:
        faults.append("the checksum in the footer is missing or wrong")
    summary = "; ".join([f"{read:,} of {footer.rows:,} rows read", *faults])
    return Claim("file_is_whole", not faults, summary, numbers=numbers_of(read, footer.rows, footer.rows, len(faults)))


def _judge_nulls(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> Claim:
    # Those most left to chance come first: the summary shows the first.
    judged = sorted(null_proportions(schema, plan, counts), key=lambda each: abs(each.expected - 0.5))
    claim = _proportions_claim("null_proportions_within_bounds", judged)
    together = numbers_of(
        sum(each.count for each in judged),
        sum(each.lowest for each in judged),
        sum(each.highest for each in judged),
        breaches=sum(not each.within for each in judged),
    )
    shares = {f"{each.of}_share": each.observed for each in judged if 0 < each.expected < 1}
    return replace(claim, numbers=together | shares)


def null_proportions(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> list[Proportion]:
    """Each column's nulls in the day beside what is accepted, in the contract's order.

    Where other columns decide about a null, the rules on the values of a row judge it.
    """
    shares = {name: share for name, share in null_shares(schema, plan).items() if share is not None}
    return [
        Proportion.judged(name, counts.nulls.get(name, 0), counts.rows, share, FALSE_ALARM_RATE / len(shares))
        for name, share in shares.items()
    ]


def fraud_proportion(plan: GenerationPlan, counts: Counts) -> Proportion:
    """The day's frauds beside what is accepted."""
    frauds = counts.flags.get("label_fraud", 0)
    return Proportion.judged("day", frauds, counts.rows, plan.fraud_rate, FALSE_ALARM_RATE / 2)


def _judge_fraud(schema: TransactionSchema, plan: GenerationPlan, survey: Survey) -> Claim:
    name = "fraud_proportion_within_bounds"
    if "label_fraud" not in schema or schema["label_fraud"].dtype != "bool":
        return Claim(name, True, "the contract has no label_fraud of dtype bool", numbers=numbers_of_breaches(0))
    rows = survey.counts.rows
    edges = [-(-rows * tenth // TENTHS) for tenth in range(TENTHS + 1)]
    alarm = FALSE_ALARM_RATE / 2 / TENTHS
    tenths = [
        Proportion.judged(f"tenth {tenth + 1}", frauds, above - below, plan.fraud_rate, alarm)
        for tenth, (frauds, below, above) in enumerate(zip(survey.frauds_by_tenth, edges, edges[1:], strict=False))
    ]
    return _proportions_claim(name, [fraud_proportion(plan, survey.counts), *tenths])


def _judge_recurring(schema: TransactionSchema, plan: GenerationPlan, counts: Counts) -> Claim:
    name = "recurring_proportion_within_bounds"
    if "is_recurring" not in schema or schema["is_recurring"].dtype != "bool":
        return Claim(name, True, "the contract has no is_recurring of dtype bool", numbers=numbers_of_breaches(0))
    share = PROFILES[plan.profile].recurring_share(plan)
    recurring = counts.flags.get("is_recurring", 0)
    return _proportions_claim(name, [Proportion.judged("day", recurring, counts.rows, share, FALSE_ALARM_RATE)])


def _proportions_claim(name: str, judged: list[Proportion]) -> Claim:
    """The claim that all proportions are within their bounds. Its numbers are those of the first."""
    out = [each for each in judged if not each.within]
    summary = "; ".join(map(str, (out or judged[:1])[:3]))
    if out:
        summary = f"{len(out)} of {len(judged)} out of bounds: {summary}"
    elif len(judged) > 1:
        summary = f"All {len(judged)} within bounds; {summary}"
    first = judged[0]
    numbers = numbers_of(first.count, first.lowest, first.highest, len(out)) | {"share": first.observed}
    return Claim(name, not out, summary, [_detail(each) for each in judged], numbers=numbers)


def _detail(each: Proportion) -> Detail:
    return {
        "of": each.of,
        "expected": each.expected,
        "observed": each.observed,
        "count": each.count,
        "lowest": each.lowest,
        "highest": each.highest,
    }


def _judge_event_times(plan: GenerationPlan, survey: Survey) -> Claim:
    times = survey.event_times
    start, end = (moment.strftime("%Y-%m-%d %H:%M") for moment in plan.window)
    summary = (
        f"{times.outside_window:,} outside, {times.out_of_order:,} out of order; first {_moment(times.first)}, "
        f"last {_moment(times.last)}, window {start} to {end} (UTC)"
    )
    breaches = times.outside_window + times.out_of_order
    numbers = numbers_of_breaches(breaches) | {
        "outside_window": times.outside_window,
        "out_of_order": times.out_of_order,
    }
    return Claim("event_times_in_window_and_order", not breaches, summary, numbers=numbers)


def _moment(time: np.datetime64 | None) -> str:
    return "none" if time is None else str(time.astype("datetime64[ms]")).replace("T", " ")


def _judge_ids(findings: Findings) -> Claim:
    repeated = findings.repeated_ids
    summary = f"these appear twice or more: {', '.join(repeated)}" if repeated else "every id is unique"
    return Claim("transaction_ids_unique", not repeated, summary, numbers=numbers_of_breaches(len(repeated)))


def _judge_enums(survey: Survey) -> Claim:
    foreign = {name: values for name, values in survey.foreign_values.items() if values}
    summary = "not in the contract: " + "; ".join(f"{name} {', '.join(values)}" for name, values in foreign.items())
    if not foreign:
        summary = f"{len(survey.foreign_values)} enum columns, all values listed in the contract"
    breaches = sum(map(len, foreign.values()))
    return Claim("enum_values_in_sets", not foreign, summary, numbers=numbers_of_breaches(breaches))


def _judge_rules(survey: Survey) -> Claim:
    details: Details = [{"rule": rule, "broken_rows": int(rows)} for rule, rows in survey.breaches.items()]
    breaking = {rule: int(rows) for rule, rows in survey.breaches.items() if rows}
    summary = "; ".join(f"{rule}: broken in {rows:,} row{'s' * (rows > 1)}" for rule, rows in breaking.items())
    numbers = numbers_of_breaches(sum(breaking.values()))
    return Claim(
        "values_follow_rules",
        not breaking,
        summary or f"no row breaks any of {len(details)} rules",
        details,
        numbers=numbers,
    )
