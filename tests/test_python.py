"""Payments from Python and from other Dagster projects: the page on it is run, and the values are the assets' own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pyarrow as pa
import pytest

import synth_assets
from synth_assets.generator.errors import GeneratorError
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from tests.conftest import DAY, PROJECT_ROOT, SCHEMA_FILE, judge_file, make_frame, make_plan, object_keys

PAGE = (PROJECT_ROOT / "docs" / "python.md").read_text()
IN_PYTHON, MERGED, PREFIXED = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def names_after(code: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "page"}
    exec(code, names)
    return names


# --- from Python ------------------------------------------------------------------------------------------------


def test_the_page_makes_a_frame_tables_and_a_file(working_directory, schema):
    names = names_after(IN_PYTHON)
    settings = {"rows": 20_000, "fraud_rate": 0.02, "seed": 7}
    assert names["frame"].equals(make_frame(schema, make_plan(**settings)))
    assert names["frauds"]["len"].sum() == names["frame"]["label_fraud"].sum() > 300
    assert names["amount"] == pytest.approx(make_frame(schema, make_plan(rows=20_000))["amount"].sum())
    assert names["path"].absolute() == working_directory / "outputs" / f"payments_20000_{DAY}.parquet"
    assert [claim for claim in judge_file(schema, names["path"]) if not claim.passed] == []


def test_no_function_imports_dagster_and_the_package_alone_imports_nothing_of_weight():
    program = (
        "import sys, synth_assets; light = set(sys.modules); "
        "synth_assets.payments('2026-01-15', rows=10); next(synth_assets.batches('2026-01-15', rows=10)); "
        "print(*({'polars', 'pyarrow'} & light), *(name for name in sys.modules if name.split('.')[0] in "
        "{'dagster', 'boto3', 'botocore'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_functions_are_listed_and_no_other_name_is_there():
    assert {"batches", "payments", "write_day"} <= set(dir(synth_assets))
    with pytest.raises(AttributeError, match="module 'synth_assets' has no attribute 'payment'"):
        synth_assets.payment  # noqa: B018


def test_enums_are_those_of_the_contract_and_tables_have_the_rows_of_a_chunk(schema):
    frame = synth_assets.payments(DAY, rows=1_000)
    assert frame.schema == pl.Schema({field.name: field.polars_type for field in schema.fields})
    tables = list(synth_assets.batches(str(DAY), rows=1_000, chunk_size=300, workers=2))
    assert [table.num_rows for table in tables] == [300, 300, 300, 100]
    assert pl.DataFrame(pa.concat_tables(tables)).cast(frame.schema).equals(frame)


def test_the_contract_is_taken_as_a_value_and_as_a_path(tmp_path, schema):
    path = tmp_path / "contract.yaml"
    path.write_text(SCHEMA_FILE.read_text().replace("['IOS', 'ANDROID', 'WEB', 'POS']", "['POS', 'WEB']"))
    named = synth_assets.payments(DAY, rows=500, schema=path)
    assert named["device_type"].dtype == pl.Enum(["POS", "WEB"])
    assert synth_assets.payments(DAY, rows=500, schema=schema).drop("device_type").equals(named.drop("device_type"))


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"row": 3}, GeneratorError, r"row is not a setting. Choose from: rows, chunk_size"),
        ({"rows": 0}, GeneratorError, r"rows must be at least 1 \(got 0\)"),
        ({"day": "2026-02-30"}, GeneratorError, "day must be a valid date"),
        ({"schema": "none.yaml"}, StorageError, "Cannot read none.yaml: No such file"),
    ],
)
def test_what_is_wrong_is_said_at_once(working_directory, settings, error, says):
    wrong = {"day": DAY, "rows": 10, **settings}
    for made in (synth_assets.payments, synth_assets.batches, lambda **all_: synth_assets.write_day("outputs", **all_)):
        with pytest.raises(error, match=says):
            made(**wrong)
    assert list(working_directory.iterdir()) == []


@pytest.mark.parametrize("folder", ["s3://bucket/prefix", Path("s3://bucket/prefix")])
def test_a_bucket_is_no_folder(working_directory, folder):
    with pytest.raises(StorageError, match=r"is no folder\. Name one, or write to a bucket with synth-assets --out\."):
        synth_assets.write_day(folder, DAY, rows=10)
    assert list(working_directory.iterdir()) == []


def test_a_day_that_is_written_again_is_the_only_one_of_its_day(tmp_path):
    synth_assets.write_day(tmp_path, DAY, rows=100)
    path = synth_assets.write_day(str(tmp_path), DAY, rows=200)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert DayFile.at(path).named_rows == 200


# --- from another Dagster project -------------------------------------------------------------------------------


def test_merged_definitions_have_the_assets_and_checks_of_both():
    graph = names_after(MERGED)["defs"].resolve_asset_graph()
    assert {key.to_user_string() for key in graph.get_all_asset_keys()} >= {"your_asset", "payments_parquet"}
    assert {key.name for key in graph.asset_check_keys} >= {"file_is_whole", "object_is_local_file"}


def test_prefixed_assets_are_made_checked_and_landed(aws, instance, tmp_path):
    defs = names_after(PREFIXED)["defs"]
    result = defs.resolve_job_def("synthetic_payments").execute_in_process(
        partition_key=str(DAY),
        instance=instance,
        run_config={
            "ops": {"payments_parquet": {"config": {"rows": 20_000, "profile": "realistic", "customers": 1_000}}},
            "resources": {"output_folder": {"config": {"path": str(tmp_path)}}},
        },
    )
    made = {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}
    assert made == {
        f"synthetic/{name}"
        for name in (
            "transaction_schema", "payments_parquet", "s3_raw_payments", "customers", "cards", "merchants",
            "label_events", "incidents",
        )
    }  # fmt: skip
    checks = result.get_asset_check_evaluations()
    assert len(checks) == 13
    assert [check.check_name for check in checks if not check.passed] == []
    assert {check.asset_key.path[0] for check in checks} == {"synthetic"}
    assert object_keys() == [f"payments/year=2026/month=01/payments_20000_{DAY}.parquet"]


def test_a_prefixed_check_knows_what_its_own_asset_has_uploaded(aws, instance, tmp_path):
    """A file that has replaced the uploaded one since is no error of the upload."""
    defs = names_after(PREFIXED)["defs"]
    uploaded = dg.AssetKey(["synthetic", "s3_raw_payments"])
    synth_assets.write_day(tmp_path, DAY, rows=500)

    def run(job: dg.JobDefinition) -> dg.AssetCheckEvaluation:
        result = job.execute_in_process(
            partition_key=str(DAY),
            instance=instance,
            run_config={"resources": {"output_folder": {"config": {"path": str(tmp_path)}}}},
        )
        (check,) = result.get_asset_check_evaluations()
        return check

    location = defs.resolve_implicit_global_asset_job_def()
    assert run(location.get_subset(asset_selection={uploaded})).passed
    synth_assets.write_day(tmp_path, DAY, rows=500, seed=7)
    check = dg.AssetCheckKey(uploaded, "object_is_local_file")
    again = run(location.get_subset(asset_selection=set(), asset_check_selection={check}))
    assert (again.passed, again.severity) == (False, dg.AssetCheckSeverity.WARN)
