"""`synth-assets upload`: a file that is made already lands as the asset lands it."""

from __future__ import annotations

import json

import boto3
import pytest

from synth_assets.assets import s3_raw_payments
from synth_assets.storage.errors import StorageError
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.ssm import check_bucket_name
from tests.command_line import OBJECT, one_error
from tests.conftest import day_table, make_plan, object_keys, write_day
from tests.test_assets import metadata, run

URI = f"s3://{BUCKET}/{OBJECT}"


@pytest.fixture
def path(schema, tmp_path):
    return write_day(tmp_path, schema, make_plan())


def test_a_file_lands_once_and_the_asset_finds_nothing_to_send(synth_assets, aws, instance, path):
    outcome = synth_assets("upload", str(path))
    assert outcome[:2] == (0, f"{URI}\n")
    size = path.stat().st_size
    assert outcome.err.splitlines()[0] == f"{URI}: uploading {size:,} bytes"
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=OBJECT)["Body"].read() == path.read_bytes()
    again = synth_assets("upload", str(path))
    assert again == (0, f"{URI}\n", f"{URI}: unchanged, skipped\n")
    assert metadata(run(instance, path.parent, [s3_raw_payments]), s3_raw_payments)["sent"] is False


def test_its_document_says_what_became_of_the_file_and_what_it_replaced(synth_assets, aws, path, schema):
    older = write_day(path.parent, schema, make_plan(rows=500))
    synth_assets("upload", str(older))
    document = json.loads(synth_assets("upload", str(path), "--bucket", BUCKET, "--json").out)
    replaced = {"location": URI.replace("_1000_", "_500_"), "rows": 500, "bytes": older.stat().st_size}
    assert document == {
        "success": True, "path": str(path), "uri": URI, "bytes": path.stat().st_size, "sent": True,
        "evidence": "CRC-32", "replaced": [replaced], "warnings": [], "error": None,
    }  # fmt: skip
    assert object_keys() == [OBJECT]
    assert path.exists()
    assert older.exists()


def test_a_file_with_a_broken_claim_is_not_sent(synth_assets, aws, schema, tmp_path):
    plan = make_plan()
    path = write_day(tmp_path, schema, plan, day_table(schema, plan).take([1, 0, *range(2, 1_000)]))
    error = one_error(synth_assets("upload", str(path)))
    assert error.startswith(f"{path} was not uploaded: it fails 1 of 11 checks. event_times_in_window_and_order: ")
    assert object_keys() == []


def test_a_bucket_that_is_not_there_is_one_line_and_one_document(synth_assets, aws, path):
    error = one_error(synth_assets("upload", str(path), "--bucket", "not-there"))
    assert "s3://not-there/" in error
    assert "NoSuchBucket" in error
    document = json.loads(synth_assets("upload", str(path), "--bucket", "not-there", "--json").out)
    assert (document["success"], document["path"], document["error"]) == (False, str(path), error)


def test_a_bucket_and_a_parameter_exclude_each_other_and_mean_nothing_without_an_upload(synth_assets, path):
    both = ("--bucket", "one", "--bucket-parameter", "/two")
    for arguments in (("upload", str(path), *both), ("--s3", "yes", *both), both[:2], both[2:]):
        outcome = synth_assets(*arguments)
        assert outcome[:2] == (2, "")
        assert "--bucket" in outcome.err


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        ("s3://payments-raw", "payments-raw."),
        ("s3://payments-raw/landing/", "payments-raw."),
        ("payments-raw/landing", "payments-raw."),
        ("arn:aws:s3:::payments-raw", "payments-raw."),
        ("https://payments-raw.example", "without a scheme, a prefix or an ARN."),
        ("pay ments", "without a scheme, a prefix or an ARN."),
    ],
)
def test_what_is_no_buckets_name_is_said_in_our_words(value, meant):
    with pytest.raises(StorageError) as caught:
        check_bucket_name(value, "The value of the SSM parameter /a")
    assert str(caught.value).startswith(f"The value of the SSM parameter /a is {value!r}, which is not a bucket name. ")
    assert f"Give the name alone: {meant} " in str(caught.value)


@pytest.mark.parametrize("name", ["raw", "Raw_1", "a.b-c", "an-alias-of-an-access-point-s3alias"])
def test_a_buckets_name_is_kept(name):
    assert check_bucket_name(name, "The bucket") == name
