"""What a run shows while it goes on: a bar at a terminal, lines elsewhere."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import termios
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, redirect_stderr
from typing import BinaryIO

import pytest

from synth_assets.progress import DaysBar, ProgressBar
from tests.command_line import COMMAND, FILE, SMALL
from tests.conftest import SCHEMA_FILE


class Terminal:
    """A pseudo-terminal of 100 columns, to be used in place of stderr."""

    def __init__(self) -> None:
        ours, theirs = pty.openpty()
        self._ours = os.fdopen(ours, "rb", buffering=0)
        termios.tcsetwinsize(theirs, (24, 100))
        self.stderr = os.fdopen(theirs, "w")
        # It is read while it is written to, as its buffer is small.
        self._reader = ThreadPoolExecutor(1)
        self._shown = self._reader.submit(_read_to_end, self._ours)

    def close(self) -> str:
        """Close it, and give all that it has shown."""
        self.stderr.close()
        self._reader.shutdown()
        self._ours.close()
        return self._shown.result()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.close()


def _read_to_end(terminal: BinaryIO) -> str:
    """All that is written to a pseudo-terminal until its other side is closed (Linux says that by EIO)."""
    parts = []
    while True:
        try:
            part = terminal.read(65_536)
        except OSError:
            part = b""
        if not part:
            return b"".join(parts).decode()
        parts.append(part)


def test_the_bar_moves_with_the_rows_and_shows_their_rate_and_the_time_left(terminal):
    with redirect_stderr(terminal.stderr), closing(ProgressBar(900_000)) as bar:
        bar.show_stage("writing")
        bar.show_rows(200_000)
        bar.show_rows(450_000)
        bar._bar.refresh()  # tqdm does this by itself, but not before a tenth of a second has passed.
    assert re.search(r"writing +50%\|█+.? +\| 450k of 900k rows, \S+[kMG]? rows/s, 00:\d\d left", terminal.close())


def test_a_bar_that_ends_too_early_stays_where_it_was(terminal):
    with redirect_stderr(terminal.stderr), closing(ProgressBar(900_000)) as bar:
        bar.show_stage("writing")
        bar.show_rows(300_000)
        bar.end(success=False)
    shown = terminal.close()
    assert re.search(r"failed +33%\|█+.? +\| 300k of 900k rows in 00:\d\d", shown)
    assert "done" not in shown


def test_the_bar_of_days_of_different_size_is_full_when_they_are_done(terminal):
    with redirect_stderr(terminal.stderr), closing(DaysBar([300_000, 100_000])) as bar:
        bar.show_rows(150_000)
        bar.end_day("2025-12-24", success=True)
        bar._bar.refresh()  # tqdm does this by itself, but not before a tenth of a second has passed.
        bar.show_rows(50_000)
        bar._bar.refresh()
        bar.end_day("2025-12-25", success=True)
    shown = terminal.close()
    assert re.search(r"1 of 2 days +75%\|█+.* 300k of 400k rows", shown)
    assert re.search(r"1 of 2 days +88%\|█+.* 350k of 400k rows", shown)
    assert re.search(r"2 of 2 days +100%\|█+\| 400k of 400k rows", shown)


def test_a_person_at_a_terminal_sees_a_bar_in_place_of_the_lines_about_chunks(terminal, synth_assets):
    with redirect_stderr(terminal.stderr):
        assert synth_assets(*SMALL, "--chunk-size", "600").code == 0
    shown = terminal.close()
    assert re.search(r"starting +0%\| +\| 0.00 of 1.00k rows", shown)
    assert re.search(r"writing +0%\| +\| 0.00 of 1.00k rows, \? rows/s, \? left", shown)
    assert re.search(r"checking +100%\|█+\| 1.00k of 1.00k rows, 00:\d\d elapsed", shown)
    assert re.search(r"done +100%\|█+\| 1.00k of 1.00k rows in 00:\d\d", shown)
    assert re.search(rf"{FILE}: 1,000 rows, [\d,]+ bytes in", shown)
    assert "chunk" not in shown


@pytest.mark.parametrize(
    ("dates", "end"), [("2025-12-25", "done"), ("2025-12-25..2025-12-26", "2 of 2 days")], ids=["a day", "several"]
)
def test_the_bar_of_days_by_the_calendar_ends_with_their_own_rows(terminal, synth_assets, dates, end):
    settings = ("--rows", "2000", "--profile", "realistic", "--customers", "1000", "--volume", "calendar")
    with redirect_stderr(terminal.stderr):
        outcome = synth_assets(*settings, "--date", dates)
    assert outcome.code == 0
    rows = sum(int(found) for found in re.findall(r"/payments_(\d+)_", outcome.out))
    shown = f"{rows / 1_000:.2f}k"
    assert re.search(rf"{end} +100%\|█+\| {shown} of {shown} rows", terminal.close())


def test_a_script_reads_plain_lines_on_stderr_and_no_word_of_dagster(working_directory):
    done = subprocess.run([*COMMAND, *SMALL, "--chunk-size", "600"], capture_output=True, text=True)
    path = f"{working_directory}/outputs/{FILE}"
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    rate = r"[\d,]+ rows/s, \d+\.\d s elapsed"
    lines = [
        rf"{re.escape(str(SCHEMA_FILE))}: contract version 1\.0\.0, 24 columns",
        r"engine: threads, \d+ workers?",
        rf"chunk 1 of 2: 600 rows, 400 left, {rate}",
        rf"chunk 2 of 2: 400 rows, 0 left, {rate}",
        rf"{re.escape(path)}: 1,000 rows, [\d,]+ bytes in \d+\.\d s",
    ]
    assert re.fullmatch("\n".join([*lines, ""]), done.stderr)
