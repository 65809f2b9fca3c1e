"""`synth-assets --date FIRST..LAST`: several days by one command."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import dagster as dg
import pytest

from synth_assets.dates import date
from synth_assets.storage.layout import file_name, object_key
from tests.command_line import COMMAND, files
from tests.conftest import HANG_SECONDS, dagster_home, judge_file, object_keys, wait_for

DAYS = [dt.date(2026, 1, 14) + dt.timedelta(days=number) for number in range(3)]
RANGE = ("--rows", "1000", "--date", "2026-01-14..2026-01-16")
PATHS = [f"outputs/{file_name(1_000, day)}" for day in DAYS]


@pytest.mark.parametrize(
    ("text", "days", "first", "last"),
    [
        ("2026-01-15", 1, "2026-01-15", "2026-01-15"),
        ("2025-12-30..2026-01-02", 4, "2025-12-30", "2026-01-02"),
        ("2026-01-15..2026-01-15", 1, "2026-01-15", "2026-01-15"),
        ("2024-02", 29, "2024-02-01", "2024-02-29"),
        ("2025-12", 31, "2025-12-01", "2025-12-31"),
    ],
)
def test_a_date_may_be_a_day_a_range_or_a_month(text, days, first, last):
    found = date(text)
    assert (len(found), str(found[0]), str(found[-1])) == (days, first, last)
    assert found == sorted(set(found))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--date", "2026-13"], "'2026-13' is no date. Write YYYY-MM-DD, FIRST..LAST for a range"),
        (["--date", "2026-01-14..2026-01-32"], "is no date. Write YYYY-MM-DD, FIRST..LAST"),
        (["--date", "2026-01-14..2026-01-10"], "begins after its end. Write the earlier day first."),
        (["--date", "2026-01-14..2999-01-01"], "is not a partition. Choose a complete day (UTC), from 2020-01-01 to"),
        (["--date", "2019-12"], "--date: 2019-12-01 is not a partition."),
        (["--jobs", "0"], "'0' is no whole number of at least 1."),
    ],
)
def test_days_that_there_are_not_are_a_usage_error(arguments, says, synth_assets, working_directory):
    outcome = synth_assets(*arguments)
    assert outcome[:2] == (2, "")
    assert says in outcome.err
    assert files(working_directory) == []


def test_several_days_are_made_and_uploaded_in_their_order(synth_assets, aws, working_directory):
    outcome = synth_assets(*RANGE, "--s3", "yes")
    assert outcome.code == 0
    assert object_keys() == [object_key(file_name(1_000, day), day) for day in DAYS]
    lines = outcome.out.splitlines()
    assert lines[::2] == [str(working_directory / path) for path in PATHS]
    assert [line.rpartition("/")[2] for line in lines[1::2]] == [file_name(1_000, day) for day in DAYS]
    assert outcome.err.splitlines() == [f"{day}: done, {number} of 3 days" for number, day in enumerate(DAYS, 1)]


def test_side_by_side_days_are_the_same_bytes_and_the_same_documents(synth_assets, working_directory):
    timed = {"seconds", "rows_per_second", "path"}
    documents = []
    for folder, more in [("one", ()), ("two", ("--jobs", "2"))]:
        outcome = synth_assets(*RANGE, "--json", "--out", folder, *more)
        assert outcome.code == 0
        found = [json.loads(line) for line in outcome.out.splitlines()]
        documents.append([{key: value for key, value in each.items() if key not in timed} for each in found])
    assert documents[0] == documents[1]
    assert [each["day"] for each in documents[0]] == [str(day) for day in DAYS]
    for day in DAYS:
        one, two = (Path(folder, file_name(1_000, day)).read_bytes() for folder in ("one", "two"))
        assert one == two


def test_each_day_of_a_range_is_an_ordinary_run_in_the_history(synth_assets, tmp_path, monkeypatch):
    home = dagster_home(tmp_path / "home")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    assert synth_assets(*RANGE).code == 0
    with dg.DagsterInstance.from_config(str(home)) as instance:
        runs = instance.get_runs()
        assert sorted(run.tags["dagster/partition"] for run in runs) == [str(day) for day in DAYS]
        assert all(run.is_success for run in runs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_day_that_fails_is_named_and_the_command_again_makes_only_what_is_missing(
    jobs, synth_assets, working_directory
):
    theirs = working_directory / "outputs" / file_name(7, DAYS[1])
    theirs.parent.mkdir()
    theirs.write_text("not ours")
    outcome = synth_assets(*RANGE, "--json", "--jobs", str(jobs))
    assert outcome.code == 1
    documents = [json.loads(line) for line in outcome.out.splitlines()]
    assert [each["success"] for each in documents] == [True, False, True]
    assert documents[1]["error"].startswith(f"{theirs} has the name of a file of {DAYS[1]}")
    assert f"{DAYS[1]}: error: {theirs} has the name" in outcome.err
    last = f"error: 1 of 3 days failed: {DAYS[1]}. The same command tries them again."
    assert outcome.err.splitlines()[-1] == last
    assert "Traceback" not in outcome.err

    theirs.unlink()
    before = {path: Path(path).stat().st_ctime_ns for path in (PATHS[0], PATHS[2])}
    again = synth_assets(*RANGE, "--jobs", str(jobs))
    assert (again.code, len(again.out.splitlines())) == (0, 3)
    assert {path: Path(path).stat().st_ctime_ns for path in before} == before
    if jobs == 1:
        assert synth_assets(*RANGE, "--make-again").code == 0
        assert all(Path(path).stat().st_ctime_ns != time for path, time in before.items())


def test_a_bucket_that_is_not_there_is_said_before_a_day_is_made(synth_assets, aws, working_directory):
    outcome = synth_assets(*RANGE, "--s3", "yes", "--bucket", "no-such-bucket", "--json")
    assert outcome.code == 1
    assert [json.loads(line)["success"] for line in outcome.out.splitlines()] == [False] * 3
    assert "no-such-bucket" in outcome.err
    assert files(working_directory) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_command_leaves_whole_days_and_goes_on_where_it_was(jobs, working_directory, schema):
    arguments = ("--rows", "2000", "--date", "2020-01-01..2025-12-31", "--jobs", str(jobs))
    printed, said = working_directory / "printed", working_directory / "said"
    with printed.open("wb") as stdout, said.open("wb") as stderr:
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C reaches all processes of a group
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    wait_for("the first day", lambda: "\n" in printed.read_text())
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=HANG_SECONDS)
    err = said.read_text()
    assert (process.returncode, err.splitlines()[-1]) == (130, "error: interrupted")
    assert "Traceback" not in err
    done = printed.read_text().splitlines()
    assert re.search(rf"^{len(done)} of 2192 days are done. The same command makes the others.$", err, re.MULTILINE)
    made = sorted(str(path) for path in (working_directory / "outputs").glob("*.parquet"))
    assert set(done) <= set(made)
    assert all(claim.passed for path in made for claim in judge_file(schema, Path(path)))
    assert not [name for name in files(working_directory) if name.endswith(("partial", "lock"))]
