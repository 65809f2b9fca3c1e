"""Runs a function of the benchmarks in a process of its own, and peers in turns.

python -m benchmarks.fresh MODULE FUNCTION ARGUMENTS runs it and prints what it returns, both as JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent

Figures = dict[str, Any]
"""What one run of a peer gives: numbers by name."""


def fresh(function: Callable[..., Any], environment: Mapping[str, str] | None = None, **arguments: Any) -> Any:
    """What the function returns when a new process calls it. Nothing that ran before can help or burden it."""
    command = [sys.executable, "-m", "benchmarks.fresh", function.__module__, function.__name__]
    done = run([*command, json.dumps(arguments, default=str)], environment or os.environ)
    return json.loads(done.splitlines()[-1])


def run(command: list[str], environment: Mapping[str, str]) -> str:
    """Run a command in the project's root; its standard output."""
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{Path(command[0]).name} {' '.join(command[1:5])} failed:\n{done.stderr[-4_000:]}")
    return done.stdout


def timed(command: list[str]) -> Figures:
    """The wall of a command, its processor time, and the most memory that its process has held. For a fresh process:
    the maximum begins with that of the process that starts the command, which this module alone keeps small."""
    started = time.perf_counter()
    run(command, os.environ)
    seconds = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"seconds": seconds, "processor": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss * 1024}


def in_turns(part: str, rounds: int, peers: Mapping[str, Callable[[int], Figures]]) -> dict[str, list[Figures]]:
    """Every peer's figures, one for each round: A, B, C, A, B, C …, so that noise hits all alike."""
    found: dict[str, list[Figures]] = {name: [] for name in peers}
    for number in range(rounds):
        for name, measure in peers.items():
            say(f"{part}: {name}, round {number + 1} of {rounds}")
            found[name].append(measure(number))
    return found


def say(text: str) -> None:
    """Progress, beside the report."""
    print(text, file=sys.stderr, flush=True)


def peak_bytes() -> int:
    """The most memory that this process has held."""
    # Not getrusage: its maximum begins with that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


if __name__ == "__main__":
    module, function, arguments = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), function)(**json.loads(arguments))))
