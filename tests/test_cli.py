"""The parsers of the command line, its usage errors and its exit codes."""

from __future__ import annotations

import datetime as dt
import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from synth_assets import cli, local_command
from tests.command_line import COMMAND, FILE, MODULE, SMALL, files
from tests.conftest import DAY, SCHEMA_FILE, make_plan, write_day

pytestmark = pytest.mark.usefixtures("working_directory")


# --- usage errors ---------------------------------------------------------------------------------------------

USAGE_ERRORS = {
    "a mistyped option": (["--rwos", "1000"], "--rwos"),
    "an abbreviated option": (["--row", "1000"], "--row"),
    "a stray argument": (["1000"], "1000"),
    **{
        f"{rate} {value}": ([rate, value], rate)
        for rate in ("--fraud-rate", "--null-mcc-rate", "--null-device-rate", "--null-geo-rate")
        for value in ("1.01", "-0.01", "nan", "inf", "much")
    },
    "no rows": (["--rows", "0"], "--rows"),
    "half a row": (["--rows", "1.5"], "--rows"),
    "too many rows": (["--rows", "10_000_000_001"], "--rows"),
    "no chunk": (["--chunk-size", "0"], "--chunk-size"),
    "an offset that no zone has": (["--timezone-offset", "841"], "--timezone-offset"),
    "an offset that no zone has, to the west": (["--timezone-offset", "-721"], "--timezone-offset"),
    "no day in the window": (["--lookback-days", "0"], "--lookback-days"),
    "a negative seed": (["--seed", "-1"], "--seed"),
    "an unknown compression": (["--compression", "gzip"], "--compression"),
    "an unknown profile": (["--profile", "lifelike"], "--profile"),
    "a setting of another profile": (["--difficulty", "hard"], "difficulty has no effect in the uniform profile"),
    "an unknown answer": (["--s3", "maybe"], "--s3"),
    "a day before the first": (["--date", "2019-12-31"], "--date"),
    "a day that is far ahead": (["--date", "2240-01-01"], "--date"),
    "a day that no calendar has": (["--date", "2026-02-30"], "--date"),
    "a day in words": (["--date", "yesterday"], "--date"),
    "an option without its value": (["--rows"], "--rows"),
    "a usage error with --json": (["--json", "--rows", "0"], "--rows"),
}


@pytest.mark.parametrize(("arguments", "named"), USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_a_usage_error_is_one_line_that_names_the_option_after_the_usage(
    arguments, named, synth_assets, working_directory
):
    outcome = synth_assets(*arguments)
    assert outcome[:2] == (2, "")
    *usage, error = outcome.err.splitlines()
    assert re.match(rf"synth-assets: error: .*{named}(?![\w-])", error)
    assert usage[0].startswith("usage: synth-assets ")
    assert "error" not in "".join(usage)
    assert files(working_directory) == []


def test_today_is_not_over_and_so_a_usage_error(synth_assets):
    today = dt.datetime.now(dt.UTC).date()
    outcome = synth_assets("--rows", "1", "--date", str(today))
    if today == dt.datetime.now(dt.UTC).date():  # Otherwise midnight has passed meanwhile, and the day was over.
        assert outcome.code == 2
        assert f"--date: {today} is not a partition. Choose a complete day (UTC), from 2020-01-01 to" in outcome.err


@pytest.mark.parametrize("command", [COMMAND, MODULE], ids=["script", "module"])
def test_a_usage_error_gives_the_shell_exit_code_2(command):
    done = subprocess.run([*command, "--rows", "0"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith("synth-assets: error: --rows")


def test_every_wrong_setting_is_named_at_once(synth_assets):
    error = synth_assets("--rows", "0", "--fraud-rate", "2").err.splitlines()[-1]
    assert "--rows" in error
    assert "--fraud-rate" in error


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--rows", "0"], ["show", "--help"], ["show"], ["local"]], ids=" ".join
)
def test_help_and_usage_errors_are_told_before_the_slow_libraries_are_imported(arguments):
    script = f"""
import sys
from synth_assets import cli, local_command
try:
    cli.main({arguments})
finally:
    print(sorted({{"dagster", "boto3", "polars", "pyarrow", "tqdm"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


# --- help -----------------------------------------------------------------------------------------------------


def test_the_help_gives_every_setting_with_its_default(synth_assets):
    outcome = synth_assets("--help")
    assert (outcome.code, outcome.err) == (0, "")
    text = " ".join(outcome.out.split())
    for name, value in make_plan(rows=1_000_000).model_dump(exclude={"day"}).items():
        assert re.search(rf"{cli.option(name)} .*\(default: {re.escape(str(value))}\)", text)


def test_the_help_names_the_commands_of_a_file_and_its_examples_are_right(synth_assets):
    text = synth_assets("--help").out
    for command, says in cli.COMMANDS.items():
        assert re.search(rf"^  {command} +{re.escape(says)}$", text, re.MULTILINE)
    examples = re.findall(r"^  synth-assets(.*)", text, re.MULTILINE)
    assert len(examples) >= 5
    for example in examples:
        words = shlex.split(example.split("|")[0], comments=True)
        if words[:1] == ["local"]:
            local_command.build_parser().parse_args(words[1:])
            continue
        parser = cli.build_file_parser() if words and words[0] in cli.COMMANDS else cli.build_parser()
        parser.parse_args(words)


@pytest.mark.parametrize("columns", ["80", "300"])
def test_the_help_fits_the_terminal_and_is_never_too_wide_to_read(columns, synth_assets, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    assert max(map(len, synth_assets("--help").out.splitlines())) <= min(int(columns), 118)


def test_the_folder_has_two_names():
    assert cli.build_parser().parse_args(["--output-dir", "a/b"]).out == "a/b"
    assert cli.build_parser().parse_args(["--out", "a/b"]).out == "a/b"


# --- how it ends ----------------------------------------------------------------------------------------------


def test_an_interrupted_run_leaves_the_previous_file_and_no_partial_one(working_directory, schema):
    previous = write_day(working_directory, schema, make_plan(rows=500))
    arguments = ("--rows", "1_000_000_000", "--chunk-size", "50000", "--date", str(DAY), "--out", ".")
    # Ctrl-C must reach it even where this suite runs in the background of a shell, which ignores it.
    with subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stderr.readline().startswith(f"{SCHEMA_FILE}: contract version ")
        assert process.stderr.readline().startswith("engine: threads, ")
        assert process.stderr.readline().startswith("chunk 1 of ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=900)
    assert (process.returncode, out, err.splitlines()[-1]) == (130, "", "error: interrupted")
    assert "Traceback" not in err
    assert files(working_directory) == [previous.name]


def test_a_reader_of_stdout_that_has_gone_ends_a_command_without_a_word(schema, tmp_path):
    path = write_day(tmp_path, schema, make_plan())
    with subprocess.Popen([*COMMAND, "show", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_reader_of_stdout_that_has_gone_ends_a_run_after_its_file_is_made(
    synth_assets, working_directory, monkeypatch
):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        outcome = synth_assets(*SMALL)
    assert outcome.code == 141
    assert outcome.err.splitlines()[-1].startswith(f"{working_directory}/outputs/{FILE}: 1,000 rows")
