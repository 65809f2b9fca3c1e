"""The report's Markdown."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from benchmarks.fresh import Figures

LIBRARIES = (
    "polars", "pyarrow", "numpy", "polars-hash", "polars-uuid", "dagster", "boto3", "duckdb", "faker", "tpchgen-cli",
)  # fmt: skip


def machine() -> str:
    """What the figures were measured on."""
    cpus = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cpu = cpus[0].split(":")[1].strip() if cpus else platform.machine()
    return "\n".join(
        [
            f"- {dt.date.today()}: {cpu}, {len(os.sched_getaffinity(0))} usable cores, {memory:.0f} GB of memory",
            f"- Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        ]
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column is text, as is the last where it says the goal."""
    marks = ["---" if name in (header[0], "goal", "ratio") else "---:" for name in header]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, marks, *rows))


def goal(text: str, met: bool) -> str:
    return f"{text}: **{'met' if met else 'missed'}**"


def middle(figures: Sequence[Figures], name: str = "seconds") -> float:
    """The median over the rounds."""
    return float(median(each[name] for each in figures))


def spread(figures: Sequence[Figures], name: str = "seconds") -> str:
    """The least and the most over the rounds."""
    values = [each[name] for each in figures]
    return f"{min(values):.2f}–{max(values):.2f}"
