"""A run of the command line: what it makes, uploads and prints."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml

from synth_assets import cli
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.schema import TransactionSchema
from synth_assets.partitions import DAILY
from synth_assets.storage.day_file import open_parquet
from synth_assets.storage.loopback import BUCKET
from tests.command_line import FILE, OBJECT, REPORTS, SMALL, files, one_error
from tests.conftest import DAY, PROJECT_ROOT, SCHEMA_FILE, digest, make_frame, make_plan, object_keys, read_frame
from tests.faulting_proxy import proxy_before, refusal


def provenance_in(path: Path) -> dict[str, Any]:
    with open_parquet(path) as file:
        return json.loads(file.provenance)


# --- what it makes --------------------------------------------------------------------------------------------


def test_without_a_date_the_last_complete_day_is_made(synth_assets):
    before = DAILY.get_last_partition_key()
    outcome = synth_assets("--rows", "1000")
    after = DAILY.get_last_partition_key()
    assert outcome.code == 0
    assert re.fullmatch(r".*/outputs/payments_1000_(.*)\.parquet\n", outcome.out)[1] in {before, after}


def test_rows_may_be_written_with_underscores_and_stdout_is_the_path_alone(synth_assets, working_directory):
    outcome = synth_assets("--rows", "1_000", "--date", str(DAY))
    assert outcome[:2] == (0, f"{working_directory}/outputs/{FILE}\n")
    assert pl.read_parquet(f"outputs/{FILE}").height == 1_000


def test_the_folder_is_made_where_it_is_named_and_the_path_is_absolute(synth_assets, working_directory):
    outcome = synth_assets(*SMALL, "--out", "a/b")
    assert outcome[:2] == (0, f"{working_directory}/a/b/{FILE}\n")
    assert files(working_directory) == [f"a/b/{name}" for name in (FILE, *REPORTS)]


def test_another_contract_gives_its_own_columns_in_its_own_order(synth_assets, schema):
    contract = yaml.safe_load(SCHEMA_FILE.read_text())
    contract["fields"] = [field for field in reversed(contract["fields"]) if field["name"] != "amount"]
    Path("other.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    assert synth_assets(*SMALL, "--schema", "other.yaml").code == 0
    names = [field["name"] for field in contract["fields"]]
    made = read_frame(Path(f"outputs/{FILE}"), TransactionSchema.parse(Path("other.yaml").read_text()))
    assert made.columns == names != schema.names
    assert digest(made) == digest(make_frame(schema, make_plan()).select(names))


def test_every_setting_ends_up_in_the_file(synth_assets, schema):
    settings = {
        "rows": 1_000, "chunk_size": 300, "fraud_rate": 0.25, "null_mcc_rate": 0.5, "null_device_rate": 1.0,
        "null_geo_rate": 0.0, "timezone_offset": 840, "lookback_days": 3, "seed": 7, "compression": "zstd",
        "encodings": "compact", "profile": "uniform",
    }  # fmt: skip
    options = [text for name, value in settings.items() for text in (cli.option(name), str(value))]
    assert synth_assets("--date", str(DAY), "--out", "out", *options).code == 0
    path = Path("out", FILE)
    assert provenance_in(path)["plan"] == {"day": str(DAY), **settings}
    footer = pq.read_metadata(path)
    assert [footer.row_group(number).num_rows for number in range(footer.num_row_groups)] == [300, 300, 300, 100]
    chunk = footer.row_group(0).column(schema.names.index("customer_id"))
    assert (chunk.compression, "DELTA_BINARY_PACKED" in chunk.encodings) == ("ZSTD", True)
    frame = read_frame(path, schema)
    assert digest(frame) == digest(make_frame(schema, make_plan(**settings)))
    assert frame["device_id"].null_count() == 1_000
    assert frame["local_time_offset"].unique().to_list() == [840]
    assert frame["event_time"].min().date() == DAY - dt.timedelta(days=2)


def test_a_realistic_day_comes_with_its_world_and_its_label_events(synth_assets, working_directory):
    realistic = ("--profile", "realistic", "--customers", "1_000", "--difficulty", "hard", "--fraud-rate", "0.1")
    outcome = synth_assets(*SMALL, "--out", "out", *realistic)
    side_assets = {
        "cards": f"world_42_1000/cards_{DAY.year}.parquet",
        "customers": f"world_42_1000/customers_{DAY.year}.parquet",
        "merchants": f"world_42_1000/merchants_{DAY.year}.parquet",
        "label_events": f"label_events_{DAY}.parquet",
        "incidents": f"incidents_{DAY}.parquet",
    }
    assert outcome.code == 0
    assert outcome.out.splitlines() == [f"{working_directory}/out/{name}" for name in (FILE, *side_assets.values())]
    plan = provenance_in(Path("out", FILE))["plan"]
    assert (plan["difficulty"], plan["customers"]) == ("hard", 1_000)
    document = json.loads(synth_assets(*SMALL, "--out", "out", *realistic, "--json").out)
    assert document["side_assets"] == {asset: f"{working_directory}/out/{name}" for asset, name in side_assets.items()}


# --- where its history goes -----------------------------------------------------------------------------------


def test_in_a_project_the_run_is_kept_in_its_history_and_shows_no_more_for_it(synth_assets, working_directory):
    shutil.copy(PROJECT_ROOT / "dagster.yaml", "dagster.yaml")
    outcome = synth_assets(*SMALL)
    assert outcome[:2] == (0, f"{working_directory}/outputs/{FILE}\n")
    began = [line.split()[0] for line in outcome.err.splitlines()]
    assert began == [f"{SCHEMA_FILE}:", "engine:", "chunk", f"{working_directory}/outputs/{FILE}:"]
    assert "DAGSTER_HOME" not in os.environ
    with dg.DagsterInstance.from_config(str(working_directory)) as instance:
        assert [kept.status for kept in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
        assert instance.get_materialized_partitions(dg.AssetKey("payments_parquet")) == {str(DAY)}


def test_a_dagster_home_that_is_not_there_is_one_line(synth_assets, tmp_path, monkeypatch):
    gone = str(tmp_path / "gone")
    monkeypatch.setenv("DAGSTER_HOME", gone)
    error = one_error(synth_assets(*SMALL))
    assert error.startswith(f"Cannot use the Dagster instance of {gone}: ")
    document = json.loads(synth_assets(*SMALL, "--json").out)
    assert (document["success"], document["path"], document["error"]) == (False, None, error)


def test_a_broken_dagster_yaml_of_the_project_is_one_line(synth_assets, working_directory):
    Path("dagster.yaml").write_text("storage: [")
    error = one_error(synth_assets(*SMALL))
    assert error.startswith(f"Cannot use the Dagster instance of {working_directory}: ")
    assert "Repair its dagster.yaml" in error


# --- uploading ------------------------------------------------------------------------------------------------


def test_with_s3_yes_the_uri_follows_the_path_and_the_object_is_the_file(synth_assets, aws, working_directory):
    outcome = synth_assets(*SMALL, "--s3", "yes", "--out", "out")
    assert outcome[:2] == (0, f"{working_directory}/out/{FILE}\ns3://{BUCKET}/{OBJECT}\n")
    size = Path("out", FILE).stat().st_size
    assert f"s3://{BUCKET}/{OBJECT}: uploading {size:,} bytes\n" in outcome.err
    assert f"s3://{BUCKET}/{OBJECT}: uploaded {size:,} bytes in " in outcome.err
    body = boto3.client("s3").get_object(Bucket=BUCKET, Key=OBJECT)["Body"].read()
    assert body == Path("out", FILE).read_bytes()
    again = synth_assets(*SMALL, "--s3", "yes", "--out", "out")
    assert again[:2] == outcome[:2]
    assert f"s3://{BUCKET}/{OBJECT}: unchanged, skipped\n" in again.err


def test_what_is_replaced_is_said_here_and_in_s3(synth_assets, aws, working_directory):
    synth_assets(*SMALL, "--s3", "yes")
    path = working_directory / "outputs" / FILE
    size = path.stat().st_size
    replaced = [{"location": where, "rows": 1_000, "bytes": size} for where in (str(path), f"s3://{BUCKET}/{OBJECT}")]
    outcome = synth_assets(*SMALL, "--s3", "yes", "--rows", "1001", "--json")
    assert json.loads(outcome.out)["replaced"] == replaced
    for each in replaced:
        assert f"removed {each['location']} (1,000 rows, {size:,} bytes), replaced by " in outcome.err
    assert json.loads(synth_assets(*SMALL, "--rows", "1001", "--json").out)["replaced"] == []


def test_a_bucket_may_be_named_without_a_parameter_or_a_region(synth_assets, aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert synth_assets(*SMALL, "--s3", "yes", "--bucket", BUCKET).code == 0
    assert object_keys(boto3.client("s3", region_name="us-east-1")) == [OBJECT]


@pytest.mark.parametrize("choice", [(), ("--s3", "no")])
def test_without_s3_yes_nothing_is_sent(choice, synth_assets, aws):
    outcome = synth_assets(*SMALL, *choice)
    assert (outcome.code, len(outcome.out.splitlines()), object_keys()) == (0, 1, [])


def test_the_bucket_may_be_named_by_another_parameter(synth_assets, aws):
    boto3.client("ssm").put_parameter(Name="/elsewhere", Value=BUCKET, Type="SecureString", Overwrite=True)
    boto3.client("ssm").delete_parameter(Name="/fraud/raw_bucket_name")
    try:
        assert synth_assets(*SMALL, "--s3", "yes", "--bucket-parameter", "/elsewhere").code == 0
    finally:
        boto3.client("ssm").put_parameter(Name="/fraud/raw_bucket_name", Value=BUCKET, Type="String")
    assert object_keys() == [OBJECT]


# --- one document for scripts ---------------------------------------------------------------------------------


def test_with_json_stdout_is_one_document_about_the_run(synth_assets, aws, working_directory):
    outcome = synth_assets(*SMALL, "--s3", "yes", "--json")
    document = json.loads(outcome.out)
    path = working_directory / "outputs" / FILE
    checks = document.pop("checks")
    assert set(checks) == {*CLAIMS, "dtypes_recognised", "object_is_local_file"}
    assert all(check["passed"] for check in checks.values())
    assert checks["row_count_matches_plan"] == {
        "passed": True, "severity": "ERROR",
        "summary": "1,000 rows in the file, 1,000 in the plan, 1,000 in the file's name",
        "numbers": {"observed": 1_000, "lowest": 1_000, "highest": 1_000, "breaches": 0},
    }  # fmt: skip
    frauds = pl.read_parquet(path)["label_fraud"].mean()
    assert document.pop("rates")["fraud_proportion_within_bounds"]["day"]["observed"] == frauds
    assert document.pop("seconds") > 0
    assert document.pop("rows_per_second") > 0
    assert (outcome.code, document) == (
        0,
        {
            "success": True, "day": str(DAY), "path": str(path), "uri": f"s3://{BUCKET}/{OBJECT}", "side_assets": {},
            "replaced": [], "rows": 1_000, "bytes": path.stat().st_size, "data_version": provenance_in(path)["digest"],
            "error": None,
        },
    )  # fmt: skip


def test_a_failed_upload_tells_the_error_and_the_file_that_was_made(synth_assets, aws, working_directory, monkeypatch):
    with proxy_before(aws.s3_endpoint) as proxy:
        proxy.faults = {"PUT": [refusal(403, "AccessDenied")]}
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint)
        outcome = synth_assets(*SMALL, "--s3", "yes")
        document = json.loads(synth_assets(*SMALL, "--s3", "yes", "--json").out)
    path = working_directory / "outputs" / FILE
    assert outcome[:2] == (1, f"{path}\n")
    assert path.is_file()
    assert (document["success"], document["path"], document["uri"]) == (False, str(path), None)
    assert set(document["checks"]) == {*CLAIMS, "dtypes_recognised"}
    assert document["error"].startswith(f"Cannot upload {path} to s3://{BUCKET}/{OBJECT}: ")
    assert outcome.err.endswith(f"error: {document['error']}\n")


def test_with_json_a_run_that_makes_nothing_tells_the_error_alone(synth_assets):
    outcome = synth_assets(*SMALL, "--json", "--schema", "absent.yaml")
    document = json.loads(outcome.out)
    assert (outcome.code, document["success"], document["path"], document["rates"]) == (1, False, None, {})
    assert "absent.yaml" in document["error"]


def test_an_unrecognised_dtype_makes_a_string_and_a_warning_and_fails_no_run(synth_assets):
    misspelt = ["amount", "is_recurring", "label_fraud"]
    contract = yaml.safe_load(SCHEMA_FILE.read_text())
    for field in contract["fields"]:
        if field["name"] in misspelt:
            field["dtype"] = "misspelt"
    Path("schema.yaml").write_text(yaml.safe_dump(contract, sort_keys=False))
    outcome = synth_assets(*SMALL, "--schema", "schema.yaml", "--json")
    document = json.loads(outcome.out)
    assert (outcome.code, document["success"]) == (0, True)
    assert set(pl.read_parquet(f"outputs/{FILE}").select(misspelt).dtypes) == {pl.String}
    check = document["checks"]["dtypes_recognised"]
    assert (check["passed"], check["severity"]) == (False, "WARN")
    (warning,) = [line for line in outcome.err.splitlines() if line.startswith("WARN: ")]
    assert warning == f"WARN: dtypes_recognised: {check['summary']}"
    for name in misspelt:
        assert f"field {name}: dtype 'misspelt' is not one of the contract's" in outcome.err
        assert name in warning
