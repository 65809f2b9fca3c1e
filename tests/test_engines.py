"""An engine carries out orders: all of them, in order, whatever happens to its workers, and nothing stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from synth_assets.engines import Processes, Ray, Threads, choose_engine, describe_engine
from synth_assets.shards import LEAST_ROWS
from synth_assets.storage.errors import StorageError
from tests import engine_work
from tests.conftest import HANG_SECONDS, PROJECT_ROOT, free_port


@pytest.fixture(params=["threads", "processes", "ray"])
def engine(request):
    if request.param == "ray":
        return request.getfixturevalue("ray_engine")
    return Threads(2) if request.param == "threads" else Processes(2)


def test_the_results_of_all_orders_come_in_order(engine):
    expected = [result for number in range(20) for result in (number, 2 * number)]
    assert list(engine.run(engine_work.doubled, range(20))) == expected
    assert list(engine.run(engine_work.doubled, [])) == []


def test_an_order_may_wait_for_results_that_have_yet_to_be_taken(engine):
    taken: list[int] = []

    def orders():
        for number in range(6):
            while len(taken) < 2 * number - 4:
                yield None
            yield number

    def work_of(orders):
        for result in engine.run(engine_work.doubled, orders):
            taken.append(result)

    work_of(order for order in orders() if engine.name != "threads" or order is not None)
    assert taken == [result for number in range(6) for result in (number, 2 * number)]


def test_no_more_is_begun_than_twice_the_workers(engine):
    begun: list[int] = []

    def orders():
        for number in range(40):
            begun.append(number)
            yield number

    with closing(engine.run(engine_work.doubled, orders())) as results:
        for taken, _ in enumerate(results):
            assert len(begun) <= taken // 2 + 1 + 2 * engine.workers


def test_an_error_in_an_order_is_raised_where_its_results_would_come(engine):
    results = engine.run(engine_work.refused, range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two is refused"):
        next(results)


@pytest.mark.parametrize("name", ["processes", "ray"])
def test_what_a_killed_worker_had_is_carried_out_again(name, request, tmp_path):
    engine = Processes(2) if name == "processes" else request.getfixturevalue("ray_engine")
    orders = [(number, tmp_path) for number in range(6)]
    assert list(engine.run(engine_work.deadly_once, orders)) == [0, 1, 2, 3, 4, 5]
    assert {path.name for path in tmp_path.iterdir()} == {"1", "3", "5"}


@pytest.mark.parametrize("name", ["processes", "ray"])
def test_an_order_that_kills_every_worker_ends_in_one_clear_error(name, request):
    engine = Processes(2) if name == "processes" else request.getfixturevalue("ray_engine")
    with pytest.raises(StorageError, match=r"worker .* short of memory"):
        list(engine.run(engine_work.deadly, [0]))


def test_processes_stay_for_all_orders_and_are_as_many_as_there_are_workers():
    seen = set(Processes(2).run(engine_work.by_which_process, range(20)))
    assert os.getpid() not in seen
    assert 1 <= len(seen) <= 2


def test_processes_end_when_the_iteration_is_closed(tmp_path):
    with closing(Processes(2).run(engine_work.endless_but_the_first, ["the first", tmp_path])) as results:
        assert next(results) == "the first"
        (worker,) = wait_for_workers(tmp_path)
    assert not is_running(worker)


def test_processes_end_when_the_one_that_started_them_is_killed(tmp_path):
    program = (
        "import sys; from pathlib import Path; from synth_assets.engines import Processes; "
        "from tests import engine_work; list(Processes(2).run(engine_work.endless, [Path(sys.argv[1])] * 2))"
    )
    with subprocess.Popen([sys.executable, "-c", program, tmp_path], cwd=PROJECT_ROOT) as parent:
        workers = wait_for_workers(tmp_path, 2)
        parent.kill()
    wait_until(lambda: not any(map(is_running, workers)))


def test_a_script_without_a_guard_is_not_run_again_by_its_workers(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from synth_assets.engines import Processes\nfrom tests import engine_work\n"
        "print(sum(Processes(2).run(engine_work.doubled, range(4))))\n"
    )
    done = subprocess.run(
        [sys.executable, script], env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("18\n", "")


def wait_for_workers(folder: Path, count: int = 1) -> list[int]:
    """The process ids of workers that have said in the folder that they run."""
    wait_until(lambda: len(list(folder.iterdir())) >= count)
    return [int(path.name) for path in folder.iterdir()]


def wait_until(seen: Callable[[], bool]) -> None:
    ends = time.monotonic() + HANG_SECONDS
    while not seen():
        assert time.monotonic() < ends
        time.sleep(0.01)


def is_running(process: int) -> bool:
    """Whether there is such a process. One that is dead and has not been waited for does not run."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


# --- which engine ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "workers", "rows", "cores", "chosen"),
    [
        ("auto", None, 1_000_000, 16, "threads, 15 workers"),
        ("auto", None, 5_000_000, 16, "processes, 16 workers"),
        ("auto", None, 5_000_000, 2, "threads, 1 worker"),
        ("auto", 3, 5_000_000, 16, "processes, 3 workers"),
        ("threads", None, 50_000_000, 16, "threads, 15 workers"),
        ("threads", None, 50_000_000, 1, "threads, 1 worker"),
        ("threads", 3, 50_000_000, 16, "threads, 3 workers"),
        ("processes", None, 1_000_000, 2, "processes, 2 workers"),
        ("processes", 5, 1_000_000, 2, "processes, 5 workers"),
        ("processes", 5, 2 * LEAST_ROWS - 1, 4, "threads, 3 workers"),
        ("ray", 40, 1_000_000, 2, "ray, 40 workers"),
    ],
)
def test_the_engine_follows_the_choice_the_rows_and_the_cores(monkeypatch, name, workers, rows, cores, chosen):
    monkeypatch.setattr("synth_assets.engines.usable_cores", lambda: cores)
    assert describe_engine(choose_engine(name, workers, None, rows)) == chosen


def test_ray_takes_all_cores_of_the_cluster(ray_engine):
    assert choose_engine("ray", None, None, 1_000_000) == Ray(3)


def test_an_engine_that_is_not_installed_says_what_to_install():
    program = (
        "import sys; sys.modules['ray'] = None; from synth_assets.engines import choose_engine;"
        "from synth_assets.storage.errors import StorageError\n"
        "try: choose_engine('ray', None, None, 1_000_000)\n"
        "except StorageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (
        "The engine ray needs Ray, which is not installed. Install synth-assets[ray], or choose another engine.\n"
    )


def test_a_cluster_that_is_not_there_is_named():
    address = f"127.0.0.1:{free_port()}"
    program = (
        "import sys; from synth_assets.engines import choose_engine; "
        "from synth_assets.storage.errors import StorageError\n"
        "try: choose_engine('ray', None, sys.argv[1], 1_000_000)\nexcept StorageError as error: print(error)"
    )
    command = [sys.executable, "-c", program, address]
    done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == (
        f"Cannot reach the Ray cluster at {address}: Connection refused. Check the address and that the cluster runs, "
        f"or choose another engine.\n"
    )
