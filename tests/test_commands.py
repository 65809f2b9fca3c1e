"""Dagster's own commands, run as a user runs them: in the project's root, with nothing but an environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from synth_assets.generator.claims import CLAIMS
from synth_assets.jobs import JOBS
from tests.conftest import BIN, DAY, HANG_SECONDS, PROJECT_ROOT, dagster_home, environment_for

MATERIALIZE = ("dagster", "asset", "materialize", "-m", "synth_assets.definitions", "--select")
LAUNCH = ("dg", "launch", "--assets")


def run(command: tuple[str, ...], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    program = [str(BIN / command[0]), *command[1:]]
    return subprocess.run(
        program, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS
    )


def run_config(folder: Path, **settings: Any) -> str:
    return json.dumps(
        {
            "ops": {"payments_parquet": {"config": {"rows": 1_000, **settings}}},
            "resources": {"output_folder": {"config": {"path": str(folder)}}},
        }
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return dagster_home(tmp_path / "home")


def test_the_older_command_calls_the_location_by_the_name_in_workspace_yaml(home):
    done = run(("dagster", "definitions", "validate", "-w", "workspace.yaml"), environment_for(home))
    assert done.returncode == 0, done.stderr
    assert "Validation successful for code location synth_assets." in done.stdout + done.stderr


def test_dg_lists_every_asset_check_job_and_schedule(home):
    done = run(("dg", "list", "defs", "--json"), environment_for(home))
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    assert {each["asset_key"]: each["dependency_keys"] for each in listed["assets"]} == {
        "transaction_schema": [],
        "payments_parquet": ["transaction_schema"],
        "s3_raw_payments": ["payments_parquet"],
        "raw_bucket": ["s3_raw_payments"],
        "customers": ["payments_parquet"],
        "cards": ["payments_parquet"],
        "merchants": ["payments_parquet"],
        "label_events": ["payments_parquet"],
        "incidents": ["payments_parquet"],
    }
    assert {each["key"] for each in listed["asset_checks"]} == {
        "transaction_schema:dtypes_recognised",
        "s3_raw_payments:object_is_local_file",
        "raw_bucket:due_day_is_uploaded",
        *(f"payments_parquet:{claim}" for claim in CLAIMS),
    }
    assert {each["name"] for each in listed["jobs"]} == {job.name for job in JOBS}
    assert {each["name"] for each in listed["schedules"]} == {f"{job.name}_schedule" for job in JOBS}


WRONG = {
    "rows 0": (MATERIALIZE, DAY, {"rows": 0}, ["rows must be at least 1 (got 0)"]),
    "an unknown field": (MATERIALIZE, DAY, {"rowz": 10}, ['unexpected config entry "rowz"', "null_mcc_rate"]),
    "fraud_rate 2": (LAUNCH, DAY, {"fraud_rate": 2}, ["fraud_rate must be at most 1 (got 2"]),
    "a day outside the partitions": (LAUNCH, "2019-12-31", {}, ["partition key `2019-12-31`"]),
}


@pytest.mark.parametrize(("command", "day", "settings", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_run_says_what_is_wrong_and_writes_nothing(command, day, settings, says, home, tmp_path):
    folder = tmp_path / "out"
    arguments = ("payments_parquet", "--partition", str(day), "--config-json", run_config(folder, **settings))
    done = run((*command, *arguments), environment_for(home))
    assert done.returncode != 0
    assert all(words in done.stdout + done.stderr for words in says), done.stderr
    assert not folder.exists()


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter, outside the project and with no variable but those a machine always has."""
    bare = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=bare | environment, cwd="/", capture_output=True, text=True
    )


IMPORT_OFFLINE = """
import socket, sys

def refuse(*arguments):
    raise AssertionError(f"import reached for the network: {arguments}")

for name in ("connect", "connect_ex", "bind", "sendto"):
    setattr(socket.socket, name, refuse)
socket.getaddrinfo = socket.create_connection = refuse
from synth_assets.definitions import defs
print(len(list(defs.resolve_asset_graph().get_all_asset_keys())))
"""


def test_the_definitions_load_without_a_variable_or_a_connection_and_say_nothing():
    done = python(IMPORT_OFFLINE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "9\n", "")


IMPORT_ROOM = """
import importlib, pkgutil, sys

room = importlib.import_module(sys.argv[1])
modules = [each.name for each in pkgutil.walk_packages(room.__path__, room.__name__ + ".")]
for name in modules:
    importlib.import_module(name)
print(len(modules), *sorted(name for name in sys.argv[2:] if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("synth_assets.generator", ["dagster", "synth_assets.storage", "boto3", "botocore", "synth_assets.assets"]),
        ("synth_assets.storage", ["dagster", "dagster_aws", "synth_assets.generator", "synth_assets.assets"]),
    ],
)
def test_a_room_imports_nothing_of_what_it_must_not_know(room, forbidden):
    done = python(IMPORT_ROOM, room, *forbidden)
    assert done.returncode == 0, done.stderr
    modules, *imported = done.stdout.split()
    assert (int(modules) >= 6, imported) == (True, [])
