"""The engines beside each other: the wall and the processor time of a day, its memory, and the driver's own work."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any

from benchmarks import billion, day
from benchmarks.billion import Measured
from benchmarks.fresh import Figures, fresh, in_turns, peak_bytes
from benchmarks.report import goal, middle, table
from synth_assets.engines import Engine, Orders, Processes, Ray, Results, Threads, connect_to_ray
from synth_assets.generator.counts import Counts
from synth_assets.generator.realistic.history import CardHistory
from synth_assets.generator.uniqueness import bucket_count
from synth_assets.judging import judge_day
from synth_assets.making import make_day
from synth_assets.shards import HistoryOrder, MadeShard, ShardOrder, carry_out
from synth_assets.storage.folder_place import Folder, StagedFile
from synth_assets.storage.footer import RowGroupEntry
from synth_assets.storage.layout import file_name
from synth_assets.storage.place import Day, Part, Parts
from synth_assets.worker_processes import Work

BILLION = 1_000_000_000


def report(folder: Path, rows: int, rounds: int, days: int) -> str:
    rounds = min(rounds, 3)
    large, several = rows * 5, rows
    start, body, made = fresh(start_of_workers, workers=2), [], {}
    for profile, wall in (("uniform", 1.05), ("realistic", 0.8)):
        made[profile] = _in_turns(folder, large, rounds, profile)
        body += _beside_threads(made[profile], start, profile, wall)
    body += _ray(folder, several, rounds)
    body += _memory(folder, rows // 2, rows * 25)
    driver, alone = _driver()
    body += driver
    processes = made["uniform"]["processes"]
    measured = Measured(
        making=(middle(processes, "processor") - start) / large * 1e6,
        judging=(middle(processes, "judging") - start) / large * 1e6,
        row_bytes=middle(processes, "bytes") / large,
        driver=alone,
    )
    return f"""## Engines, {large:,} rows

{table(["what", "seconds", "processor seconds", "peak MB", "ratio", "goal"], body)}

Each run is in a process of its own, with as many workers as it says. Processor seconds are those of all processes;
where a ratio is without the start, the imports of the workers are measured alone and left out. The peak is that of the
largest process. The driver's own work is that of a day of {BILLION:,} rows in about 1,000 shards, whose row groups are
repeated instead of made.

{billion.report(measured, day.plan_of(BILLION), bucket_count(BILLION))}"""


def _in_turns(folder: Path, rows: int, rounds: int, profile: str) -> dict[str, list[Figures]]:
    run = partial(_fresh_day, folder, rows, profile)
    peers = {"threads": partial(run, "threads", 1), "processes": partial(run, "processes", 2)}
    return in_turns(f"engines, {profile}", rounds, peers)


def _beside_threads(made: dict[str, list[Figures]], start: float, profile: str, wall: float) -> list[list[str]]:
    threads, processes = made["threads"], made["processes"]
    walls = middle(processes) / middle(threads)
    without_start = middle(processes, "processor") - start
    used = without_start / middle(threads, "processor")
    return [
        [f"{profile}: threads, 1 worker", *_figures(threads), "", ""],
        [f"{profile}: processes, 2 workers", *_figures(processes), f"{walls:.2f}× the wall",
         goal(f"at most {wall}×", walls <= wall)],
        [f"{profile}: the same without the start", "", f"{without_start:.1f}", "", f"{used:.2f}× the processor time",
         goal("at most 1.15×", used <= 1.15)],
    ]  # fmt: skip


def _ray(folder: Path, rows: int, rounds: int) -> list[list[str]]:
    run = partial(_fresh_day, folder, rows, "uniform")
    figures = in_turns(
        "engines, Ray", rounds, {"processes": partial(run, "processes", 2), "ray": partial(run, "ray", 2)}
    )
    ratio = middle(figures["ray"]) / middle(figures["processes"])
    return [
        [f"{rows:,} rows: {name}, 2 workers", *_figures(found), f"{ratio:.2f}× the wall" if name == "ray" else "",
         goal("at most 1.3×", ratio <= 1.3) if name == "ray" else ""]
        for name, found in figures.items()
    ]  # fmt: skip


def _memory(folder: Path, least: int, most: int) -> list[list[str]]:
    found = {rows: _fresh_day(folder, rows, "uniform", "processes", 2, 0) for rows in (least, most)}
    rows = []
    for who in ("driver", "worker"):
        peaks = [each[f"{who} peak"] for each in found.values()]
        growth = peaks[1] / peaks[0] - 1
        rows.append(
            [f"{who}, {least:,} to {most:,} rows", "", "", f"{peaks[0] / 1e6:.0f} to {peaks[1] / 1e6:.0f}",
             f"{growth:+.1%}", goal("under 5 %", growth < 0.05)]
        )  # fmt: skip
    return rows


def _driver() -> tuple[list[list[str]], float]:
    """The rows of the table, and the seconds of a uniform day."""
    rows, seconds = [], {}
    for profile in ("uniform", "realistic"):
        found = fresh(driver_of_a_billion, profile=profile)
        seconds[profile] = found["seconds"]
        met = found["processor"] < 60 and found["peak"] < 1e9
        rows.append([f"{profile}: the driver's own work for {BILLION:,} rows", *_figures([found]), "",
                     goal("under 60 s and 1 GB", met)])  # fmt: skip
    joined = fresh(join_footers)
    met = joined["seconds"] < 2 and joined["grown"] < 200e6
    rows.append(["the footers of 10,000 row groups joined", *_figures([joined]), f"+{joined['grown'] / 1e6:.0f} MB",
                 goal("under 2 s and 200 MB", met)])  # fmt: skip
    return rows, seconds["uniform"]


def _figures(found: list[Figures]) -> list[str]:
    return [f"{middle(found):.1f}", f"{middle(found, 'processor'):.1f}", f"{middle(found, 'peak') / 1e6:.0f}"]


def _fresh_day(folder: Path, rows: int, profile: str, engine: str, workers: int, number: int) -> Figures:
    return fresh(day_on, folder=folder, rows=rows, profile=profile, engine=engine, workers=workers)


def day_on(folder: str, rows: int, profile: str, engine: str, workers: int) -> Figures:
    """Make a day on an engine. Ray's own start is not counted."""
    engines: dict[str, Callable[[int], Engine]] = {"threads": Threads, "processes": Processes, "ray": Ray}
    chosen, plan = engines[engine](workers), day.plan_of(rows, profile=profile)
    if engine == "ray":
        connect_to_ray(None)
        list(chosen.run(imported, range(workers)))
    started, before = time.perf_counter(), processor_seconds()
    with Folder(Path(folder)).replace_day(file_name(rows, plan.day), plan.day, {}, lambda _: None) as staged:
        size = make_day(staged, day.contract(), plan, chosen).size
    made = Folder(Path(folder)).find_day(plan.day)
    seconds, used = time.perf_counter() - started, processor_seconds() - before
    before = processor_seconds()
    if broken := [claim.summary for claim in judge_day(day.contract(), made, chosen) if not claim.passed]:
        sys.exit(f"the day of {rows:,} rows breaks its claims: {broken}")
    judging = processor_seconds() - before
    Path(folder, file_name(rows, plan.day)).unlink()
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return {
        "seconds": seconds, "processor": used, "judging": judging, "rows": rows, "bytes": size,
        "peak": max(peak_bytes(), worker), "driver peak": peak_bytes(), "worker peak": worker,
    }  # fmt: skip


def processor_seconds() -> float:
    """Those of this process, and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def start_of_workers(workers: int) -> float:
    """The processor seconds of workers that start, import what carries out orders, and end."""
    before = processor_seconds()
    list(Processes(workers).run(imported, range(workers)))
    return processor_seconds() - before


def imported(_: int) -> Iterator[str]:
    """What a worker says once it has imported what carries out orders, as this module does."""
    yield carry_out.__name__


class _Repeated:
    """An engine that makes one shard, and gives it for every other one; and a place that takes parts and drops them."""

    name = "processes"
    workers = 2

    def __init__(self, made: MadeShard, history: CardHistory | None) -> None:
        self._made = made
        self._history = history
        self.tail = 0

    def run(self, work: Work, orders: Orders) -> Results:
        for order in orders:
            if isinstance(order, HistoryOrder):
                yield self._history
            elif isinstance(order, ShardOrder):
                groups = order.last - order.first
                entries = [each for each, _ in zip(cycle(self._made.entries), range(groups), strict=False)]
                yield MadeShard(entries, self._made.counts[:1] * groups, self._made.part)

    @property
    def parts(self) -> Any:
        return self

    def append(self, part: Part) -> None:
        pass

    def finish(self, tail: bytes) -> Any:
        self.tail = len(tail)


def _one_shard(folder: Path, plan: Any) -> MadeShard:
    schema = day.contract()
    staged = StagedFile(folder / "unfinished", plan.day)
    parts: Parts = staged.parts
    order = ShardOrder(schema, plan, 0, 10, 1, parts, None)
    (made,) = carry_out(order)
    Path(made.part.receipt).unlink()
    return made


def driver_of_a_billion(profile: str) -> Figures:
    """What the driver does for a billion rows, but for waiting and for moving bytes."""
    import tempfile

    plan = day.plan_of(BILLION, profile=profile)
    with tempfile.TemporaryDirectory() as folder:
        made = _one_shard(Path(folder), day.plan_of(1_000_000))
    history = None
    if profile == "realistic":
        from synth_assets.generator.realistic.history import card_history

        history = card_history(plan, range(2))
    repeated: Any = _Repeated(made, history)
    counts = Counts()

    def add(row_group: Counts) -> None:
        nonlocal counts
        counts += row_group

    started, before = time.perf_counter(), processor_seconds()
    finished: Day = make_day(repeated, day.contract(), plan, repeated, add)
    if finished is not None or repeated.tail < 10_000 * 1_000:
        sys.exit("the footer of ten thousand row groups is too short")
    return {
        "seconds": time.perf_counter() - started, "processor": processor_seconds() - before, "peak": peak_bytes(),
    }  # fmt: skip


def join_footers() -> Figures:
    """Join the entries of 10,000 row groups to one footer."""
    import tempfile

    from synth_assets.day import layout_of
    from synth_assets.generator.provenance import Provenance
    from synth_assets.storage.parquet import make_footer

    schema, plan = day.contract(), day.plan_of(BILLION)
    with tempfile.TemporaryDirectory() as folder:
        made = _one_shard(Path(folder), day.plan_of(1_000_000))
    entries: list[RowGroupEntry] = made.entries * 1_000
    footer = make_footer(schema.arrow_schema, layout_of(schema, plan), Provenance.of(schema, plan).document)
    held, started, before = peak_bytes(), time.perf_counter(), processor_seconds()
    footer.join(entries)
    return {
        "seconds": time.perf_counter() - started, "processor": processor_seconds() - before, "peak": peak_bytes(),
        "grown": peak_bytes() - held,
    }  # fmt: skip
