"""What a run shows on stderr while it goes on: a bar at a terminal, and a line for each chunk elsewhere."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import dagster as dg
from tqdm import tqdm

STAGES = {
    "payments_parquet": "writing",
    "claims": "checking",
    "label_events": "labelling",
    "incidents": "labelling",
    "s3_raw_payments": "uploading",
    "object_check": "comparing",
}
"""What the bar says while a step of this name runs."""

WRITING = "{desc:<9} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left"
AFTERWARDS = "{desc:<9} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} rows, {elapsed} elapsed"
AT_THE_END = "{desc:<9} {percentage:3.0f}%|{bar}| {n_fmt} of {total_fmt} rows in {elapsed}"


class ProgressBar:
    """A bar of the rows written, with their rate and the time left. It shows nothing where stderr is no terminal."""

    def __init__(self, rows: int) -> None:
        self._bar = tqdm(
            total=rows,
            desc="starting",
            unit=" rows",
            unit_scale=True,
            bar_format=WRITING,
            disable=None,
            dynamic_ncols=True,
        )

    @property
    def is_shown(self) -> bool:
        return not self._bar.disable

    def show_stage(self, stage: str) -> None:
        """Name what is going on. The rate of the rows is shown until the first stage after they are written."""
        if self._bar.n:
            self._bar.bar_format = AFTERWARDS
        else:
            self._bar.reset()  # The clock starts with the writing, so that the rate is that of the writing alone.
        self._bar.set_description_str(stage)

    def show_rows(self, written: int) -> None:
        """Move the bar to the number of rows written so far. The bar is drawn at most ten times a second."""
        self._bar.update(written - self._bar.n)

    def end(self, success: bool) -> None:
        """Show the last state of the bar, which stays on the terminal."""
        self._bar.bar_format = AT_THE_END
        self._bar.set_description_str("done" if success else "failed")

    def close(self) -> None:
        self._bar.close()


class DaysBar:
    """A bar of the rows of several days, with the days that are done. Where stderr is no terminal, a line for each day.

    Args:
        rows: those of each day, in order.
    """

    is_shown = True
    """There are no lines about chunks, even where there is no bar in their place."""

    def __init__(self, rows: Sequence[int]) -> None:
        self._rows, self._done = rows, 0
        self._bar = tqdm(
            total=sum(rows),
            desc=f"0 of {len(rows)} days",
            unit=" rows",
            unit_scale=True,
            bar_format=WRITING,
            disable=None,
            dynamic_ncols=True,
        )

    def show_stage(self, stage: str) -> None:
        """Show nothing: with days side by side, there is no one stage."""

    def show_rows(self, written: int) -> None:
        """Move the bar to the number of rows written of the day that follows those that are done."""
        self._bar.update(sum(self._rows[: self._done]) + written - self._bar.n)

    def end_day(self, day: str, success: bool) -> None:
        """Count a day as done, whether or not it succeeded."""
        self._done += 1
        progress = f"{self._done} of {len(self._rows)} days"
        if self._bar.disable:
            print(f"{day}: {'done' if success else 'failed'}, {progress}", file=sys.stderr)
        self.show_rows(0)
        self._bar.set_description_str(progress)

    def close(self) -> None:
        self._bar.close()


class ProgressHandler(logging.Handler):
    """Turns Dagster's log of a run into what a person wants to see: our own lines, and the bar's stages and rows.

    At a terminal, the bar takes the place of the lines about chunks. Errors are left to the end of the run, where
    each is printed once and in one line.

    Args:
        bar: None where nobody looks at the progress.
        least: the least severe lines that are shown: `logging.INFO` or `logging.WARNING`.
    """

    def __init__(self, bar: ProgressBar | DaysBar | None, least: int = logging.INFO) -> None:
        super().__init__()
        self._bar, self._least = bar, least

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "dagster_event", None)
        if event is not None:
            if self._bar and event.is_step_start and event.step_key in STAGES:
                self._bar.show_stage(STAGES[event.step_key])
        elif record.levelno in (logging.INFO, logging.WARNING):
            self._show_line(record)

    def _show_line(self, record: logging.LogRecord) -> None:
        if hasattr(record, "rows_written") and self._bar and self._bar.is_shown:
            self._bar.show_rows(record.rows_written)
        elif record.levelno >= self._least:
            # Dagster puts the run's id and the step's name before the text of a record, and keeps the text as it was.
            tqdm.write(getattr(record, "dagster_meta")["orig_message"], file=sys.stderr)  # noqa: B009


def progress_logger(bar: ProgressBar | DaysBar | None, least: int = logging.INFO) -> dg.LoggerDefinition:
    """The logger of a run that shows its progress on the bar and on stderr."""

    def logger(context: dg.InitLoggerContext) -> logging.Logger:
        made = logging.Logger("progress", level=logging.DEBUG)
        made.addHandler(ProgressHandler(bar, least))
        return made

    return dg.LoggerDefinition(logger)
