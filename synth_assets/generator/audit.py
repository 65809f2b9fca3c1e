"""What a written day should look like, and the verdict on what was written.

The verdict is a pure function of the contract, the day and the evidence read from a file; the checks, the
upload and the tests share it. Proportions are judged by the binomial law: each claim is false by chance at
most once in a million files (`FALSE_ALARM_RATE`).
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import bdtr, bdtrc

from synth_assets.generator import GENERATOR_VERSION, reference
from synth_assets.generator.columns import (
    AMOUNT_CENTS,
    CUSTOMER_IDS,
    EXPIRY_YEARS_AHEAD,
    MERCHANT_IDS,
    ONLINE,
    RECURRING_RATE,
    null_shares,
)
from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.schema import TransactionSchema

FALSE_ALARM_RATE = 1e-6
IDS_AT_ONCE = 8_000_000
"""Fingerprints (8 bytes) of transaction ids held at once; more ids are counted in several passes."""

CLAIMS: dict[str, str] = {
    "file_is_whole": "Every page's checksum holds, and the rows that the footer counts can be read.",
    "columns_match_contract": "The columns are those of the contract, in order, with its types and nullability.",
    "provenance_matches_partition": "The footer's plan is of this partition's day and of the current contract.",
    "row_count_matches_plan": "The file has as many rows as its plan and its name say.",
    "null_proportions_within_bounds": "Each column's nulls are as many as its rate allows; REQUIRED columns have none.",
    "fraud_proportion_within_bounds": "Frauds are as many as fraud_rate allows, in the day and in each tenth of it.",
    "recurring_proportion_within_bounds": "Recurring payments are as many as their rate allows.",
    "event_times_in_window_and_order": "Event times lie inside the partition's window and never decrease.",
    "transaction_ids_unique": "No transaction id appears twice.",
    "enum_values_in_sets": "Every value of an enum column is one of the contract's.",
    "values_follow_rules": "Values keep their ranges and formats, and the columns of a row agree with each other.",
}
"""What each claim says. A claim that cannot be judged counts as broken."""

Detail = dict[str, str | int | float]
Details = list[Detail]


TENTHS = 10


@dataclass(frozen=True)
class Claim:
    """A claim about a written day, judged. `details` has a row for each thing that was compared."""

    name: str
    passed: bool
    summary: str
    details: Details = field(default_factory=list)


@dataclass(frozen=True)
class Evidence:
    """What can be read from a file, without opening it here.

    Args:
        arrow_schema: the file's columns.
        rows: the row count in the footer.
        named_rows: the row count in the file's name.
        provenance: the footer's provenance, or None.
        batches: reads the given columns (all, for None) from the start, one row group at a time.
            Raises `broken` where the file cannot be read.
        broken: the exceptions that mean a damaged file.
    """

    arrow_schema: pa.Schema
    rows: int
    named_rows: int
    provenance: dict[str, Any] | None
    batches: Callable[[Sequence[str] | None], Iterator[pa.RecordBatch]]
    broken: tuple[type[Exception], ...]


def provenance_of(schema: TransactionSchema, plan: GenerationPlan) -> dict[str, Any]:
    """All that is needed to make a file again and to judge it, as plain JSON values."""
    return {
        "generator_version": GENERATOR_VERSION,
        "plan": plan.model_dump(mode="json"),
        "schema": schema.canonical | {"digest": schema.digest},
    }


def plan_from(provenance: dict[str, Any] | None) -> GenerationPlan | None:
    """The plan in a footer's provenance, or None where there is none that can be carried out."""
    try:
        return GenerationPlan.of(**(provenance or {})["plan"])
    except (KeyError, TypeError, GeneratorError):
        return None


@lru_cache(maxsize=1024)
def binomial_bounds(trials: int, probability: float, false_alarm_rate: float = FALSE_ALARM_RATE) -> tuple[int, int]:
    """The narrowest equal-tailed interval that a binomial count leaves with at most `false_alarm_rate`.

    Returns:
        The lowest and the highest count that are still accepted, both in 0 … trials.
    """
    tail = false_alarm_rate / 2
    counts = range(trials + 1)
    low = bisect_left(counts, True, key=lambda count: bool(bdtr(count, trials, probability) > tail))
    high = bisect_left(counts, True, key=lambda count: bool(bdtrc(count, trials, probability) <= tail))
    return low, high


def tally(rows: pa.Table | pa.RecordBatch) -> Counter[str]:
    """Counts of some rows, to be summed over the day: "rows", "<column> is null" and "<flag> is true"."""
    counts = Counter({"rows": rows.num_rows})
    for column in rows.schema:
        values = rows.column(column.name)
        counts[f"{column.name} is null"] = values.null_count
        if pa.types.is_boolean(column.type):
            counts[f"{column.name} is true"] = pc.sum(values).as_py() or 0
    return counts


def judge(schema: TransactionSchema, day: dt.date, evidence: Evidence) -> list[Claim]:
    """The verdict on a file: every claim of `CLAIMS`, in order."""
    plan = plan_from(evidence.provenance)
    columns = _judge_columns(schema, evidence)
    provenance = _judge_provenance(schema, day, plan, evidence)
    if plan is None or not columns.passed:
        reason = f"not judged: {provenance.summary if plan is None else columns.summary}"
        judged = {columns.name: columns, provenance.name: provenance}
        return [judged.get(name, Claim(name, False, reason)) for name in CLAIMS]
    survey = Survey(schema, plan, evidence.rows)
    damage = ""
    repeated: list[str] = []
    try:
        for batch in evidence.batches(None):
            survey.add(batch)
        repeated = repeated_ids(survey, evidence)
    except evidence.broken as error:
        damage = f"not judged: the file cannot be read to its end ({' '.join(str(error).split())})"
    read = survey.counts["rows"]
    claims = [
        Claim("file_is_whole", read == evidence.rows, f"{read:,} rows read, {evidence.rows:,} in the footer"),
        columns,
        provenance,
        _judge_rows(plan, evidence),
        _judge_nulls(schema, plan, survey.counts),
        _judge_fraud(schema, plan, survey),
        _judge_recurring(schema, survey.counts),
        _judge_event_times(plan, survey),
        Claim("transaction_ids_unique", not repeated, f"repeated: {', '.join(repeated) or 'none'}"),
        _judge_enums(survey),
        _judge_rules(survey),
    ]
    from_footer = {columns.name, provenance.name, "row_count_matches_plan"}
    return [claim if not damage or claim.name in from_footer else Claim(claim.name, False, damage) for claim in claims]


class Survey:
    """One pass over a file, row group by row group: what the claims need to know, in constant memory."""

    def __init__(self, schema: TransactionSchema, plan: GenerationPlan, rows: int) -> None:
        self.schema = schema
        self.plan = plan
        self.id_passes = -(-max(rows, 1) // IDS_AT_ONCE)
        self.fingerprints: list[pl.Series] = []
        """Those of the transaction ids that belong to the first pass."""
        self.counts: Counter[str] = Counter()
        self.frauds_by_tenth = np.zeros(TENTHS, dtype=np.int64)
        self.first: dt.datetime | None = None
        self.last: dt.datetime | None = None
        self.out_of_order = 0
        self.outside_window = 0
        self.foreign: dict[str, set[str]] = {column.name: set() for column in schema.fields if column.dtype == "enum"}
        """By enum column, the values that are not in its set."""
        self.breaches: Counter[str] = Counter()
        """By rule, the rows that break it."""
        self._rules = {
            name: (~holds).sum()
            for name, (columns, holds) in value_rules(plan).items()
            if all(column in schema and schema[column].recognised for column in columns)
        }

    def add(self, batch: pa.RecordBatch) -> None:
        for name, foreign in self.foreign.items():
            values = pc.unique(batch.column(name)).cast(pa.large_string()).drop_null()
            foreign.update(set(values.to_pylist()) - set(self.schema[name].enum))
        # Without the field metadata, in which Polars keeps an Enum's set: a foreign value must not stop the pass.
        frame = pl.DataFrame(pa.RecordBatch.from_arrays(batch.columns, names=batch.schema.names))
        if frame.schema.get("label_fraud") == pl.Boolean:
            rows = np.flatnonzero(frame["label_fraud"].fill_null(False)) + self.counts["rows"]
            tenths = np.minimum(rows * TENTHS // self.plan.rows, TENTHS - 1)
            self.frauds_by_tenth += np.bincount(tenths, minlength=TENTHS)
        self._add_times(frame[self.schema.event_time].drop_nulls())
        self.fingerprints.append(_share(frame[self.schema.primary_key].hash(), self.id_passes, 0))
        self.counts.update(tally(batch))
        self.breaches.update(frame.select(**self._rules).row(0, named=True))

    def _add_times(self, times: pl.Series) -> None:
        if times.is_empty():
            return
        start, end = self.plan.window
        if not times.is_sorted():
            self.out_of_order += int((times.diff().dt.total_nanoseconds() < 0).sum())
        self.out_of_order += int(self.last is not None and times[0] < self.last)
        self.outside_window += int((~times.is_between(start, end, closed="left")).sum())
        self.first = self.first or times[0]
        self.last = times[-1]


def repeated_ids(survey: Survey, evidence: Evidence, examples: int = 5) -> list[str]:
    """Some ids that appear more than once; empty where all are different.

    64-bit fingerprints are compared, `IDS_AT_ONCE` at a time, so memory does not grow with the rows. The survey has
    gathered the first of them; the others, and ids whose fingerprints meet, are read again.
    """
    suspects = _met(survey.fingerprints)
    for number in range(1, survey.id_passes):
        suspects += _met([_share(prints, survey.id_passes, number) for _, prints in _ids(survey.schema, evidence)])
    if not suspects:
        return []
    seen: Counter[str] = Counter()
    for ids, prints in _ids(survey.schema, evidence):
        seen.update(ids.filter(prints.is_in(suspects)).cast(pl.String).to_list())
    return [each for each, count in seen.most_common(examples) if count > 1]


def _met(parts: list[pl.Series], enough: int = 100) -> list[int]:
    """Fingerprints that appear more than once, some of them where they are many."""
    fingerprints = pl.concat(parts) if parts else pl.Series(dtype=pl.UInt64)
    if fingerprints.n_unique() == len(fingerprints):
        return []
    return fingerprints.filter(fingerprints.is_duplicated()).unique().head(enough).to_list()


def _share(prints: pl.Series, passes: int, number: int) -> pl.Series:
    """The fingerprints of one pass of several."""
    return prints if passes == 1 else prints.filter(prints % passes == number)


def _ids(schema: TransactionSchema, evidence: Evidence) -> Iterator[tuple[pl.Series, pl.Series]]:
    """The file's transaction ids with their fingerprints, row group by row group."""
    for batch in evidence.batches([schema.primary_key]):
        ids = pl.Series(batch.column(0))
        yield ids, ids.hash()


def value_rules(plan: GenerationPlan) -> dict[str, tuple[tuple[str, ...], pl.Expr]]:
    """The rules on the values of a row: by what a rule says, the columns it reads and what holds in every row.

    A null breaks no rule; the null proportions are a claim of their own.
    """
    address = pl.col("ip_address").drop_nulls()
    network = address.str.extract(r"^([0-9]{1,3}\.[0-9]{1,3})\.[0-9]{1,3}\.[0-9]{1,3}$").fill_null("none")
    online = pl.col("channel") == ONLINE
    start, end = plan.window
    one_year = start.year == (end - dt.timedelta(microseconds=1)).year
    event_year = pl.lit(start.year) if one_year else pl.col("event_time").dt.year()

    uuid4 = "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"

    def text(column: str) -> pl.Expr:
        return pl.col(column).cast(pl.String)

    def within(column: str, low: float, high: float) -> tuple[tuple[str, ...], pl.Expr]:
        return (column,), pl.col(column).is_between(low, high)

    def decimal(column: str, low: float, high: float, unit: int) -> tuple[tuple[str, ...], pl.Expr]:
        steps = pl.col(column) * unit
        return (column,), pl.col(column).is_between(low, high) & ((steps - steps.round()).abs() < 1e-4)

    return {
        "transaction_id is a UUIDv4": (("transaction_id",), pl.col("transaction_id").str.contains(uuid4)),
        "local_time_offset is the plan's": within("local_time_offset", plan.timezone_offset, plan.timezone_offset),
        "amount is in range, in cents": decimal("amount", AMOUNT_CENTS[0] / 100, AMOUNT_CENTS[1] / 100, 100),
        "currency_code is ISO 4217": (("currency_code",), text("currency_code").is_in(reference.CURRENCY_CODES)),
        "card_pan_hash is a SHA-256": (("card_pan_hash",), pl.col("card_pan_hash").str.contains("^[0-9a-f]{64}$")),
        "card expires in one to five years": (
            ("card_exp_year", "event_time"),
            (pl.col("card_exp_year") - event_year).is_between(*EXPIRY_YEARS_AHEAD),
        ),
        "card_exp_month is a month": within("card_exp_month", 1, 12),
        "customer_id is in range": within("customer_id", *CUSTOMER_IDS),
        "merchant_id is in range": within("merchant_id", *MERCHANT_IDS),
        "merchant_country is ISO 3166-1": (
            ("merchant_country",),
            text("merchant_country").is_in(reference.COUNTRY_CODES),
        ),
        "device_id is a UUIDv4": (("device_id",), pl.col("device_id").str.contains(uuid4)),
        "ip_address is public": (
            ("ip_address",),
            network.is_in(reference.public_prefixes()),
        ),
        "ip_address is present exactly on line": (
            ("ip_address", "channel"),
            online == pl.col("ip_address").is_not_null(),
        ),
        "user_agent is Faker's": (("user_agent",), pl.col("user_agent").is_in(reference.user_agents())),
        "user_agent is present exactly on line": (
            ("user_agent", "channel"),
            online == pl.col("user_agent").is_not_null(),
        ),
        "latitude is in range, six decimals": decimal("latitude", -90, 90, 1_000_000),
        "longitude is in range, six decimals": decimal("longitude", -180, 180, 1_000_000),
        "coordinates are a pair": (
            ("latitude", "longitude"),
            pl.col("latitude").is_null() == pl.col("longitude").is_null(),
        ),
    }


def _judge_columns(schema: TransactionSchema, evidence: Evidence) -> Claim:
    expected = [_column_text(column) for column in schema.arrow_schema]
    found = [_column_text(column) for column in evidence.arrow_schema]
    differences: Details = [
        {"column": position, "contract": wanted, "file": got}
        for position, (wanted, got) in enumerate(zip_longest(expected, found, fillvalue="absent"), start=1)
        if wanted != got
    ]
    summary = f"{len(found)} columns, as in the contract"
    if differences:
        worst = differences[0]
        summary = (
            f"{len(differences)} columns differ, first column {worst['column']}: the contract says "
            f"{worst['contract']}, the file has {worst['file']}"
        )
    return Claim("columns_match_contract", not differences, summary, differences)


def _column_text(column: pa.Field) -> str:
    # Readers choose the width of dictionary indices and of text offsets: neither is part of the type.
    kind = f"enum of {column.type.value_type}" if pa.types.is_dictionary(column.type) else str(column.type)
    return f"{column.name}: {kind.replace('large_string', 'string')}{'' if column.nullable else ', required'}"


def _judge_provenance(
    schema: TransactionSchema, day: dt.date, plan: GenerationPlan | None, evidence: Evidence
) -> Claim:
    if plan is None:
        return Claim("provenance_matches_partition", False, "the footer holds no usable plan")
    made_under = (evidence.provenance or {}).get("schema", {}).get("digest")
    details: Details = [
        {"of": "day", "partition": str(day), "file": str(plan.day)},
        {"of": "schema digest", "partition": schema.digest, "file": str(made_under)},
    ]
    differing = [str(row["of"]) for row in details if row["partition"] != row["file"]]
    summary = f"made for {plan.day}, schema {schema.version}"
    if differing:
        summary = f"made for another {' and another '.join(differing)}"
    return Claim("provenance_matches_partition", not differing, summary, details)


def _judge_rows(plan: GenerationPlan, evidence: Evidence) -> Claim:
    passed = plan.rows == evidence.rows == evidence.named_rows
    summary = f"{evidence.rows:,} rows; plan {plan.rows:,}, name {evidence.named_rows:,}"
    return Claim("row_count_matches_plan", passed, summary)


def _judge_nulls(schema: TransactionSchema, plan: GenerationPlan, counts: Counter[str]) -> Claim:
    shares = null_shares(schema, plan)
    judged = [
        _proportion(name, counts[f"{name} is null"], counts["rows"], share, FALSE_ALARM_RATE / len(shares))
        for name, share in sorted(shares.items(), key=lambda each: -each[1])
    ]
    return _proportions_claim("null_proportions_within_bounds", judged)


def _judge_fraud(schema: TransactionSchema, plan: GenerationPlan, survey: Survey) -> Claim:
    if "label_fraud" not in schema or schema["label_fraud"].dtype != "bool":
        return Claim("fraud_proportion_within_bounds", True, "the contract has no label_fraud of dtype bool")
    rows = survey.counts["rows"]
    judged = [_proportion("day", survey.counts["label_fraud is true"], rows, plan.fraud_rate, FALSE_ALARM_RATE / 2)]
    edges = [-(-rows * tenth // TENTHS) for tenth in range(TENTHS + 1)]
    judged += [
        _proportion(f"tenth {tenth + 1}", int(frauds), above - below, plan.fraud_rate, FALSE_ALARM_RATE / 2 / TENTHS)
        for tenth, (frauds, below, above) in enumerate(zip(survey.frauds_by_tenth, edges, edges[1:], strict=False))
    ]
    return _proportions_claim("fraud_proportion_within_bounds", judged)


def _judge_recurring(schema: TransactionSchema, counts: Counter[str]) -> Claim:
    if "is_recurring" not in schema or schema["is_recurring"].dtype != "bool":
        return Claim("recurring_proportion_within_bounds", True, "the contract has no is_recurring of dtype bool")
    day = _proportion("day", counts["is_recurring is true"], counts["rows"], RECURRING_RATE, FALSE_ALARM_RATE)
    return _proportions_claim("recurring_proportion_within_bounds", [day])


def _proportion(of: str, count: int, trials: int, share: float, false_alarm_rate: float) -> Detail:
    low, high = binomial_bounds(trials, share, false_alarm_rate)
    return {
        "of": of,
        "expected": share,
        "observed": count / trials if trials else 0.0,
        "count": count,
        "lowest": low,
        "highest": high,
    }


def _proportions_claim(name: str, judged: Details) -> Claim:
    out = [row for row in judged if not int(row["lowest"]) <= int(row["count"]) <= int(row["highest"])]
    shown = out or judged[:1]
    summary = "; ".join(
        f"{row['of']}: {row['count']:,} observed, {row['lowest']:,} to {row['highest']:,} allowed" for row in shown[:3]
    )
    if len(judged) > 1:
        summary = f"{len(out)} of {len(judged)} proportions out of bounds; {summary}"
    return Claim(name, not out, summary, judged)


def _judge_event_times(plan: GenerationPlan, survey: Survey) -> Claim:
    start, end = plan.window
    summary = (
        f"{survey.first} to {survey.last} in the window {start} to {end}: "
        f"{survey.outside_window:,} outside, {survey.out_of_order:,} out of order"
    )
    return Claim("event_times_in_window_and_order", not survey.outside_window and not survey.out_of_order, summary)


def _judge_enums(survey: Survey) -> Claim:
    foreign = {name: sorted(values)[:5] for name, values in survey.foreign.items() if values}
    summary = "; ".join(f"{name} has {', '.join(values)}" for name, values in foreign.items())
    return Claim("enum_values_in_sets", not foreign, summary or f"{len(survey.foreign)} enum columns, no foreign value")


def _judge_rules(survey: Survey) -> Claim:
    details: Details = [{"rule": rule, "rows that break it": int(rows)} for rule, rows in survey.breaches.items()]
    breaking = {rule: rows for rule, rows in survey.breaches.items() if rows}
    summary = "; ".join(f"{rule}: not in {rows:,} rows" for rule, rows in breaking.items())
    return Claim("values_follow_rules", not breaking, summary or f"{len(details)} rules, no row breaks one", details)
