"""Real runs of the assets and their checks, in a Dagster instance of their own."""

import datetime as dt
import math
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import polars as pl
import pytest
import yaml

from synth_assets import payments_day
from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.definitions import defs
from synth_assets.generator.claims import CLAIMS
from synth_assets.resources import OutputFolder
from synth_assets.storage.layout import month_report_name, report_name
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.place import Place
from tests.conftest import DAY, SCHEMA_FILE, day_table, make_plan, object_keys, write_day

ALL = [transaction_schema, payments_parquet, s3_raw_payments]
LOCAL = [transaction_schema, payments_parquet]
NAME = f"payments_2000_{DAY}.parquet"


def run(
    instance: dg.DagsterInstance,
    folder: Path,
    assets: list = ALL,
    *,
    day: dt.date = DAY,
    contract: Path | None = None,
    **settings: Any,
) -> dg.ExecuteInProcessResult:
    resources: dict = {"output_folder": {"config": {"path": str(folder)}}}
    if contract:
        resources["contract"] = {"config": {"path": str(contract)}}
    ops = {"payments_parquet": {"config": {"rows": 2_000, **settings}}} if payments_parquet in assets else {}
    return defs.resolve_job_def("daily_payments").execute_in_process(
        run_config={"resources": resources, "ops": ops},
        partition_key=str(day),
        asset_selection=[asset.key for asset in assets],
        instance=instance,
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: dg.AssetsDefinition) -> dict[str, Any]:
    (materialization,) = result.asset_materializations_for_node(asset.op.name)
    return {name: entry.value for name, entry in materialization.metadata.items()}


def errors(result: dg.ExecuteInProcessResult) -> list[str]:
    return [
        event.step_failure_data.user_failure_data.description
        for event in result.filter_events(lambda event: event.is_step_failure)
        if event.step_failure_data.user_failure_data
    ]


def checks(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {evaluation.check_name: evaluation.passed for evaluation in result.get_asset_check_evaluations()}


def test_a_day_is_made_checked_and_landed(aws, instance, tmp_path):
    result = run(instance, tmp_path)
    assert result.success
    assert checks(result) == dict.fromkeys([*CLAIMS, "dtypes_recognised", "object_is_local_file"], True)
    assert [path.name for path in tmp_path.glob("payments*")] == [NAME]
    assert object_keys() == [f"payments/year=2026/month=01/{NAME}"]
    assert pl.read_parquet(tmp_path / NAME).height == 2_000


def test_the_metadata_says_what_was_made(aws, instance, tmp_path):
    result = run(instance, tmp_path, chunk_size=500, fraud_rate=0.5)
    schema = metadata(result, transaction_schema)
    assert (schema["version"], schema["columns"], len(schema["digest"])) == ("1.0.0", 24, 64)
    assert [column.name for column in schema["dagster/column_schema"].columns][:2] == ["transaction_id", "event_time"]
    columns = {column.name: column for column in schema["dagster/column_schema"].columns}
    assert [name for name, column in columns.items() if column.constraints.unique] == ["transaction_id"]
    assert columns["channel"].description.endswith(". One of ONLINE, IN_STORE, ATM.")
    made = metadata(result, payments_parquet)
    path = tmp_path / NAME
    assert made["path"] == str(path)
    assert (made["dagster/row_count"], made["bytes"]) == (2_000, path.stat().st_size)
    assert made["seconds"] > 0
    assert made["rows_per_second"] > 0
    first = pl.read_parquet(path).row(0, named=True)
    assert made["first_payment"] == first | {
        "event_time": str(first["event_time"]),
        "card_pan_hash": f"{first['card_pan_hash'][:35]}…",
        "user_agent": first["user_agent"] and f"{first['user_agent'][:35]}…",
    }
    assert made["fraud_rate_observed"] == pl.read_parquet(path)["label_fraud"].mean()
    assert made["bytes_per_row"] == pytest.approx(path.stat().st_size / 2_000, abs=0.01)
    assert [len(made["hours"]) < 1_000, len(made["pictures"]) > 1_000] == [True, True]
    landed = metadata(result, s3_raw_payments)
    # The seconds are rounded to milliseconds.
    assert landed["bytes"] / landed["bytes_per_second"] == pytest.approx(landed["upload_seconds"], abs=0.001)
    assert landed["dagster/uri"] == landed["object"] == f"s3://{BUCKET}/payments/year=2026/month=01/{NAME}"
    assert (landed["bytes"], landed["sent"]) == (path.stat().st_size, True)
    head = boto3.client("s3").head_object(Bucket=BUCKET, Key=object_keys()[0])
    assert (head["Metadata"]["rows"], head["Metadata"]["seed"]) == ("2000", "42")
    assert head["Metadata"]["schema-version"] == "1.0.0"


@pytest.mark.parametrize(("pause", "messages"), [(0.0, [1, 1, 1, 1]), (math.inf, [1, 3])])
def test_each_chunk_is_logged_with_what_is_left_and_fast_ones_in_one_message(
    instance, tmp_path, monkeypatch, pause, messages
):
    monkeypatch.setattr(payments_day, "SECONDS_BETWEEN_MESSAGES", pause)
    result = run(instance, tmp_path, LOCAL, chunk_size=500)
    logged = [
        record.user_message for record in instance.all_logs(result.run_id) if record.user_message.startswith("chunk")
    ]
    assert [len(message.splitlines()) for message in logged] == messages
    lines = "\n".join(logged).splitlines()
    assert lines[0].startswith("chunk 1 of 4: 500 rows, 1,500 left, ")
    assert lines[3].startswith("chunk 4 of 4: 500 rows, 0 left, ")
    assert all("rows/s" in line and "elapsed" in line for line in lines)


def test_check_results_are_on_the_partition(instance, tmp_path):
    result = run(instance, tmp_path, LOCAL)
    assert {e.partition for e in result.get_asset_check_evaluations() if e.check_name in CLAIMS} == {str(DAY)}


def test_bounds_are_shown_with_the_observed_figure(instance, tmp_path):
    result = run(instance, tmp_path, LOCAL)
    (fraud,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "fraud_proportion_within_bounds"]
    shown = {name: entry.value for name, entry in fraud.metadata.items()}
    assert shown["lowest"] < shown["observed"] < shown["highest"]
    assert fraud.description == "All 11 within bounds"


def test_columns_are_shown_by_the_definition_and_by_a_day_only_where_its_contract_differs(instance, tmp_path):
    shown = [asset.metadata_by_key[asset.key]["dagster/column_schema"] for asset in (payments_parquet, s3_raw_payments)]
    assert [[column.name for column in each.columns][:2] for each in shown] == [["transaction_id", "event_time"]] * 2
    assert "dagster/column_schema" not in metadata(run(instance, tmp_path, LOCAL), payments_parquet)
    changed = tmp_path / "contract.yaml"
    changed.write_text(SCHEMA_FILE.read_text().replace("'ATM'", "'KIOSK'"))
    made = metadata(run(instance, tmp_path, LOCAL, contract=changed), payments_parquet)
    (channel,) = [column for column in made["dagster/column_schema"].columns if column.name == "channel"]
    assert channel.description.endswith("KIOSK.")


def test_the_same_file_again_sends_nothing_and_another_row_count_replaces_it(aws, instance, tmp_path):
    run(instance, tmp_path)
    again = metadata(run(instance, tmp_path), s3_raw_payments)
    assert (again["sent"], "bytes_per_second" in again) == (False, False)
    other = metadata(run(instance, tmp_path, rows=3_000), s3_raw_payments)
    (replaced,) = other["replaced"]
    assert (other["sent"], replaced["location"]) == (True, f"s3://{BUCKET}/payments/year=2026/month=01/{NAME}")
    assert (replaced["rows"], replaced["bytes"]) == (2_000, again["bytes"])
    assert object_keys() == [f"payments/year=2026/month=01/payments_3000_{DAY}.parquet"]
    assert [path.name for path in tmp_path.glob("payments*")] == [f"payments_3000_{DAY}.parquet"]


def test_the_data_version_follows_content(instance, tmp_path):
    def versions(**settings: Any) -> list[str]:
        result = run(instance, tmp_path, LOCAL, **settings)
        return [
            result.asset_materializations_for_node(asset.op.name)[0].tags["dagster/data_version"] for asset in LOCAL
        ]

    schema_version, file_version = versions()
    assert versions() == [schema_version, file_version]
    assert versions(seed=7)[0] == schema_version
    assert versions(seed=7)[1] != file_version


def test_a_contract_of_two_columns_is_made_and_says_that_it_has_no_rates(instance, tmp_path):
    contract = yaml.safe_load(SCHEMA_FILE.read_text())
    contract["fields"] = contract["fields"][:2]
    narrow = tmp_path / "contract.yaml"
    narrow.write_text(yaml.safe_dump(contract))
    result = run(instance, tmp_path, LOCAL, contract=narrow)
    assert result.success
    assert not [entry for entry in metadata(result, payments_parquet) if entry.endswith("_observed")]


def test_a_changed_contract_gives_another_data_version(instance, tmp_path):
    changed = tmp_path / "contract.yaml"
    changed.write_text(SCHEMA_FILE.read_text().replace("'ATM'", "'KIOSK'"))
    digests = {
        metadata(run(instance, tmp_path, LOCAL, contract=contract), transaction_schema)["digest"]
        for contract in (SCHEMA_FILE, changed)
    }
    assert len(digests) == 2


def write_bad_day(schema: Any, folder: Path) -> Path:
    """A day whose labels are all false, under the plan of a day in which half of them are true."""
    plan = make_plan(rows=2_000, fraud_rate=0.5)
    table = day_table(schema, plan)
    index = table.schema.get_field_index("label_fraud")
    clean = pl.Series([False] * 2_000).to_arrow()
    return write_day(folder, schema, plan, table.set_column(index, table.schema.field(index), clean))


class DamagingFolder(OutputFolder):
    """A folder that turns the day's file into a bad one between the run's steps."""

    bad: str

    def place(self, *arguments: Any) -> Place:
        for finished in Path(self.path).glob("payments*"):
            finished.write_bytes(Path(self.bad).read_bytes())
        return super().place(*arguments)


def test_a_broken_claim_stops_the_upload_in_its_own_run(aws, instance, tmp_path, schema):
    (tmp_path / "bad").mkdir()
    bad = write_bad_day(schema, tmp_path / "bad")
    folder = DamagingFolder(path=str(tmp_path), bad=str(bad))
    plant = dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        resources={**(defs.resources or {}), "output_folder": folder},
    )
    result = plant.resolve_job_def("daily_payments").execute_in_process(
        run_config={"ops": {"payments_parquet": {"config": {"rows": 2_000, "fraud_rate": 0.5}}}},
        partition_key=str(DAY),
        instance=instance,
        raise_on_error=False,
    )
    assert not result.success
    assert {name for name, passed in checks(result).items() if not passed} == {"fraud_proportion_within_bounds"}
    # The upload would refuse, too. It is not even begun, because the checks block.
    begun = {event.step_key for event in result.filter_events(lambda event: event.is_step_start)}
    assert begun == {"transaction_schema", "transaction_schema_dtypes_recognised", "payments_parquet", "claims"}
    assert object_keys() == []


def test_a_later_run_of_the_upload_alone_refuses_too(aws, instance, tmp_path, schema):
    write_bad_day(schema, tmp_path)
    result = run(instance, tmp_path, [s3_raw_payments])
    (error,) = errors(result)
    assert "was not uploaded: it fails 1 of 11 checks" in error
    assert "fraud_proportion_within_bounds: " in error
    assert object_keys() == []


def test_the_upload_of_a_missing_file_says_what_to_materialize(aws, instance, tmp_path):
    (error,) = errors(run(instance, tmp_path, [s3_raw_payments]))
    assert error == f"There is no file of {DAY} in {tmp_path}. Materialize payments_parquet for this partition."


def run_checks(
    instance: dg.DagsterInstance,
    folder: Path,
    selection: dg.AssetSelection,
    tags: dict[str, str],
) -> dg.ExecuteInProcessResult:
    job = dg.define_asset_job("checks", selection=selection)
    return (
        dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
        .resolve_job_def("checks")
        .execute_in_process(
            run_config={"resources": {"output_folder": {"config": {"path": str(folder)}}}},
            tags=tags,
            instance=instance,
            raise_on_error=False,
        )
    )


def test_checks_run_alone_and_fail_where_there_is_no_file(instance, tmp_path):
    selection = dg.AssetSelection.checks_for_assets(payments_parquet)
    result = run_checks(instance, tmp_path, selection, {"dagster/partition": str(DAY)})
    assert checks(result) == dict.fromkeys(CLAIMS, False)
    said = {e.check_name: e.description for e in result.get_asset_check_evaluations()}
    assert said.pop("file_is_whole").startswith(f"There is no file of {DAY} in {tmp_path}. Materialize")
    assert set(said.values()) == {"not judged: see file_is_whole"}


def test_checks_without_a_partition_say_what_to_do(instance, tmp_path):
    result = run_checks(instance, tmp_path, dg.AssetSelection.checks_for_assets(payments_parquet), tags={})
    assert errors(result) == [
        "This run has no partition. To run a day's checks again, launch the job verify_day for the day."
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["fields"][3].pop("name"), "field 4: `name` must be text"),
        (lambda d: d["fields"].append({**d["fields"][3], "name": "tip"}), "field tip: .*no builder"),
        (lambda d: d["fields"][12].update(nullable=False), "field mcc_code: `nullable` is false"),
    ],
)
def test_a_contract_that_cannot_be_made_stops_the_day_before_a_row(instance, tmp_path, change, says):
    previous = run(instance, tmp_path, LOCAL)
    assert previous.success
    before = (tmp_path / NAME).read_bytes()
    document = yaml.safe_load(SCHEMA_FILE.read_text())
    change(document)
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(document, sort_keys=False))
    result = run(instance, tmp_path, LOCAL, contract=contract)
    assert not result.success
    (error,) = errors(result)
    assert pl.Series([error]).str.contains(says)[0], error
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "contract.yaml",
        NAME,
        report_name(DAY),
        month_report_name(DAY),
    ]
    assert (tmp_path / NAME).read_bytes() == before


def test_an_unrecognised_dtype_is_logged_shown_and_warned_of(instance, tmp_path):
    document = yaml.safe_load(SCHEMA_FILE.read_text())
    document["fields"][3]["dtype"] = "money"
    contract = tmp_path / "contract.yaml"
    contract.write_text(yaml.safe_dump(document, sort_keys=False))
    result = run(instance, tmp_path, LOCAL, contract=contract)
    assert result.success
    assert metadata(result, transaction_schema)["unrecognised_dtypes"] == "amount: money"
    assert any("amount: dtype 'money'" in record.user_message for record in instance.all_logs(result.run_id))
    (warned,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "dtypes_recognised"]
    assert (warned.passed, warned.severity) == (False, dg.AssetCheckSeverity.WARN)
    frame = pl.read_parquet(tmp_path / NAME)
    assert frame.schema["amount"] == pl.String
    assert frame["amount"].cast(pl.Float64).is_between(1, 500).all()


def test_an_unknown_setting_or_partition_makes_nothing(instance, tmp_path):
    with pytest.raises(dg.DagsterInvalidConfigError, match="colour"):
        run(instance, tmp_path, LOCAL, colour="red")
    with pytest.raises(dg.DagsterUnknownPartitionError):
        run(instance, tmp_path, LOCAL, day=dt.date(2019, 1, 1))
    assert not list(tmp_path.glob("payments*"))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"fraud_rate": 1.5}, ["fraud_rate must be at most 1 (got 1.5)"]),
        ({"fraud_rate": 2.0, "rows": -5}, ["rows must be at least 1 (got -5)", "; fraud_rate must be at most 1"]),
    ],
)
def test_a_setting_out_of_bounds_is_the_steps_error_and_makes_nothing(settings, says, instance, tmp_path):
    result = run(instance, tmp_path, LOCAL, **settings)
    assert not result.success
    (error,) = errors(result)
    assert "\n" not in error
    assert all(words in error for words in says), error
    assert not list(tmp_path.glob("payments*"))


@pytest.mark.parametrize("setting", ["profile", "compression", "difficulty", "encodings"])
def test_a_choice_that_there_is_not_starts_no_run(setting, instance, tmp_path):
    with pytest.raises(dg.DagsterInvalidConfigError, match=setting):
        run(instance, tmp_path, LOCAL, **{setting: "none such"})
    assert not instance.get_runs()
