"""Worker processes of this machine: started when they are needed, replaced where they die, and killed at the end."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from types import ModuleType, TracebackType
from typing import Any, NamedTuple, Self

from synth_assets.storage.errors import StorageError

Work = Callable[[Any], Iterator[Any]]
"""Carries out an order. Workers import it by its name, so it is a function of a module."""


class Outcome(NamedTuple):
    """What came of an order: its results, or the error that it raised."""

    results: list[Any]
    error: Exception | None = None


_SPAWN = multiprocessing.get_context("spawn")
"""A forked process would inherit locks that are held by threads which it does not have."""


class WorkerProcesses:
    """Processes that each carry out one order at a time, as many as there are orders under way.

    An order whose worker dies is given to another one, up to `retries` times.
    """

    def __init__(self, work: Work, retries: int) -> None:
        self._work = work
        self._retries = retries
        self._idle: list[_Worker] = []
        self._busy: dict[Any, _Worker] = {}
        self._deaths: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for worker in [*self._idle, *self._busy.values()]:
            worker.kill()

    def submit(self, number: int, order: Any) -> None:
        worker = self._idle.pop() if self._idle else _Worker(self._work)
        worker.give(number, order)
        self._busy[worker.connection] = worker

    def completed(self) -> Iterable[tuple[int, Outcome]]:
        """Wait until an order or more have been carried out, or a worker has died: the numbers and outcomes.

        Raises:
            StorageError: workers died over the same order again and again.
        """
        for connection in wait(list(self._busy)):
            worker = self._busy.pop(connection)
            try:
                outcome = worker.connection.recv()
            except (EOFError, OSError):
                self._replace(worker)
                continue
            self._idle.append(worker)
            yield worker.number, outcome

    def _replace(self, worker: _Worker) -> None:
        exit_code = worker.kill()
        deaths = self._deaths[worker.number] = self._deaths.get(worker.number, 0) + 1
        if deaths > self._retries:
            raise StorageError(
                f"A worker process died {deaths} times over the same rows, the last time with exit code {exit_code}. "
                f"The machine may be short of memory: use fewer workers or a smaller chunk_size."
            )
        self.submit(worker.number, worker.order)


class _Worker:
    """A process, this end of the pipe to it, and what it is to do."""

    def __init__(self, work: Work) -> None:
        self.connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, work), daemon=True)
        with _without_main_module():
            self._process.start()
        theirs.close()
        self.number, self.order = -1, None

    def give(self, number: int, order: Any) -> None:
        self.number, self.order = number, order
        with suppress(OSError):  # of a pipe whose other end has died: who waits for the outcome will find out
            self.connection.send(order)

    def kill(self) -> int | None:
        """Kill the process, whatever it does; its exit code."""
        self._process.kill()
        self._process.join()
        self.connection.close()
        return self._process.exitcode


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Let a process start without this one's main module.

    It would be imported there again: all of Dagster, or a script that makes a day as soon as it is imported.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(connection: Connection, work: Work) -> None:
    """Carry out orders until this process is killed, or the one that started it has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process of a terminal; the first one decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            outcome = Outcome(list(work(connection.recv())))
        except EOFError:
            return
        except Exception as error:
            outcome = Outcome([], error)
        connection.send(outcome)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None  # this process was spawned
    parent.join()
    os._exit(1)
