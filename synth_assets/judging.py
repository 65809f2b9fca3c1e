"""The verdict on a day, by reading it: in one pass of this process, or on the workers of an engine."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from synth_assets.day import read_provenance
from synth_assets.engines import Engine, Processes, Threads
from synth_assets.generator.audit import Findings, judge, plan_to_survey
from synth_assets.generator.claims import Claim
from synth_assets.generator.counts import Counts
from synth_assets.generator.footer_claims import Footer
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance, ProvenanceError
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.survey import Survey, Surveyor
from synth_assets.generator.uniqueness import Bucket, bucket_count, repeated_ids
from synth_assets.storage.day_file import UNREADABLE, DayFile, OpenDayFile
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.place import Day, Place
from synth_assets.storage.scratch import scratch_beside, scratch_folder
from synth_assets.storage.sums import is_sealed
from synth_assets.surveying import find_on
from synth_assets.workers import usable_cores

THREADS = Threads(1)

DAYS_REMEMBERED = 1_000
"""As many days as a run may have: its upload asks for the verdicts that its checks have found."""


def judge_day(schema: TransactionSchema, file: Day, engine: Engine = THREADS) -> list[Claim]:
    """Read a day's file to its end and judge every claim about it. The engine does not change the verdict.

    The checks and the upload of one run ask the same: what was judged is judged again only once it changed.

    Raises:
        StorageError: the file is no Parquet file.
    """
    return _remembered(schema, file, engine).claims


def count_day(schema: TransactionSchema, file: Day, engine: Engine = THREADS) -> Counts:
    """What was counted in a day's rows while it was judged, which it is where it was not yet. No counts where its rows
    cannot be read.

    Raises:
        StorageError: the file is no Parquet file.
    """
    return _remembered(schema, file, engine).counts


class _Verdict(NamedTuple):
    claims: list[Claim]
    counts: Counts


def _remembered(schema: TransactionSchema, file: Day, engine: Engine) -> _Verdict:
    verdict: _Verdict = pickle.loads(zlib.decompress(_compressed_verdict(schema, file, engine)))
    return verdict


@lru_cache(maxsize=DAYS_REMEMBERED)
def _compressed_verdict(schema: TransactionSchema, file: Day, engine: Engine) -> bytes:
    # So that a run of many days does not grow by them: 2 kB a day instead of 23.
    return zlib.compress(pickle.dumps(_judge(schema, file, engine)))


def _judge(schema: TransactionSchema, file: Day, engine: Engine) -> _Verdict:
    with file.open() as opened:
        footer = Footer(opened.schema, opened.footer.num_rows, file.named_rows, _provenance_or_reason(opened, file))
        plan = plan_to_survey(schema, footer)
        if engine.name == "ray" and isinstance(file, DayFile):
            engine = Processes(usable_cores())  # other machines have another file system
        if plan is None or engine.name == "threads":
            sealed = file.checksums.sealed
            findings = _find(schema, plan, opened) if plan else None
        else:
            with scratch_beside(file) if isinstance(file, DayObject) else scratch_folder() as scratch:
                findings, before_footer = find_on(engine, schema, plan, file, opened, scratch)
            sealed = is_sealed(file.tail(), before_footer)
        counts = findings.survey.counts if findings and not findings.damage else Counts()
        return _Verdict(judge(schema, file.day, replace(footer, sealed=sealed), findings), counts)


def _provenance_or_reason(opened: OpenDayFile, file: Day) -> Provenance | str:
    try:
        return Provenance.parse(opened.provenance, file.location)
    except ProvenanceError as error:
        return str(error)


def _find(schema: TransactionSchema, plan: GenerationPlan, opened: OpenDayFile) -> Findings:
    """Survey the file's rows in one pass; only ids that need more than one bucket are read again."""
    surveyor = Surveyor(schema, plan)
    survey = Survey(0)
    buckets = bucket_count(opened.footer.num_rows)
    first = Bucket(0, buckets)
    try:
        for batch in opened.batches():
            survey += surveyor.survey(batch, survey.counts.rows)
            first.add(pl.Series(batch.column(schema.primary_key)))
        repeated = repeated_ids(first, buckets, lambda: _ids(schema, opened))
    except UNREADABLE as error:
        return Findings(survey, damage=" ".join(str(error).split()))
    return Findings(survey, repeated)


def _ids(schema: TransactionSchema, opened: OpenDayFile) -> Iterator[pl.Series]:
    for batch in opened.batches([schema.primary_key]):
        yield pl.Series(batch.column(0))


def find_whole_day(place: Place, schema: TransactionSchema, plan: GenerationPlan, engine: Engine) -> Day | None:
    """The day at a place where making it again would change nothing, or None.

    It was made by this version from this plan and contract, and passes every check that stops an upload. The day must
    be locked.
    """
    try:
        day = place.find_day(plan.day)
        if read_provenance(day).digest != Provenance.of(schema, plan).digest:
            return None
        return None if any(claim.broken for claim in judge_day(schema, day, engine)) else day
    except (StorageError, ProvenanceError):
        return None
