"""The files in deploy/, as far as they can be tried without AWS, a cluster or a container engine."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from dagster_postgres import PostgresEventLogStorage
from moto import mock_aws

from synth_assets.generator.claims import CLAIMS
from tests.conftest import (
    BIN,
    DAY,
    PROJECT_ROOT,
    environment_for,
)
from tests.deployments import COMMON, DEPLOY, home_of, set_all, statements


def test_a_run_of_the_command_line_keeps_its_history_in_postgresql(postgres, tmp_path, monkeypatch):
    home = home_of("postgres", tmp_path / "home")
    environment = environment_for(home, **postgres)
    command = [BIN / "synth-assets", "--rows", "1000", "--date", str(DAY), "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    set_all(monkeypatch, postgres)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        (run,) = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": str(DAY)}))
        assert run.is_success
        assert instance.get_materialized_partitions(dg.AssetKey("payments_parquet")) == {str(DAY)}
        found = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
        checks = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in found]
        assert {check.check_name for check in checks if check.partition == str(DAY) and check.passed} == set(CLAIMS)
    assert not list(home.rglob("*.db"))


@pytest.mark.parametrize("kind", ["postgres", "ecs", "kubernetes"])
def test_an_instance_differs_from_the_projects_own_only_where_it_must(kind):
    ours = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    theirs = yaml.safe_load((DEPLOY / kind / "dagster.yaml").read_text())
    if kind != "postgres":  # runs on machines of their own
        theirs["concurrency"]["runs"]["max_concurrent_runs"] = ours["concurrency"]["runs"]["max_concurrent_runs"]
        theirs["concurrency"]["pools"]["default_limit"] = ours["concurrency"]["pools"]["default_limit"]
        theirs["run_monitoring"]["poll_interval_seconds"] = ours["run_monitoring"]["poll_interval_seconds"]
    assert {key: theirs[key] for key in COMMON} == {key: ours[key] for key in COMMON}


def test_the_dockerfile_has_no_fault_that_hadolint_knows():
    done = subprocess.run([BIN / "hadolint", "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_dockerfile_copies_and_installs_is_there():
    text = (DEPLOY / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, _ = shlex.split(line)
        for source in sources:
            for kind in ("postgres", "ecs", "kubernetes"):
                assert (PROJECT_ROOT / source.replace("${INSTANCE}", kind)).exists(), source
    assert '--editable ".[${EXTRAS}]"' in text
    (extras,) = re.findall(r"^ARG EXTRAS=(.+)$", text, re.MULTILINE)
    assert set(extras.split(",")) <= set(project()["optional-dependencies"])
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert {
        source.split("/")[0] for line in re.findall(r"^COPY (.+) ", text, re.MULTILINE) for source in line.split()
    } == kept


def test_the_readme_points_to_the_policy_which_allows_each_call_that_the_upload_makes():
    assert "(deploy/iam-policy.json)" in (PROJECT_ROOT / "README.md").read_text()
    allowed = {
        action for each in statements("iam-policy.json") for action in [each["Action"]] for action in listed(action)
    }
    files = [path for path in (PROJECT_ROOT / "synth_assets" / "storage").glob("*.py") if path.name != "loopback.py"]
    storage = "".join(path.read_text() for path in files)
    called = set(re.findall(r"client\.([a-z_]+)\(", storage)) - {"get_paginator"}
    called |= set(re.findall(r'get_paginator\("([a-z0-9_]+)"\)', storage))
    assert called == set(PERMISSIONS)
    needed = {permission for each in PERMISSIONS.values() for permission in each}
    assert needed == allowed
    # A day that is made in a bucket needs all of them there, but for the parameter.
    there = {action for each in statements("iam-policy-staging.json") for action in listed(each["Action"])}
    assert there == needed - {"ssm:GetParameter"}


# A call needs, by AWS's own tables, the permission of its name, but for these of S3.
PERMISSIONS = {
    "get_parameter": ["ssm:GetParameter"],
    "head_object": ["s3:GetObject"],
    "head_bucket": ["s3:ListBucket"],
    "list_objects_v2": ["s3:ListBucket"],
    "list_multipart_uploads": ["s3:ListBucketMultipartUploads"],
    "abort_multipart_upload": ["s3:AbortMultipartUpload"],
    "delete_object": ["s3:DeleteObject"],
    "upload_file": ["s3:PutObject", "s3:AbortMultipartUpload"],
    "get_object": ["s3:GetObject"],
    "download_file": ["s3:GetObject"],
    "put_object": ["s3:PutObject"],
    "copy_object": ["s3:GetObject", "s3:PutObject"],
    "upload_part_copy": ["s3:GetObject", "s3:PutObject"],
    **dict.fromkeys(("create_multipart_upload", "upload_part", "complete_multipart_upload"), ("s3:PutObject",)),
}


def listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


@mock_aws
def test_the_lifecycle_rule_is_one_that_s3_takes_and_touches_parts_alone():
    # moto's S3 is asked: SeaweedFS keeps no such rule.
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="lifecycle")
    rules = json.loads((DEPLOY / "s3-lifecycle.json").read_text())
    s3.put_bucket_lifecycle_configuration(Bucket="lifecycle", LifecycleConfiguration=rules)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="lifecycle")["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert not {"Expiration", "Transitions"} & set(rule)


def project() -> Any:
    return tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
