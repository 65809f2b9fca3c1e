"""One library, installed apart, that reads one file in a process of its own; and whether what it read is right."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.readers.libraries import Library

Columns = dict[str, list[Any]]
"""Values by column: text, numbers, Booleans and None, and times as milliseconds since 1970."""

SECONDS = 600
"""The bound of an installation and of a reading."""

PYTHON = """
import json, sys
path, out = sys.argv[1:]
{code}
def plain(value):
    if value != value:  # NaN and NaT are pandas's nulls
        return None
    if hasattr(value, "timestamp"):
        return round(value.timestamp() * 1000)
    return value.item() if hasattr(value, "item") else value
with open(out, "w") as file:
    json.dump({{name: [plain(value) for value in values] for name, values in columns.items()}}, file)
"""
JAVASCRIPT = """
import {{ writeFileSync }} from "node:fs"
const [path, out] = process.argv.slice(2)
{code}
function plain(value) {{
  if (value instanceof Date) return value.getTime()
  return typeof value === "bigint" ? (Number.isSafeInteger(Number(value)) ? Number(value) : String(value)) : value
}}
for (const name in columns) columns[name] = columns[name].map(plain)
writeFileSync(out, JSON.stringify(columns))
"""


class NotTried(Exception):
    """The library cannot be installed here."""


class Refused(Exception):
    """The library cannot read the file."""


def install(library: Library, folder: Path) -> Path:
    """Install the library below `folder`, unless it is there, and return its home.

    Raises:
        NotTried: it cannot be installed.
    """
    home = folder / re.sub(r"\W+", "-", f"{library.name}-{library.version}").strip("-")
    if (home / "installed").exists():
        return home
    home.mkdir(parents=True, exist_ok=True)
    if library.npm:
        commands = [["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *library.packages]]
    else:
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        commands = [[sys.executable, "-m", "venv", str(home)], [*pip, *library.packages]]
    for command in commands:
        if not shutil.which(command[0]):
            raise NotTried(f"{command[0]} is not installed")
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=SECONDS, env=_environment())
        if done.returncode:
            raise NotTried(_last_line(done.stderr))
    (home / "installed").touch()
    return home


def read(library: Library, home: Path, path: Path) -> Columns:
    """What the library reads from the file at `path`.

    Raises:
        Refused: it raises an error.
    """
    out, program = home / "columns.json", home / ("read.mjs" if library.npm else "read.py")
    program.write_text((JAVASCRIPT if library.npm else PYTHON).format(code=library.code))
    command = "node" if library.npm else str(home / "bin" / "python")
    done = subprocess.run(
        [command, str(program), str(path), str(out)],
        cwd=home,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=_environment(),
    )
    if done.returncode:
        raise Refused(_last_line(done.stderr))
    found: Columns = json.loads(out.read_text())
    return found


def verdict(found: Columns, made: Columns) -> str:
    """Whether all values of all columns are those that were made. The order of the rows is free, as in SQL."""
    found, made = _by_id(found), _by_id(made)
    wrong = [name for name, values in made.items() if found.get(name) != values]
    if wrong == ["event_time"] and _numbers(found["event_time"]) == [10**6 * time for time in made["event_time"]]:
        return "right, `event_time` as a number"
    if len(wrong) > 3:
        return f"**wrong**: {len(wrong)} columns"
    return f"**wrong**: {', '.join(wrong)}" if wrong else "right"


def _by_id(columns: Columns) -> Columns:
    ids = columns.get("transaction_id", [])
    order = sorted(range(len(ids)), key=ids.__getitem__)
    return {name: [values[place] for place in order] for name, values in columns.items()}


def _numbers(values: list[Any]) -> list[int]:
    """Whole numbers, also those that JavaScript can only write as text."""
    return [int(value) for value in values if str(value).isdigit()]


def _environment() -> dict[str, str]:
    """This process's environment, without its Python packages, and in UTC."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "TZ": "UTC", "PYTHONWARNINGS": "ignore"}


def _last_line(text: str) -> str:
    """The line that says what went wrong: the last one that names an error (Java's come after a colon)."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["it ended without a word"]
    named = [line for line in lines if re.match(r"(: |Caused by: )?[\w.]*(Error|Exception)\b", line)]
    return re.sub(r"^(: |Caused by: )|[\w.]+\.(?=\w+(Error|Exception)\b)", "", (named or lines)[-1])[:160]
