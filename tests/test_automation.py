"""What is made, or shown as out of date, without anybody asking: the upload, and days under another contract."""

import datetime as dt
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from synth_assets.assets import payments_parquet, s3_raw_payments, transaction_schema
from synth_assets.definitions import defs
from synth_assets.resources import OutputFolder
from synth_assets.world_assets import label_events
from tests.conftest import BIN, DAY, PROJECT_ROOT, SCHEMA_FILE, environment_for
from tests.test_assets import DamagingFolder, write_bad_day

LOCAL = [transaction_schema, payments_parquet]
EARLIER, NEXT_DAY = DAY - dt.timedelta(days=1), DAY + dt.timedelta(days=1)


class Plant:
    """An instance, a folder, and the automation that looks at them tick by tick."""

    def __init__(self, instance: dg.DagsterInstance, folder: Path) -> None:
        self.instance, self.folder = instance, folder
        self.last: dg.EvaluateAutomationConditionsResult | None = None

    def requested(self) -> set[str]:
        """The days whose upload the next tick asks for."""
        self.last = dg.evaluate_automation_conditions(
            defs=defs, instance=self.instance, cursor=self.last.cursor if self.last else None
        )
        return set(self.last.get_requested_partitions(s3_raw_payments.key))

    def query(self, text: str, **variables: str) -> Any:
        """What the UI would be told, by Dagster's own GraphQL command."""
        answer = self.folder.parent / "answer.json"
        home = Path(self.instance.root_directory)
        (home / "dagster.yaml").write_text("telemetry: {enabled: false}")
        command = [BIN / "dagster-graphql", "-t", text, "-v", json.dumps(variables), "-o", answer]
        done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment_for(home), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(answer.read_text())["data"]

    def run(
        self,
        assets: list[dg.AssetsDefinition],
        day: dt.date = DAY,
        *,
        contract: Path = SCHEMA_FILE,
        damaged_by: Path | None = None,
        **settings: object,
    ) -> bool:
        """Whether the run succeeds; `damaged_by` takes the file's place before the checks read it."""
        folder = (
            DamagingFolder(path=str(self.folder), bad=str(damaged_by))
            if damaged_by
            else OutputFolder(path=str(self.folder))
        )
        ops = {"payments_parquet": {"config": {"rows": 2_000, **settings}}} if payments_parquet in assets else {}
        return (
            dg.Definitions(
                assets=defs.assets,
                asset_checks=defs.asset_checks,
                jobs=defs.jobs,
                resources={**(defs.resources or {}), "output_folder": folder},
            )
            .resolve_job_def("daily_payments")
            .execute_in_process(
                run_config={
                    "resources": {"contract": {"config": {"path": str(contract)}}},
                    "ops": ops,
                },
                partition_key=str(day),
                asset_selection=[asset.key for asset in assets],
                instance=self.instance,
                raise_on_error=False,
            )
            .success
        )


@pytest.fixture
def plant(instance: dg.DagsterInstance, tmp_path: Path) -> Plant:
    return Plant(instance, tmp_path / "outputs")


@pytest.fixture
def plant_on_disk(tmp_path: Path) -> Iterator[Plant]:
    """A plant whose history another process can read."""
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        yield Plant(instance, tmp_path / "outputs")


def test_the_upload_follows_each_day_that_was_made_alone_once_and_leaves_older_days_be(plant):
    assert plant.run(LOCAL, EARLIER)
    assert plant.requested() == set()
    assert plant.run(LOCAL)
    assert plant.run(LOCAL, NEXT_DAY)
    assert plant.requested() == {str(DAY), str(NEXT_DAY)}
    assert plant.requested() == set()
    assert plant.run(LOCAL, seed=7)
    assert plant.requested() == {str(DAY)}


def test_nothing_follows_a_run_that_made_both(plant, aws):
    assert plant.requested() == set()
    assert plant.run([*LOCAL, s3_raw_payments])
    assert plant.requested() == set()
    assert plant.requested() == set()


def test_nothing_follows_a_day_with_a_broken_claim_until_it_is_made_anew(plant, schema, tmp_path):
    assert plant.requested() == set()
    assert plant.run(LOCAL, NEXT_DAY)
    assert not plant.run(LOCAL, damaged_by=write_bad_day(schema, tmp_path), fraud_rate=0.5)
    assert plant.requested() == {str(NEXT_DAY)}
    assert plant.run(LOCAL)
    assert plant.requested() == {str(DAY)}


def test_the_empty_world_of_a_uniform_day_changes_nothing_about_its_upload(plant):
    assert plant.requested() == set()
    assert plant.run([*LOCAL, label_events])
    assert plant.requested() == {str(DAY)}
    assert plant.run([label_events])
    assert plant.requested() == set()


STALE = """
query ($day: String!) {
  assetNodes(assetKeys: [{path: ["payments_parquet"]}]) {
    staleStatus(partition: $day) staleCauses(partition: $day) { reason key { path } }
  }
}
"""


def test_a_day_made_under_another_contract_shows_as_stale(plant_on_disk, tmp_path):
    assert plant_on_disk.run(LOCAL)
    (fresh,) = plant_on_disk.query(STALE, day=str(DAY))["assetNodes"]
    assert fresh == {"staleStatus": "FRESH", "staleCauses": []}
    changed = tmp_path / "contract.yaml"
    changed.write_text(SCHEMA_FILE.read_text().replace("'ATM'", "'KIOSK'"))
    assert plant_on_disk.run([transaction_schema], contract=changed)
    (stale,) = plant_on_disk.query(STALE, day=str(DAY))["assetNodes"]
    assert stale["staleStatus"] == "STALE"
    assert stale["staleCauses"] == [{"reason": "has a new data version", "key": {"path": ["transaction_schema"]}}]
