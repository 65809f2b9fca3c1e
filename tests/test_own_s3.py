"""The steps of docs/s3-and-aws.md, carried out from top to bottom against a real S3 server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.loopback import ACCESS_KEY, BUCKET, SECRET_KEY, LoopbackAws
from tests.conftest import BIN, DAY, HANG_SECONDS, PROJECT_ROOT, environment_for, object_keys

PAGE = (PROJECT_ROOT / "docs" / "s3-and-aws.md").read_text()
KEY = object_key(file_name(1_000, DAY), DAY)
OWN_BUCKET = "payments-raw"


def steps(title: str) -> str:
    """The shell blocks of a section, as one script that ends at the first command that fails."""
    section = re.search(rf"^## {title}\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)[1]
    return "set -e\n" + "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def carry_out(script: str, environment: dict[str, str], folder: Path) -> list[str]:
    """Run a script with the project's commands and a stand-in for the AWS CLI, and return the lines that it prints."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "aws"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {PROJECT_ROOT}/tests/aws_cli.py "$@"\n')
    program.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=environment | {"PATH": f"{folder}/bin:{BIN}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def own_bucket(aws: LoopbackAws):
    """Gone again after the test."""
    yield
    client = boto3.client("s3")
    client.delete_object(Bucket=OWN_BUCKET, Key=KEY)
    client.delete_bucket(Bucket=OWN_BUCKET)


def test_a_server_without_ssm_gets_the_object_and_nothing_is_sent_twice(aws, own_bucket, tmp_path):
    ours = {"http://YOUR-SERVER:9000": aws.s3_endpoint, "YOUR-KEY": ACCESS_KEY, "YOUR-SECRET": SECRET_KEY}
    script = re.sub("|".join(ours), lambda found: ours[found[0]], steps("Your own S3 server, step by step"))
    without_aws = environment_for(tmp_path, AWS_EC2_METADATA_DISABLED="true", NO_PROXY="127.0.0.1")
    path, *uris = carry_out(script, without_aws, tmp_path)
    assert uris == [f"s3://{OWN_BUCKET}/{KEY}"] * 2
    stored = boto3.client("s3").get_object(Bucket=OWN_BUCKET, Key=KEY)["Body"].read()
    assert stored == Path(path).read_bytes()


def test_a_bucket_that_the_parameter_names_gets_the_object(aws, tmp_path):
    script = steps("Your own bucket on AWS, step by step").replace("YOUR-BUCKET", BUCKET)
    _, uri = carry_out(script, environment_for(tmp_path, **aws.environment), tmp_path)
    assert uri == f"s3://{BUCKET}/{KEY}"
    assert object_keys() == [KEY]


def test_a_day_is_made_in_a_bucket_lands_in_it_and_is_verified_there(aws, tmp_path):
    script = steps("A day in a bucket").replace(OWN_BUCKET, BUCKET)
    made, uri, *verdict = carry_out(script, environment_for(tmp_path, **aws.environment), tmp_path)
    assert (made, uri) == (f"s3://{BUCKET}/staging/{file_name(1_000, DAY)}", f"s3://{BUCKET}/{KEY}")
    assert [line.split()[0] for line in verdict] == ["passed"] * 11
