"""What a deployment sets by its environment, and what is said where it is wrong."""

import datetime as dt
import re
import sys
from pathlib import Path
from subprocess import run

import pytest

from synth_assets.cli import build_parser
from synth_assets.deployment import (
    DeploymentError,
    days_a_run,
    engine_kind,
    first_day,
    job_settings,
    output_path,
    run_url,
    webhook,
)
from synth_assets.generator.plan import FOREIGN_SETTINGS, PlanSettings
from tests.conftest import PROJECT_ROOT, environment_for
from tests.documents import section


def test_a_deployment_says_once_where_its_files_go(monkeypatch):
    assert output_path() == "outputs"
    assert build_parser().parse_args([]).out == "outputs"
    monkeypatch.setenv("SYNTH_ASSETS_OUTPUT", "s3://staging/days")
    assert output_path() == "s3://staging/days"
    assert build_parser().parse_args([]).out == "s3://staging/days"
    program = "from synth_assets.definitions import defs; print(defs.resources['output_folder'].path)"
    found = run([sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert found.stdout == "s3://staging/days\n"


@pytest.fixture
def settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "settings.yaml"
    monkeypatch.setenv("SYNTH_ASSETS_SETTINGS", str(file))
    return file


def test_a_deployment_says_once_where_the_work_runs(monkeypatch):
    assert engine_kind() == "auto"
    monkeypatch.setenv("SYNTH_ASSETS_ENGINE", "ray")
    assert engine_kind() == "ray"
    monkeypatch.setenv("SYNTH_ASSETS_ENGINE", "spark")
    with pytest.raises(DeploymentError) as error:
        engine_kind()
    assert str(error.value) == "SYNTH_ASSETS_ENGINE is 'spark'. Choose from: auto, threads, processes, ray."


def test_without_a_file_a_job_has_every_setting_of_its_profile_with_its_default():
    for profile, foreign in FOREIGN_SETTINGS.items():
        settings = job_settings(profile)
        assert settings == PlanSettings(profile=profile).model_dump(exclude=set(foreign))


def test_the_file_changes_what_it_names_in_its_profile_alone(settings_file):
    settings_file.write_text("uniform: {rows: 5000, fraud_rate: 0.01}\nrealistic: {customers: 2000}")
    uniform, realistic = job_settings("uniform"), job_settings("realistic")
    assert (uniform["rows"], uniform["fraud_rate"], uniform["seed"]) == (5_000, 0.01, 42)
    assert (realistic["rows"], realistic["customers"], realistic["profile"]) == (1_000_000, 2_000, "realistic")


def test_the_file_of_the_manual_is_taken(settings_file):
    (example,) = re.findall(r"```yaml\n(.*?)```", section("docs/operations.md", "Settings of a deployment"), re.DOTALL)
    settings_file.write_text(example)
    assert (job_settings("uniform")["rows"], job_settings("realistic")["customers"]) == (200_000, 50_000)


WRONG = {
    "a setting out of its bounds": (
        "uniform: {rows: -5}",
        ["uniform: rows must be at least 1 (got -5)"],
    ),
    "an unknown setting": ("uniform: {rowz: 5}", ["settings.yaml, uniform: unknown key 'rowz'", "fraud_rate"]),
    "a setting of another profile": ("uniform: {customers: 2000}", ["unknown key 'customers'"]),
    "an unknown profile": ("real: {}", ["settings.yaml: unknown key 'real'. The keys are realistic, uniform."]),
    "settings that clash": ("uniform: {rows: 100000, chunk_size: 1}", ["uniform: chunk_size 1 splits 100,000 rows"]),
    "a list": ("[]", ["expected a mapping with the keys realistic, uniform"]),
    "no YAML": ("uniform: [", ["settings.yaml is not YAML: "]),
    "no text": (b"\xff", ["settings.yaml: it is not UTF-8 text. Name a YAML file."]),
    "no file": (None, ["settings.yaml: No such file or directory. Name a YAML file."]),
}


@pytest.mark.parametrize(("content", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_one_clear_error(content, says, settings_file):
    if content is not None:
        settings_file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DeploymentError) as raised:
        job_settings("realistic")  # whichever job asks: the whole file is judged
    error = str(raised.value)
    assert error.startswith("SYNTH_ASSETS_SETTINGS: ")
    assert "\n" not in error
    assert all(words in error for words in says), error


def test_the_first_day_is_a_complete_one(monkeypatch):
    assert first_day() == dt.date(2020, 1, 1)
    monkeypatch.setenv("SYNTH_ASSETS_FIRST_DAY", "2026-01-01")
    assert first_day() == dt.date(2026, 1, 1)
    for text, says in {
        "1 May": "is '1 May'. Write it as YYYY-MM-DD",
        "2999-01-01": "is 2999-01-01, which is not",
    }.items():
        monkeypatch.setenv("SYNTH_ASSETS_FIRST_DAY", text)
        with pytest.raises(DeploymentError, match=says):
            first_day()


def test_the_days_of_a_run_are_a_month_or_what_is_set(monkeypatch):
    assert days_a_run() == 30
    monkeypatch.setenv("SYNTH_ASSETS_DAYS_A_RUN", "1000")
    assert days_a_run() == 1_000
    for text in ("0", "1001", "ten", "-3", "1.5"):
        monkeypatch.setenv("SYNTH_ASSETS_DAYS_A_RUN", text)
        with pytest.raises(DeploymentError, match=f"is '{text}'. Write a whole number from 1 to 1000"):
            days_a_run()


LOADED = """
from synth_assets.definitions import defs
from synth_assets.partitions import DAILY
config = defs.resolve_job_def("uniform_payments").partitioned_config.get_run_config_for_partition_key("2026-01-01")
print(DAILY.get_first_partition_key(), config["ops"]["payments_parquet"]["config"]["rows"])
"""


def test_the_code_location_follows_both_without_a_change_to_the_code(settings_file, tmp_path):
    settings_file.write_text("uniform: {rows: 5000}")
    environment = environment_for(
        tmp_path, SYNTH_ASSETS_SETTINGS=str(settings_file), SYNTH_ASSETS_FIRST_DAY="2026-01-01"
    )
    loaded = run([sys.executable, "-c", LOADED], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert loaded.stdout.split() == ["2026-01-01", "5000"], loaded.stderr


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path):
    environment = environment_for(tmp_path, SYNTH_ASSETS_FIRST_DAY="tomorrow")
    command = [sys.executable, "-m", "synth_assets.cli", "--rows", "10"]
    failed = run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.startswith("error: SYNTH_ASSETS_FIRST_DAY is 'tomorrow'. Write it as YYYY-MM-DD")
    assert failed.stderr.count("\n") == 1


def test_a_webhook_that_cannot_be_used_is_not_shown(monkeypatch):
    with pytest.raises(DeploymentError, match="SYNTH_ASSETS_WEBHOOK is not set"):
        webhook()
    monkeypatch.setenv("SYNTH_ASSETS_WEBHOOK", "file:///etc/secret")
    with pytest.raises(DeploymentError, match="is no HTTP address") as raised:
        webhook()
    assert "secret" not in str(raised.value)


def test_links_lead_to_the_deployments_own_ui(monkeypatch):
    assert run_url("7") == "http://127.0.0.1:3000/runs/7"
    monkeypatch.setenv("SYNTH_ASSETS_UI_URL", "https://dagster.example.com/")
    assert run_url("7") == "https://dagster.example.com/runs/7"
