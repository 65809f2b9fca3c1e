"""What workers of other processes carry out in the tests of engines: they import it by its name."""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth_assets.engines import Orders, Results
from synth_assets.storage.place import PartBody, Parts
from synth_assets.worker_processes import Work


def doubled(number: int) -> Iterator[int]:
    """Two results for each order."""
    yield number
    yield 2 * number


def by_which_process(_: int) -> Iterator[int]:
    yield os.getpid()


def refused(number: int) -> Iterator[int]:
    if number == 2:
        raise ValueError("two is refused")
    yield number


def deadly_once(order: tuple[int, Path]) -> Iterator[int]:
    """The worker of an odd number dies, unless one has died over it before."""
    number, folder = order
    if number % 2 and not (folder / str(number)).exists():
        (folder / str(number)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield number


def deadly(_: int) -> Iterator[int]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield 0


def endless(folder: Path) -> Iterator[int]:
    """Say which process it is, and never end."""
    (folder / str(os.getpid())).touch()
    while True:
        time.sleep(1)
    yield 0


def endless_but_the_first(order: str | Path) -> Iterator[int | str]:
    if isinstance(order, str):
        yield order
    else:
        yield from endless(order)


@dataclass(frozen=True)
class DeadlyParts:
    """Parts whose writer is killed in the middle of part 2, once."""

    parts: Parts
    marker: Path

    def write(self, number: int) -> AbstractContextManager[PartBody]:
        written = self.parts.write(number)
        if number == 2 and not self.marker.exists():
            self.marker.touch()
            written.__enter__().file.write(b"half a part")
            os.kill(os.getpid(), signal.SIGKILL)
        return written


@dataclass
class DeadlyStaged:
    """A staged day that hands out `DeadlyParts`."""

    staged: Any
    marker: Path

    def __getattr__(self, name: str) -> Any:
        return getattr(self.staged, name)

    @property
    def parts(self) -> DeadlyParts:
        return DeadlyParts(self.staged.parts, self.marker)


@dataclass(frozen=True)
class Backwards:
    """An engine that carries out what is under way in the opposite order, and gives the results in order."""

    workers: int = 3
    name = "processes"

    def run(self, work: Work, orders: Orders) -> Results:
        source = iter(orders)
        while True:
            waiting: deque[Any] = deque()
            while len(waiting) < self.workers and (order := next(source, None)) is not None:
                waiting.append(order)
            if not waiting:
                return
            results = [list(work(order)) for order in reversed(waiting)]
            for each in reversed(results):
                yield from each
