"""A day in a bucket through the real commands and jobs: the words, names, bytes and metadata are those of a folder."""

from __future__ import annotations

import json

import boto3
import dagster as dg
import pytest

from synth_assets.definitions import defs
from synth_assets.resources import OutputFolder
from synth_assets.storage.layout import label_events_name, month_report_name, report_name
from synth_assets.storage.loopback import BUCKET
from tests.command_line import FILE, OBJECT, SMALL, one_error
from tests.conftest import DAY, object_keys

PLACE = f"s3://{BUCKET}/made/here"
MADE = f"{PLACE}/{FILE}"
LANDED = f"s3://{BUCKET}/{OBJECT}"


def stored(key: str) -> bytes:
    return boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()


def without_times(document: dict, place: str) -> dict:
    """A run's document without what the clock gives, with its place as PLACE."""
    timeless = {name: value for name, value in document.items() if name not in {"seconds", "rows_per_second"}}
    return json.loads(json.dumps(timeless).replace(place, "PLACE"))


def test_a_day_is_made_checked_and_landed_as_from_a_folder(synth_assets, aws, working_directory):
    there = synth_assets(*SMALL, "--out", PLACE, "--s3", "yes", "--json")
    assert there.code == 0, there.err
    assert sorted(object_keys()) == sorted([
        OBJECT, *(f"made/here/{name}" for name in (FILE, report_name(DAY), month_report_name(DAY))),
    ])  # fmt: skip
    here = synth_assets(*SMALL, "--out", "folder", "--s3", "yes", "--json")
    folder = working_directory / "folder"
    assert without_times(json.loads(there.out), PLACE) == without_times(json.loads(here.out), str(folder))
    assert stored(f"made/here/{FILE}") == stored(OBJECT) == (folder / FILE).read_bytes()
    assert stored(f"made/here/{report_name(DAY)}") == (folder / report_name(DAY)).read_bytes()
    assert stored(f"made/here/{month_report_name(DAY)}") == (folder / month_report_name(DAY)).read_bytes()
    assert "unchanged, skipped" in here.err


def test_each_command_takes_the_day_by_its_uri(synth_assets, aws, working_directory):
    assert synth_assets(*SMALL, "--out", PLACE).out == f"{MADE}\n"
    assert synth_assets(*SMALL, "--out", "folder").code == 0
    file = str(working_directory / "folder" / FILE)
    for command in ("show", "verify"):
        there, here = synth_assets(command, MADE), synth_assets(command, file)
        assert there == (0, here.out.replace(file, MADE), "")
    assert synth_assets("reproduce", MADE).out == f"{MADE} was reproduced from its footer, byte for byte\n"
    assert synth_assets("report", MADE, "--out", "pages").code == 0
    assert (working_directory / "pages" / report_name(DAY)).read_bytes() == stored(f"made/here/{report_name(DAY)}")
    assert synth_assets("report", file, "--out", f"{PLACE}/pages").out.startswith(f"{PLACE}/pages/{report_name(DAY)}\n")
    outcome = synth_assets("upload", MADE)
    assert outcome[:2] == (0, f"{LANDED}\n")
    assert f"{LANDED}: copying " in outcome.err
    assert synth_assets("verify", LANDED).code == 0


def test_a_day_is_reproduced_into_a_bucket(synth_assets, aws, working_directory):
    assert synth_assets(*SMALL, "--out", "folder").code == 0
    document = json.loads(synth_assets("reproduce", f"folder/{FILE}", "--out", PLACE, "--json").out)
    assert (document["success"], document["made"]) == (True, MADE)
    assert stored(f"made/here/{FILE}") == (working_directory / "folder" / FILE).read_bytes()
    assert "is the original file" in one_error(synth_assets("reproduce", MADE, "--out", PLACE))


def test_a_realistic_day_has_its_world_and_its_label_events_beside_it(synth_assets, aws, working_directory):
    settings = (*SMALL, "--profile", "realistic", "--customers", "2000")
    there = synth_assets(*settings, "--out", PLACE)
    here = synth_assets(*settings, "--out", "folder")
    folder = working_directory / "folder"
    assert there.out.replace(PLACE, str(folder)) == here.out
    names = [line.removeprefix(f"{PLACE}/") for line in there.out.splitlines()]
    assert len(names) == 6
    assert label_events_name(DAY) in names
    for name in names:
        assert stored(f"made/here/{name}") == (folder / name).read_bytes(), name
    # The world's tables are those of all days, and are not written anew.
    written = boto3.client("s3").head_object(Bucket=BUCKET, Key=f"made/here/{names[1]}")["LastModified"]
    assert synth_assets(*settings, "--out", PLACE).code == 0
    assert boto3.client("s3").head_object(Bucket=BUCKET, Key=f"made/here/{names[1]}")["LastModified"] == written


@pytest.fixture
def plant() -> dg.Definitions:
    return dg.Definitions(
        assets=defs.assets,
        asset_checks=defs.asset_checks,
        jobs=defs.jobs,
        executor=dg.in_process_executor,
        resources={**(defs.resources or {}), "output_folder": OutputFolder(path=PLACE)},
    )


def test_a_later_run_elsewhere_finds_the_day_checks_it_and_lands_it(aws, instance, plant):
    def run(job: str, **more) -> dg.ExecuteInProcessResult:
        result = plant.resolve_job_def(job).execute_in_process(partition_key=str(DAY), instance=instance, **more)
        assert all(each.passed for each in result.get_asset_check_evaluations())
        return result

    config = {"ops": {"payments_parquet": {"config": {"rows": 1_000}}}}
    keys = [dg.AssetKey("transaction_schema"), dg.AssetKey("payments_parquet")]
    made = run("daily_payments", asset_selection=keys, run_config=config)
    (event,) = made.asset_materializations_for_node("payments_parquet")
    assert event.metadata["path"].value == MADE
    assert event.metadata["report"].value == f"{PLACE}/{report_name(DAY)}"
    landed = run("daily_payments", asset_selection=[dg.AssetKey("s3_raw_payments")])
    (event,) = landed.asset_materializations_for_node("s3_raw_payments")
    assert (event.metadata["dagster/uri"].value, event.metadata["sent"].value) == (LANDED, True)
    assert len(run("verify_day").get_asset_check_evaluations()) == 12


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("s3://no-such-bucket/made", "The specified bucket does not exist (NoSuchBucket). Create the bucket"),
        ("s3:/made", "'s3:/made' is no bucket's s3:// URI. Write it as s3://BUCKET/PREFIX or a folder."),
    ],
)
def test_a_place_that_is_none_is_one_line_before_a_row_is_made(synth_assets, aws, place, says):
    outcome = synth_assets(*SMALL, "--out", place)
    assert says in one_error(outcome)
    assert "chunk 1" not in outcome.err


def test_a_place_in_which_the_day_is_to_land_is_one_line_before_a_row_is_made(synth_assets, aws):
    outcome = synth_assets(*SMALL, "--out", f"s3://{BUCKET}/payments/year=2026/month=01", "--s3", "yes")
    assert "Give the output folder another prefix or bucket." in one_error(outcome)
    assert object_keys() == []
