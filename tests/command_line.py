"""What the tests of the command line share: a command run in this process, a small day, and where its file goes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from synth_assets import cli
from synth_assets.storage.layout import month_report_name, report_name
from tests.conftest import BIN, DAY

COMMAND = [str(BIN / "synth-assets")]
MODULE = [sys.executable, "-m", "synth_assets.cli"]

SMALL = ("--rows", "1000", "--date", str(DAY))
FILE = f"payments_1000_{DAY}.parquet"
REPORTS = (report_name(DAY), month_report_name(DAY))
OBJECT = f"payments/year=2026/month=01/{FILE}"


class Outcome(NamedTuple):
    """The exit code of a command, and what it wrote to stdout and stderr."""

    code: int
    out: str
    err: str


@pytest.fixture
def working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working directory: there is no project in it, so runs leave no history and nothing in the checkout."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def synth_assets(working_directory: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """The command, run in this process."""

    def run(*arguments: str) -> Outcome:
        try:
            code = cli.main(list(arguments))
        except SystemExit as exit_:
            code = exit_.code
        return Outcome(code, *capfd.readouterr())

    return run


def files(folder: Path) -> list[str]:
    """Every file below a folder, hidden ones too, relative to the folder and in order."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def one_error(outcome: Outcome) -> str:
    """The only error line of a failed command, without its label."""
    assert outcome[:2] == (1, "")
    assert "Traceback" not in outcome.err
    (error,) = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert outcome.err.endswith(f"{error}\n")
    return error.removeprefix("error: ")
