"""Where the work of a day runs: in this process, on the cores of this machine, or on a Ray cluster.

Work is a function of one order that yields results. It is the same for every engine, and so is what it yields: an
engine decides only where it runs, and gives the results of all orders in the order of the orders. No other module
knows of Ray. Dagster is not imported here, because that takes longer than making a small day.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Protocol, Self

from synth_assets.shards import LEAST_ROWS
from synth_assets.storage.errors import StorageError
from synth_assets.worker_processes import Outcome, Work, WorkerProcesses
from synth_assets.workers import EngineName, usable_cores

Orders = Iterable[Any]
"""Orders. None stands for one that depends on results which have yet to be taken: the engine asks for it again once it
has given another result."""

Results = Generator[Any, None, None]

PROCESSES_FROM_ROWS = 5_000_000
PROCESSES_FROM_CORES = 4
"""Where `auto` takes processes. docs/engines.md has the figures behind both."""

# A cluster of this machine alone listens to nobody else.
LOCAL_CLUSTER = {"address": "local", "_node_ip_address": "127.0.0.1", "include_dashboard": False}

RETRIES = 3
"""How often an order is carried out again because its worker has died."""


class Engine(Protocol):
    """Carries out orders on `workers` workers at once."""

    name: ClassVar[EngineName]

    @property
    def workers(self) -> int: ...

    def __hash__(self) -> int: ...

    def run(self, work: Work, orders: Orders) -> Results:
        """The results of the orders, in order. Workers stop within seconds once the iteration is closed.

        An error in an order is raised where its results would come.

        Raises:
            StorageError: a worker died again and again, or could not be started.
        """


@dataclass(frozen=True)
class Threads:
    """This process carries out one order after the other. `workers` are the threads that generate within an order."""

    workers: int
    name: ClassVar[EngineName] = "threads"

    def run(self, work: Work, orders: Orders) -> Results:
        for order in orders:
            yield from work(order)


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, started for each run: each imports the generator once."""

    workers: int
    name: ClassVar[EngineName] = "processes"

    def run(self, work: Work, orders: Orders) -> Results:
        return _in_order(WorkerProcesses(work, RETRIES), orders, self.workers)


@dataclass(frozen=True)
class Ray:
    """A Ray cluster, to which this process stays connected: the one at `address`, or else one of this machine."""

    workers: int
    address: str | None = None
    name: ClassVar[EngineName] = "ray"

    def run(self, work: Work, orders: Orders) -> Results:
        return _in_order(_RayTasks(connect_to_ray(self.address), work), orders, self.workers)


def describe_engine(engine: Engine) -> str:
    """The engine and its workers, for people to read: "processes, 4 workers"."""
    return f"{engine.name}, {engine.workers:,} worker{'' if engine.workers == 1 else 's'}"


class Pool(AbstractContextManager["Pool"], Protocol):
    """Workers. When the context ends, whatever they do is stopped."""

    def submit(self, number: int, order: Any) -> None:
        """Have an order carried out."""

    def completed(self) -> Iterable[tuple[int, Outcome]]:
        """Wait until an order or more have been carried out: their numbers and outcomes."""


def _in_order(pool: Pool, orders: Orders, workers: int) -> Results:
    """The results of the orders, in order. No more orders than twice the workers are begun and not yet given."""
    source = iter(orders)
    outcomes: dict[int, Outcome] = {}
    begun = given = under_way = 0
    with pool:
        while True:
            order = None
            while under_way < workers and begun - given < 2 * workers:
                if (order := next(source, _END)) is None or order is _END:
                    break
                pool.submit(begun, order)
                begun += 1
                under_way += 1
            if given == begun and order is _END:
                return
            while given not in outcomes:
                for number, outcome in pool.completed():
                    outcomes[number] = outcome
                    under_way -= 1
            results, error = outcomes.pop(given)
            if error:
                raise error
            given += 1
            yield from results


_END = object()


class _RayTasks:
    """A task of a Ray cluster for each order. Ray itself carries out anew what a lost worker had."""

    def __init__(self, ray: Any, work: Work) -> None:
        self._ray = ray
        self._work = work
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(_carry_out)
        self._numbers: dict[Any, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for task in self._numbers:
            self._ray.cancel(task, force=True)

    def submit(self, number: int, order: Any) -> None:
        self._numbers[self._task.remote(self._work, order)] = number

    def completed(self) -> Iterable[tuple[int, Outcome]]:
        for task in self._ray.wait(list(self._numbers), num_returns=1)[0]:
            yield self._numbers.pop(task), self._outcome(task)

    def _outcome(self, task: Any) -> Outcome:
        try:
            return Outcome(self._ray.get(task))
        except self._ray.exceptions.RayTaskError as error:
            return Outcome([], error.cause if isinstance(error.cause, Exception) else error)
        except self._ray.exceptions.RayError as error:
            return Outcome(
                [],
                StorageError(
                    f"A Ray worker was lost, or could not begin: {_line(error)} See Ray's logs. It may be short of "
                    f"memory, or lack this project: install the same release on all machines."
                ),
            )


def _carry_out(work: Work, order: Any) -> list[Any]:
    return list(work(order))


def connect_to_ray(address: str | None) -> Any:
    """Ray, connected to the cluster at the address or at RAY_ADDRESS, or else to one that is started here.

    Raises:
        StorageError: Ray is not installed, or the cluster cannot be reached.
    """
    try:
        import ray
    except ImportError as error:
        raise StorageError(
            "The engine ray needs Ray, which is not installed. Install synth-assets[ray], or choose another engine."
        ) from error
    if ray.is_initialized():
        return ray
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        _look_for(address)
    where: dict[str, Any] = {"address": address} if address else LOCAL_CLUSTER
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        cluster = f"the Ray cluster at {address}" if address else "a Ray cluster on this machine"
        raise StorageError(f"Cannot use {cluster}: {_line(error)} Check the address, or leave it out.") from error
    return ray


def _look_for(address: str) -> None:
    """Ray itself waits for minutes where nobody answers, and then ends the process."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator or not port.isdigit():
        return  # "auto" and the like: Ray finds these out by itself
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except OSError as error:
        raise StorageError(
            f"Cannot reach the Ray cluster at {address}: {error.strerror or error}. Check the address and that the "
            f"cluster runs, or choose another engine."
        ) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def choose_engine(name: EngineName, workers: int | None, address: str | None, rows: int) -> Engine:
    """The engine for a day of so many rows.

    `auto` takes processes from `PROCESSES_FROM_ROWS` rows where there are `PROCESSES_FROM_CORES` usable cores, and
    threads otherwise. A day that cannot be cut in two is made by threads. Where `workers` is None, threads leave one
    core to the encoder, processes take all usable cores, and Ray takes all cores of the cluster.

    Raises:
        StorageError: as `connect_to_ray`.
    """
    cores = usable_cores()
    if name == "auto":
        name = "processes" if rows >= PROCESSES_FROM_ROWS and cores >= PROCESSES_FROM_CORES else "threads"
    if name == "threads" or rows < 2 * LEAST_ROWS:
        return Threads((workers if name == "threads" else None) or max(1, cores - 1))
    if name == "processes":
        return Processes(workers or cores)
    if workers is None:
        workers = max(1, int(connect_to_ray(address).cluster_resources().get("CPU", 1)))
    return Ray(workers, address)
