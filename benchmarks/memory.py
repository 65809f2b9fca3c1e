"""Peak memory and time of the engine from one to fifty million rows, and of the audit."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from benchmarks import day
from benchmarks.fresh import Figures, fresh, in_turns, peak_bytes
from benchmarks.report import goal, middle, table
from synth_assets.judging import judge_day
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.layout import file_name
from synth_assets.workers import default_workers

LIMIT = 450_000_000


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    least, more, most = rows // 2, rows * 5, rows * 25
    workers = fresh(default_workers)

    def path(size: int) -> Path:
        return folder / file_name(size, day.DAY)

    def engine(size: int, number: int) -> Figures:
        return fresh(day.engine, path=path(size), rows=size, workers=workers)

    def audited_file(size: int, number: int) -> Figures:
        return fresh(audit, path=path(size), rows=size)

    made = in_turns("memory", rounds, {f"{size:,}": partial(engine, size) for size in (least, more)})
    made |= in_turns("memory", 1, {f"{most:,}": partial(engine, most)})
    audited = in_turns(
        "memory, audit",
        1,
        {f"{size:,}": partial(audited_file, size) for size in (least, most)},
    )
    body = [
        *([f"engine, {size} rows", *_row(figures, *made.values(), judged=True)] for size, figures in made.items()),
        *([f"audit, {size} rows", *_row(figures, *audited.values())] for size, figures in audited.items()),
    ]
    for size in (least, more, most):
        path(size).unlink()
    return f"""## Memory and time, from {least:,} to {most:,} rows

{table(["what", "peak MB", "growth", "s per million rows", "ratio", "goal"], body)}

The peak of the whole process (VmHWM; 1 MB is a million bytes) at the default chunk size, each in a process of its own.
The most rows are made once, the others {rounds} times. Growth and ratio: beside the fewest rows."""


def _row(figures: list[Figures], *others: list[Figures], judged: bool = False) -> list[str]:
    first = others[0]
    peak, growth = middle(figures, "peak"), middle(figures, "peak") / middle(first, "peak") - 1
    time_ratio = _per_million(figures) / _per_million(first)
    goals = [goal("at most 450 MB", peak <= LIMIT)]
    if figures is others[-1]:
        goals += [goal("growth under 5 %", growth < 0.05), goal("time at most 1.05×", time_ratio <= 1.05)]
    return [
        f"{peak / 1e6:.0f}",
        f"{growth:+.1%}",
        f"{_per_million(figures):.3f}",
        f"{time_ratio:.2f}×",
        "; ".join(goals) if judged else "",
    ]


def _per_million(figures: list[Figures]) -> float:
    return middle(figures) / figures[0]["rows"] * 1e6


def audit(path: str, rows: int) -> Figures:
    """Read and judge a finished file."""
    started = time.perf_counter()
    claims = judge_day(day.contract(), DayFile.at(Path(path)))
    seconds = time.perf_counter() - started
    broken = [claim.summary for claim in claims if not claim.passed]
    if broken:
        raise ValueError(f"the audit of {rows:,} rows: {broken}")
    return {"seconds": seconds, "rows": rows, "peak": peak_bytes()}
