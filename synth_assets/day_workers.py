"""Processes that make days side by side: they read a day a line, and answer a report a line, as JSON.

A process ends with the pipe that it reads from, however the command that started it came to its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Any


def side_by_side(days: Sequence[str], task: Mapping[str, Any], jobs: int) -> Iterator[dict[str, Any] | str]:
    """The report of each day, in their order, or why its process gave none. Left early, it starts no further day.

    Args:
        task: the `config` and the `options` of every day, as `days_command.one_by_one` takes them.
        jobs: how many days are made at once.
    """
    idle: SimpleQueue[_Worker] = SimpleQueue()
    for _ in range(jobs):
        idle.put(_Worker(task))

    def make(day: str) -> dict[str, Any] | str:
        worker = idle.get()
        found = worker.make(day)
        idle.put(_Worker(task) if isinstance(found, str) else worker)
        return found

    with ThreadPoolExecutor(jobs) as threads:
        waiting = [threads.submit(make, day) for day in days]
        try:
            yield from (each.result() for each in waiting)
        finally:
            threads.shutdown(cancel_futures=True)  # days that are being made are made to their end, unless interrupted
            while not idle.empty():
                idle.get().close()


class _Worker:
    def __init__(self, task: Mapping[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "synth_assets.day_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )
        self._task = json.dumps(task, default=str)

    def make(self, day: str) -> dict[str, Any] | str:
        """The day's report, or why there is none: the process has died, of a signal or for want of memory."""
        asked, answered = self._process.stdin, self._process.stdout
        if asked is None or answered is None:
            raise ValueError("the process was started without pipes")
        with suppress(BrokenPipeError):
            asked.write(f"{self._task}\n{day}\n" if self._task else f"{day}\n")
            asked.flush()
        self._task = ""
        if answer := answered.readline():
            return dict(json.loads(answer))
        self.close()
        return f"the process that made {day} ended with exit code {self._process.returncode}"

    def close(self) -> None:
        """Let the process end, and wait for it."""
        with suppress(BrokenPipeError):
            self._process.communicate()
