"""Read a day with every reader, and print which of them read it right."""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks import day
from benchmarks.fresh import PROJECT_ROOT, say
from benchmarks.readers.libraries import LIBRARIES, Library
from benchmarks.readers.reading import Columns, NotTried, Refused, install, read, verdict
from benchmarks.report import table
from synth_assets.generator.schema import TransactionSchema
from synth_assets.generator.simulator import TransactionSimulator

ROWS, CHUNK_SIZE = 20_000, 8_000
FILES: dict[str, dict[str, Any]] = {
    "default": {},
    "realistic": {"profile": "realistic", "customers": 1_000},
    "`unit: us`": {"unit": "us"},
    "`unit: us`, `compact`": {"unit": "us", "encodings": "compact"},
}
"""The files by their titles, and how each differs from a default one."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="READER", help="the readers to try (default: all)")
    parser.add_argument(
        "--folder", type=Path, default=PROJECT_ROOT / ".venv" / "readers", help="where they are installed"
    )
    options = parser.parse_args()
    chosen = [library for library in LIBRARIES if not options.names or library.name in options.names]
    reasons: list[str] = []
    with tempfile.TemporaryDirectory(prefix="readers-") as folder:
        files = {title: make(Path(folder), title, **settings) for title, settings in FILES.items()}
        lines = [[each.name, each.version, *try_out(each, options.folder, files, reasons)] for each in chosen]
    print(table(["reader", "version", *FILES], lines).replace("---:", "---"))
    print("", *reasons, sep="\n")


def make(folder: Path, title: str, unit: str = "ns", **settings: Any) -> tuple[Path, Columns]:
    """A day's file, and what it was made of."""
    simulator = TransactionSimulator(in_unit(unit), day.plan_of(ROWS, chunk_size=CHUNK_SIZE, **settings))
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    day.write_day(path, simulator.schema, simulator.plan, simulator.workers)
    made = pa.concat_tables(simulator)
    place = made.schema.get_field_index("event_time")
    milliseconds = made["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64())
    return path, made.set_column(place, "event_time", milliseconds).to_pydict()


def in_unit(unit: str) -> TransactionSchema:
    """The contract with its event times in a unit."""
    canonical = day.contract().canonical
    fields = [field | ({"unit": unit} if field["name"] == "event_time" else {}) for field in canonical["fields"]]
    return TransactionSchema.from_canonical({**canonical, "fields": fields}, "the contract")


def try_out(library: Library, folder: Path, files: dict[str, tuple[Path, Columns]], reasons: list[str]) -> list[str]:
    """The verdict on each file. `reasons` gets a line for whatever is refused."""
    say(f"readers: {library.name} {library.version}")
    try:
        home = install(library, folder)
    except (NotTried, subprocess.TimeoutExpired) as reason:
        reasons.append(f"* {library.name} {library.version}: {reason}")
        return ["not tried"] * len(files)
    verdicts = []
    for title, (path, made) in files.items():
        try:
            verdicts.append(verdict(read(library, home, path), made))
        except (Refused, subprocess.TimeoutExpired) as reason:
            verdicts.append("refused")
            reasons.append(f"* {library.name} {library.version}, {title}: {reason}")
    return verdicts


if __name__ == "__main__":
    main()
