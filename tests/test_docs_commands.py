"""The commands of the documents do what they are there for: a reader runs them all, from top to bottom."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import dagster as dg
import polars as pl
import pytest

from synth_assets import command_options
from synth_assets.assets import transaction_schema
from synth_assets.definitions import defs
from synth_assets.generator.claims import CLAIMS
from synth_assets.partitions import DAILY
from synth_assets.resources import Contract, TimedSSMResource
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.loopback import ACCESS_KEY, BUCKET, BUCKET_PARAMETER, REGION, SECRET_KEY, loopback_aws
from tests.conftest import BIN, DAY, HANG_SECONDS, PROJECT_ROOT, ask, environment_for, free_port, object_keys, wait_for
from tests.documents import README, blocks, fenced_commands, named_commands, rows, section
from tests.documents_commands import (
    DELETE_RUN,
    NAMED_AND_NOT_RUN,
    NOT_RUN,
    PUT_PARAMETER,
    RUN_BY_A_TEST_OF_THEIR_OWN,
    RUN_BY_CI,
    TO_RUN,
)

FILE = file_name(1_000_000, DAY)

"""A bound that only a hang reaches."""


class Reader(NamedTuple):
    """Someone with a copy of the project, who has run every command of the documents in it, from top to bottom."""

    project: Path
    environment: dict[str, str]
    outcomes: dict[str, subprocess.CompletedProcess[str]]
    objects: list[str]


def copied_project(folder: Path) -> Path:
    """The project as it is cloned, with this virtual environment as its own."""
    left_out = (".git", ".venv", ".dagster", ".local-aws", ".tmp_*", ".*_cache", ".hypothesis", "outputs", "*.egg-info")
    project = folder / "project"
    shutil.copytree(PROJECT_ROOT, project, ignore=shutil.ignore_patterns(*left_out))
    (project / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.endswith(".installed"):
            (project / ".venv" / entry.name).symlink_to(entry)
    for extras in ("run", "ui", "dev"):
        (project / ".venv" / f"{extras}.installed").touch()
    return project


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("docs")
    project = copied_project(folder)
    with loopback_aws(folder / "aws") as aws:
        environment = environment_for(project, **aws.environment) | {
            "PATH": f"{project}/.venv/bin:{os.environ['PATH']}",
            # The installed package is the checkout's; the copy's comes before it.
            "PYTHONPATH": str(project),
        }
        del environment["DAGSTER_HOME"]
        outcomes = {
            command: subprocess.run(
                ["bash", "-c", command],
                cwd=project,
                env=environment,
                capture_output=True,
                text=True,
                timeout=HANG_SECONDS,
            )
            for command in TO_RUN
        }
        client = boto3.client(
            "s3",
            endpoint_url=aws.s3_endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        objects = object_keys(client)
    return Reader(project, environment, outcomes, objects)


@pytest.mark.parametrize("command", TO_RUN)
def test_a_command_does_what_it_is_there_for(reader, command):
    done = reader.outcomes[command]
    assert done.returncode == 0, done.stdout + done.stderr
    printed = (done.stdout + done.stderr).lower()
    assert "traceback" not in printed
    assert "warning" not in printed


def test_each_command_that_is_not_run_here_is_listed_and_no_list_names_a_command_in_vain():
    fenced, named = set(fenced_commands()), named_commands()
    assert set((PROJECT_ROOT / ".ci" / "run").read_text().splitlines()) >= RUN_BY_CI
    assert {*RUN_BY_CI, *NOT_RUN, *RUN_BY_A_TEST_OF_THEIR_OWN} <= fenced
    begun = {command for command in named if any(whole.startswith(command) for whole in fenced)}
    targets = {command for command in named if re.fullmatch(r"make \w+", command)}
    assert named - begun - targets == NAMED_AND_NOT_RUN.keys()
    reasons = " ".join([*NOT_RUN.values(), *NAMED_AND_NOT_RUN.values()])
    assert [name for name in re.findall(r"tests/\S+\.py", reasons) if not (PROJECT_ROOT / name).is_file()] == []


def test_make_run_uploads_a_million_payments_of_yesterday_and_says_where(reader):
    path, uri, advice = reader.outcomes["make run"].stdout.splitlines()
    assert Path(path).parent == reader.project / "outputs"
    day = path[-18:-8]
    assert DAILY.has_partition_key(day)
    assert pl.scan_parquet(path).select(pl.len()).collect().item() == 1_000_000
    assert uri == f"s3://{BUCKET}/{object_key(Path(path).name, dt.date.fromisoformat(day))}"
    assert ".local-aws" in advice
    assert (reader.project / ".local-aws" / "data").is_dir()


def test_every_run_of_the_commands_is_in_the_history_with_its_checks(reader, monkeypatch):
    monkeypatch.chdir(reader.project)  # where its history is
    file_checks = {*CLAIMS, "dtypes_recognised"}
    with dg.DagsterInstance.from_config(".") as instance:
        runs = instance.get_runs()[::-1]
        found = [(run.status, run.tags["dagster/partition"], passed_checks(instance, run)) for run in runs]
        # synth-assets --date FIRST..LAST, one after the other and side by side, and over Christmas
        several = [f"2026-01-0{number}" for number in (1, 2, 3, 1, 2, 3, 4, 5)]
        several += [f"2025-12-{number}" for number in (24, 25, 26)]
        assert sorted(each[1] for each in found if each[1] in several) == sorted(several)
        assert all(each[::2] == (dg.DagsterRunStatus.SUCCESS, file_checks) for each in found if each[1] in several)
        assert [each for each in found if each[1] not in several] == [
            (dg.DagsterRunStatus.SUCCESS, day, checks)
            for day, checks in (
                (runs[0].tags["dagster/partition"], {*file_checks, "object_is_local_file"}),  # make run
                (str(DAY), {*file_checks, "object_is_local_file"}),  # synth-assets --s3 yes
                (str(DAY - dt.timedelta(days=1)), {*file_checks, "object_is_local_file"}),  # synth-assets local
                (str(DAY + dt.timedelta(days=1)), file_checks),  # synth-assets --json
                (str(DAY), {*file_checks, "object_is_local_file"}),  # dagster asset materialize --select '*'
                (str(DAY), file_checks),  # dg launch
                (str(DAY + dt.timedelta(days=2)), file_checks),  # synth-assets --profile realistic
            )
        ]
        uploaded = instance.get_latest_materialization_event(dg.AssetKey("s3_raw_payments")).asset_materialization
        assert uploaded.metadata["dagster/uri"].value == f"s3://{BUCKET}/{object_key(FILE, DAY)}"
        assert set(instance.get_asset_keys()) == set(defs.resolve_asset_graph().materializable_asset_keys)
        assert [pool.limit for pool in instance.event_log_storage.get_pool_limits()] == [2]
    assert (reader.project / "outputs" / FILE).is_file()
    assert reader.objects == [object_key(FILE, DAY)]


def passed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    checks = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]
    return {check.check_name for check in checks if check.passed}


def test_the_json_document_has_the_keys_of_the_table_and_the_exit_codes_are_those_of_the_help(reader):
    document = json.loads((reader.project / "day.json").read_text())
    listed = [
        name
        for key, _ in rows(section("docs/command-line.md", "The JSON document"))
        for name in re.findall(r"`(\w+)`", key)
    ]
    assert set(listed) == set(document)
    codes = [code for code, _ in rows(section("docs/command-line.md", "Exit codes"))]
    assert codes == re.findall(r"^  (\d+) ", command_options.EPILOG, re.MULTILINE) == ["0", "1", "2", "130", "141"]


def test_the_sample_is_the_first_rows_of_the_file(reader):
    header, _, *sample = re.search(r"(\| transaction_id .*?)\n\n", README, re.DOTALL)[1].splitlines()
    columns = header.strip("| ").split(" | ")
    found = pl.read_parquet(reader.project / "outputs" / FILE, columns=columns, n_rows=len(sample)).select(columns)
    expected = found.with_columns(
        pl.col("event_time").dt.to_string("%Y-%m-%d %H:%M:%S%.3f"), pl.col(pl.Categorical, pl.Enum).cast(pl.String)
    ).select(pl.all().cast(pl.String).fill_null(""))
    assert [tuple(cell.strip() for cell in row[1:-1].split("|")) for row in sample] == expected.rows()


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs_and_finds_what_it_says(block, reader, monkeypatch):
    monkeypatch.chdir(reader.project)
    names: dict[str, Any] = {}
    exec(block.text, names)
    assert names["provenance"]["plan"]["rows"] == 1_000_000


def test_the_bucket_parameter_is_put_by_the_command_and_found_by_the_upload(aws, tmp_path):
    program = tmp_path / "aws"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {PROJECT_ROOT}/tests/aws_cli.py "$@"\n')
    program.chmod(0o755)
    boto3.client("ssm").delete_parameter(Name=BUCKET_PARAMETER)
    try:
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(["bash", "-c", PUT_PARAMETER], env=environment, check=True, timeout=HANG_SECONDS)
        assert TimedSSMResource().bucket() == "YOUR-BUCKET"
    finally:
        boto3.client("ssm").put_parameter(Name=BUCKET_PARAMETER, Value=BUCKET, Type="String", Overwrite=True)


def test_a_run_is_deleted_with_its_materialization(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = dg.materialize([transaction_schema], resources={"contract": Contract()}, instance=instance)
        assert instance.fetch_materializations(transaction_schema.key, limit=1).records
        done = subprocess.run(
            ["bash", "-c", DELETE_RUN.replace("RUN_ID", run.run_id)],
            cwd=tmp_path,
            env={**environment_for(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}"},
            input="DELETE\n",
            capture_output=True,
            text=True,
            timeout=HANG_SECONDS,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert instance.get_runs() == []
        assert instance.fetch_materializations(transaction_schema.key, limit=1).records == []


def test_make_ui_shows_the_run_of_make_run(reader):
    port = free_port()
    log = reader.project.parent / "ui.log"
    with log.open("wb") as output:
        ui = subprocess.Popen(
            ["make", "ui"],
            cwd=reader.project,
            env={**reader.environment, "DAGSTER_CLI_DEV_PORT": str(port)},
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C at the terminal goes to all of them
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def runs() -> int:
        assert ui.poll() is None, log.read_text()
        try:
            answer = ask(f"http://127.0.0.1:{port}/graphql", "{ runsOrError { ... on Runs { count } } }")
        except OSError:  # not up yet
            return 0
        return int(answer["runsOrError"]["count"])

    try:
        assert wait_for("make ui", runs) >= 1
        assert "temporary directory" not in log.read_text()
    finally:
        os.killpg(ui.pid, signal.SIGINT)
        try:
            ui.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(ui.pid, signal.SIGKILL)
            ui.wait()
            raise
