"""What must not be written down is not."""

import json
import re

import boto3
import pytest

from synth_assets.generator import uniform
from synth_assets.generator.streams import BlockStreams
from synth_assets.storage.layout import object_key, rows_in_name
from synth_assets.storage.loopback import ACCESS_KEY, BUCKET, SECRET_KEY
from tests.conftest import DAY, make_plan, object_keys
from tests.test_assets import errors, run


@pytest.fixture
def pans(schema) -> set[str]:
    block = uniform.UniformBlock(make_plan(rows=2_000), schema, BlockStreams(42, DAY, 0, 2_000))
    return {str(pan) for pan in uniform.pans(block)}


def everything_said(instance, result) -> str:
    """The run's whole event log: messages, metadata, errors."""
    records = instance.get_records_for_run(result.run_id).records
    return "\n".join(str(record.event_log_entry) for record in records)


def test_no_pan_and_no_secret_is_in_the_file_the_object_or_the_log(aws, instance, tmp_path, pans):
    result = run(instance, tmp_path)
    assert result.success
    (key,) = object_keys()
    stored = boto3.client("s3").get_object(Bucket=BUCKET, Key=key)
    places = {
        "log": everything_said(instance, result),
        "file": next(tmp_path.glob("payments*")).read_bytes().decode("latin-1"),
        "object": stored["Body"].read().decode("latin-1"),
        "object metadata": json.dumps(stored["Metadata"]),
    }
    for place, text in places.items():
        found = set(re.findall(r"(?<!\d)\d{15,16}(?!\d)", text)) & pans
        assert not found, place
        assert SECRET_KEY not in text, place


def test_a_wrong_secret_is_told_without_being_shown(aws, instance, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    result = run(instance, tmp_path)
    (error,) = errors(result)
    assert "a-wrong-secret" not in everything_said(instance, result)
    assert "a-wrong-secret" not in error
    assert ACCESS_KEY not in error


@pytest.mark.parametrize("name", ["../payments_5_2026-01-15.parquet", "/etc/payments_5_2026-01-15.parquet", "a/b"])
def test_no_name_leads_out_of_its_folder_or_prefix(name):
    assert rows_in_name(name, DAY) is None
    assert object_key(f"payments_5_{DAY}.parquet", DAY) == f"payments/year=2026/month=01/payments_5_{DAY}.parquet"
