"""The history of the command line's runs: where it is, who makes it, and what is said where it cannot be used."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from synth_assets.history import HistoryError, open_history
from tests.command_line import COMMAND, SMALL, Outcome, one_error
from tests.conftest import HANG_SECONDS, PROJECT_ROOT, environment_for

SETTINGS = (PROJECT_ROOT / "dagster.yaml").read_text()


@pytest.fixture
def project(working_directory: Path) -> Path:
    """The working directory, with the project's dagster.yaml and without a history."""
    (working_directory / "dagster.yaml").write_text(SETTINGS)
    return working_directory


def databases(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.db"))


def test_first_commands_at_once_all_make_their_days_and_share_the_history(project):
    days = [f"2026-01-0{number}" for number in range(1, 5)]
    environment = environment_for(project)
    del environment["DAGSTER_HOME"]

    def make(day: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "--rows", "10", "--date", day]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS
        )

    with ThreadPoolExecutor(len(days)) as together:
        done = list(together.map(make, days))
    assert [each.returncode for each in done] == [0] * len(days), [each.stderr for each in done]
    with dg.DagsterInstance.from_config(str(project)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("payments_parquet")) == set(days)
    assert not (project / ".dagster.lock").exists()


def test_a_history_of_dagster_home_is_found_from_any_working_directory(working_directory, tmp_path, monkeypatch):
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(SETTINGS)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with open_history() as instance:
        instance.add_run(dg.DagsterRun(job_name="daily_payments"))
    assert databases(home / ".dagster" / "history")
    assert list(working_directory.iterdir()) == []
    monkeypatch.chdir(home)  # where Dagster's own commands find it
    with dg.DagsterInstance.from_config(".") as instance:
        assert instance.get_runs_count() == 1


def test_an_absolute_base_dir_and_a_home_without_settings_stay_as_they_are(working_directory, tmp_path, monkeypatch):
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with open_history():
        assert databases(home)
    (home / "dagster.yaml").write_text(f"storage: {{sqlite: {{base_dir: {elsewhere}}}}}")
    with open_history():
        assert databases(elsewhere)


def damage(project: Path) -> None:
    for database in databases(project):
        database.write_text("no database\n" * 10)


def take_its_place(project: Path) -> None:
    (project / "dagster.yaml").write_text("storage: {sqlite: {base_dir: taken}}")
    (project / "taken").write_text("mine")


def name_a_database_that_is_down(project: Path) -> None:
    address = "postgresql+psycopg2://me:not-to-be-seen@127.0.0.1:9/dagster"
    (project / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{address}'}}}}")


def name_a_variable_that_is_not_set(project: Path) -> None:
    (project / "dagster.yaml").write_text("storage: {postgres: {postgres_url: {env: NOT_SET}}}")


def misspell_a_setting(project: Path) -> None:
    (project / "dagster.yaml").write_text("storge: {}")


UNUSABLE = {
    "file is not a database": damage,
    "File exists": take_its_place,
    'environment variable "NOT_SET" which is not set': name_a_variable_that_is_not_set,
    'unexpected config entry "storge"': misspell_a_setting,
}


@pytest.mark.parametrize(("reason", "spoil"), UNUSABLE.items(), ids=UNUSABLE)
def test_a_history_that_cannot_be_opened_is_one_line_and_a_document(reason, spoil, project, synth_assets):
    with open_history():
        pass
    spoil(project)
    error = one_error(synth_assets(*SMALL))
    assert error.startswith(f"Cannot use the Dagster instance of {project}: ")
    assert reason in error
    assert len(error) < 700
    document = json.loads(synth_assets(*SMALL, "--json").out)
    assert (document["success"], document["path"], document["error"]) == (False, None, error)
    assert not (project / "outputs").exists()


def test_a_database_that_is_down_is_one_line_without_its_password(project, monkeypatch, caplog):
    monkeypatch.setattr("dagster_postgres.utils.time.sleep", lambda _: None)  # between its tries
    name_a_database_that_is_down(project)
    with pytest.raises(HistoryError, match="Connection refused") as raised, open_history():
        pass
    assert "not-to-be-seen" not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert caplog.records == []


def test_a_history_that_cannot_be_written_to_is_one_line(project):
    with open_history():
        pass
    for path in [*project.rglob(".dagster/**/*"), project / ".dagster"]:
        path.chmod(path.stat().st_mode & ~0o222)
    unprivileged = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    environment = environment_for(project)
    done = subprocess.run(
        [*unprivileged, *COMMAND, *SMALL, "--json"],
        cwd=project.parent, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS,
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"] == one_error(Outcome(1, "", done.stderr))
    assert "attempt to write a readonly database" in done.stderr
