"""One day of payments in a run: made, or kept where it is there already, logged, and described."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import dagster as dg

from synth_assets import reports
from synth_assets.day import metadata_of
from synth_assets.engines import Engine, describe_engine
from synth_assets.generator.counts import Counts
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.judging import count_day, find_whole_day
from synth_assets.making import make_day
from synth_assets.storage.layout import file_name, report_name
from synth_assets.storage.place import Place
from synth_assets.storage.replaced import Replaced

SECONDS_BETWEEN_MESSAGES = 1.0
"""Between two messages about the row groups of a day."""


@dataclass(frozen=True)
class PaymentsDay:
    """A day that a run is to have at its place.

    Args:
        reports: whether the checks write its report.
    """

    context: dg.AssetExecutionContext
    schema: TransactionSchema
    plan: GenerationPlan
    place: Place
    engine: Engine
    reports: bool

    def make(self) -> dg.MaterializeResult:
        """Make the day, in the place of what is there.

        Raises:
            GeneratorError, StorageError: as `make_day` and `Place.replace_day`.
        """
        started = time.perf_counter()
        plan, log = self.plan, self.context.log
        log.info(f"engine: {describe_engine(self.engine)}")
        name, replaced = file_name(plan.rows, plan.day), list[Replaced]()
        metadata = metadata_of(Provenance.of(self.schema, plan))
        with self.place.replace_day(name, plan.day, metadata, replaced.append) as staged:
            with _Progress(self.context, plan) as progress:
                day = make_day(staged, self.schema, plan, self.engine, progress.add)
            seconds = time.perf_counter() - started
            # Read before the file gets its name: from then on another run of the day may replace it.
            facts = reports.file_facts(self.schema, plan, day, progress.counts)
        location = self.place.location(name)
        log.info(f"{location}: {plan.rows:,} rows, {facts['bytes']:,} bytes in {seconds:.1f} s")
        for each in replaced:
            log.info(f"removed {each}, replaced by {location}")
        return self._describe(location, facts | reports.speed(self.engine, plan.rows, seconds), replaced)

    def keep(self) -> dg.MaterializeResult | None:
        """What is to be said of the day that is there, if it is what would be made; None where it has to be made.

        Raises:
            StorageError: the place cannot be read.
        """
        with self.place.lock_day(self.plan.day):
            day = find_whole_day(self.place, self.schema, self.plan, self.engine)
            if day is None:
                return None
            facts = reports.file_facts(self.schema, self.plan, day, count_day(self.schema, day, self.engine))
        self.context.log.info(f"{day.location} is whole, and what would be made: it was not made again.")
        return self._describe(day.location, facts, [])

    def _describe(self, location: str, facts: Mapping[str, Any], replaced: Sequence[Replaced]) -> dg.MaterializeResult:
        return dg.MaterializeResult(
            data_version=dg.DataVersion(Provenance.of(self.schema, self.plan).digest),
            metadata={
                "path": dg.MetadataValue.path(location),
                **reports.report_link(self.reports, self.place.location(report_name(self.plan.day))),
                **reports.replaced(replaced),
                **facts,
            },
        )


class _Progress:
    """Logs a line for each row group that is made, and adds up what was counted in them.

    Each message is stored as an event, which takes as long as making some thousand rows. So lines wait for the next
    message until `SECONDS_BETWEEN_MESSAGES` have passed since the last one.
    """

    def __init__(self, context: dg.AssetExecutionContext, plan: GenerationPlan) -> None:
        self._context = context
        self._plan = plan
        self._started = time.perf_counter()
        self._logged = -math.inf
        self._lines: list[str] = []
        self.counts = Counts()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._log()

    def add(self, row_group: Counts) -> None:
        self.counts += row_group
        plan, written, elapsed = self._plan, self.counts.rows, time.perf_counter() - self._started
        self._lines.append(
            f"chunk {-(-written // plan.chunk_size)} of {plan.row_groups}: {row_group.rows:,} rows, "
            f"{plan.rows - written:,} left, {written / elapsed:,.0f} rows/s, {elapsed:.1f} s elapsed"
        )
        if elapsed - self._logged >= SECONDS_BETWEEN_MESSAGES:
            self._logged = elapsed
            self._log()

    def _log(self) -> None:
        if self._lines:
            self._context.log.info("\n".join(self._lines), extra={"rows_written": self.counts.rows})
            self._lines = []
