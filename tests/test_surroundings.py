"""What the shell around a command lacks: an open stdout or stderr, a locale that spells its paths, a home."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.command_line import COMMAND, FILE, MODULE, SMALL
from tests.conftest import HANG_SECONDS, SCHEMA_FILE, environment_for, judge_file, make_plan, write_day

CONTRACT = f"{SCHEMA_FILE}:"
"""How the first line of a run begins."""
ASCII_ONLY = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
ASCII_OUTPUT = {"LC_ALL": "C.UTF-8", "PYTHONIOENCODING": "ascii"}


def in_shell(command: list[str], redirections: str, folder: Path, **environment: str) -> subprocess.CompletedProcess:
    without_home = environment_for(folder, **environment)
    del without_home["DAGSTER_HOME"]
    return subprocess.run(
        ["bash", "-c", f"{shlex.join(map(str, command))} {redirections}"],
        cwd=folder,
        env=without_home,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_a_day_is_made_whatever_is_closed_and_only_what_is_open_tells_of_it(closed, working_directory, schema):
    done = in_shell([*COMMAND, *SMALL], closed, working_directory)
    path = working_directory / "outputs" / FILE
    assert done.returncode == 0
    assert done.stdout == ("" if closed != "2>&-" else f"{path}\n")
    told = [line.split()[0] for line in done.stderr.splitlines()]
    assert told == ([CONTRACT, "engine:", "chunk", f"{path}:"] if closed == ">&-" else [])
    assert [claim for claim in judge_file(schema, path) if not claim.passed] == []


@pytest.mark.parametrize(
    ("arguments", "closed", "code"),
    [
        (["show", FILE], ">&-", 0),
        (["verify", "absent"], "2>&-", 1),
        (["--rows", "0"], "2>&-", 2),
        (["--help"], ">&-", 0),
    ],
    ids=["show", "verify", "a usage error", "help"],
)
def test_other_commands_say_nothing_elsewhere_in_place_of_a_closed_stream(
    arguments, closed, code, working_directory, schema
):
    write_day(working_directory, schema, make_plan())
    done = in_shell([*MODULE, *arguments], closed, working_directory)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize("arguments", [["--out", "ö"], ["--out", "o", "--schema", "ö"], ["show", "ö"], []], ids=str)
def test_a_path_that_the_locale_cannot_spell_is_one_line_and_nothing_is_made(arguments, working_directory):
    folder = working_directory if arguments else working_directory / "ö"
    folder.mkdir(exist_ok=True)
    done = in_shell([*MODULE, *arguments], "", folder, **ASCII_ONLY)
    assert (done.returncode, done.stdout) == (2, "")
    error = done.stderr.splitlines()[-1]
    assert r"\udcc3\udcb6" in error
    assert error.endswith("is not UTF-8 text in this locale. Set PYTHONUTF8=1, or rename what is not UTF-8.")
    assert list(folder.iterdir()) == []


def test_a_path_that_stdout_cannot_spell_is_escaped(working_directory, schema):
    folder = working_directory / "ö"
    folder.mkdir()
    write_day(folder, schema, make_plan())
    done = in_shell([*MODULE, "verify", f"ö/{FILE}", "--json"], "", working_directory, **ASCII_OUTPUT)
    assert json.loads(done.stdout)["path"] == f"ö/{FILE}"
    done = in_shell([*MODULE, "verify", "ö/absent"], "", working_directory, **ASCII_OUTPUT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "\\xf6/absent" in done.stderr


def test_a_home_that_cannot_be_written_to_is_no_matter(working_directory):
    (working_directory / "file").touch()
    home = working_directory / "file" / "home"
    done = in_shell([*COMMAND, *SMALL], "", working_directory, HOME=str(home), MPLCONFIGDIR="", XDG_CONFIG_HOME="")
    assert done.returncode == 0
    told = [line.split()[0] for line in done.stderr.splitlines()]
    assert told == [CONTRACT, "engine:", "chunk", f"{working_directory}/outputs/{FILE}:"]
