"""The errors of a run of the command line: each is one line, and nothing that was there before it is lost."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest

from synth_assets.storage.layout import MARK, file_name
from synth_assets.storage.loopback import BUCKET, LoopbackAws
from tests.command_line import OBJECT, SMALL, files, one_error
from tests.conftest import DAY, make_plan, object_keys, write_day

BROKEN_SCHEMAS = {
    "missing": (None, "Cannot read {path}: No such file or directory. Put the file there"),
    "not YAML": ("fields: [", "{path} is not YAML: "),
    "without fields": ("version: 1", "{path} has no `fields`: give it a list"),
    "not text": (b"\xff\xfe", "{path} is not UTF-8 text (byte 0). Save it as UTF-8."),
}


@pytest.mark.parametrize(("content", "says"), BROKEN_SCHEMAS.values(), ids=BROKEN_SCHEMAS.keys())
def test_a_broken_schema_file_is_named_and_the_previous_file_stays(
    content, says, synth_assets, working_directory, schema
):
    previous = write_day(working_directory, schema, make_plan(rows=500))
    before = (previous.read_bytes(), previous.stat().st_mtime_ns)
    broken = working_directory.parent / "broken.yaml"
    if content is not None:
        broken.write_bytes(content if isinstance(content, bytes) else content.encode())
    outcome = synth_assets(*SMALL, "--out", ".", "--schema", str(broken))
    assert says.format(path=broken) in one_error(outcome)
    assert files(working_directory) == [previous.name]
    assert (previous.read_bytes(), previous.stat().st_mtime_ns) == before


def test_a_folder_below_a_file_is_named_and_the_file_stays(synth_assets, working_directory):
    Path("taken").write_text("mine")
    error = one_error(synth_assets(*SMALL, "--out", "taken/out"))
    assert error.startswith(f"Cannot write to {working_directory}/taken/out: Not a directory. ")
    assert "choose an output folder you can write to" in error
    assert files(working_directory) == ["taken"]
    assert Path("taken").read_text() == "mine"


NOWHERE = "http://127.0.0.1:9"
AWS_ERRORS = {
    "no bucket parameter": (
        {}, ["--bucket-parameter", "/absent"], ["Cannot read the SSM parameter /absent", "ParameterNotFound", "Create"],
    ),
    "no bucket": ({}, ["--bucket-parameter", "/no-bucket"], ["s3://not-there/payments/", "Create the bucket"]),
    "an unknown access key": (
        {"AWS_ACCESS_KEY_ID": "stranger"}, [], [f"s3://{BUCKET}/payments/", "Fix AWS_ACCESS_KEY_ID"],
    ),
    "a wrong secret key": (
        {"AWS_SECRET_ACCESS_KEY": "wrong"}, [], [f"s3://{BUCKET}/payments/", "Fix AWS_SECRET_ACCESS_KEY"],
    ),
    "no credentials": (
        {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, [],
        ["/fraud/raw_bucket_name", "Unable to locate credentials", "Set AWS_ACCESS_KEY_ID"],
    ),
    "no region": ({"AWS_DEFAULT_REGION": None}, [], ["You must specify a region", "Set AWS_DEFAULT_REGION"]),
    "SSM down": ({"AWS_ENDPOINT_URL_SSM": NOWHERE}, [], ["/fraud/raw_bucket_name", NOWHERE, "Check AWS_ENDPOINT_URL"]),
    "S3 down": ({"AWS_ENDPOINT_URL_S3": NOWHERE}, [], [f"s3://{BUCKET}/payments/", NOWHERE, "Check AWS_ENDPOINT_URL"]),
    "half of the credentials": ({"AWS_SECRET_ACCESS_KEY": None}, [], ["Partial credentials", "Set both AWS_ACCESS_"]),
    "an endpoint that is no URL": ({"AWS_ENDPOINT_URL_S3": "nonsense"}, [], ["nonsense", " AWS_ENDPOINT_URL (or "]),
    "a parameter without a name": ({}, ["--bucket-parameter", ""], ["Cannot read the SSM parameter", "Check the AWS"]),
    "a URI in the parameter": (
        {}, ["--bucket-parameter", "/uri"], ["SSM parameter /uri is 's3://not-there/in'", "name alone: not-there."],
    ),
    "a URI for a bucket": ({}, ["--bucket", "s3://not-there"], ["is 's3://not-there'", "name alone: not-there."]),
    "an unknown profile": ({"AWS_PROFILE": "nobody"}, [], ["nobody", "Check the AWS settings"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "options", "says"),
    AWS_ERRORS.values(),
    ids=AWS_ERRORS,
)
def test_an_aws_error_is_one_line_before_a_row_is_made_and_the_previous_object_is_not_touched(
    changed, options, says, synth_assets, aws: LoopbackAws, monkeypatch, working_directory
):
    s3, ssm = boto3.client("s3"), boto3.client("ssm")
    previous = OBJECT.replace("_1000_", "_500_")
    s3.put_object(Bucket=BUCKET, Key=previous, Body=b"the previous object", Metadata={MARK: "2"})
    ssm.put_parameter(Name="/no-bucket", Value="not-there", Type="String", Overwrite=True)
    ssm.put_parameter(Name="/uri", Value="s3://not-there/in", Type="String", Overwrite=True)
    for name, value in changed.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    outcome = synth_assets(*SMALL, "--s3", "yes", "--out", "out", *options)
    error = one_error(outcome)
    assert all(words in error for words in says), error
    assert outcome.err == f"error: {error}\n"
    document = json.loads(synth_assets(*SMALL, "--s3", "yes", "--out", "out", *options, "--json").out)
    assert (document["success"], document["path"], document["error"]) == (False, None, error)
    assert files(working_directory) == []
    assert object_keys(s3) == [previous]
    assert s3.get_object(Bucket=BUCKET, Key=previous)["Body"].read() == b"the previous object"


def test_somebody_elses_object_in_the_days_place_stops_the_run_before_a_row_is_made(
    synth_assets, aws, working_directory
):
    boto3.client("s3").put_object(Bucket=BUCKET, Key=OBJECT, Body=b"mine")
    error = one_error(synth_assets(*SMALL, "--s3", "yes"))
    assert error.startswith(f"s3://{BUCKET}/{OBJECT} has the name of an object of {DAY}, but its metadata does not")
    assert files(working_directory) == []


@pytest.mark.parametrize("rows", [1_000, 5])
def test_somebody_elses_file_in_the_days_place_stops_the_run_before_a_row_is_made(rows, synth_assets):
    path = Path("outputs", file_name(rows, DAY))
    path.parent.mkdir()
    path.write_text("mine")
    outcome = synth_assets(*SMALL)
    assert one_error(outcome).startswith(f"{path.absolute()} has the name of a file of {DAY}, but no footer that says")
    assert "chunk" not in outcome.err
    assert files(path.parent) == [path.name]
    assert path.read_text() == "mine"
