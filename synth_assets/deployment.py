"""What a deployment sets by its environment: the first day, the days of a run, the jobs' settings, where the files go
and the work runs, the webhook and the UI's address.

Dagster is not imported here: the command line reports a wrong variable before it waits for Dagster.
"""

import datetime as dt
import os
from pathlib import Path
from typing import Any, get_args

from synth_assets.generator.errors import GeneratorError
from synth_assets.generator.plan import FOREIGN_SETTINGS, GenerationPlan, PlanSettings, ProfileName
from synth_assets.generator.schema_document import mapping_of, read_yaml
from synth_assets.workers import EngineName

FIRST_DAY = "SYNTH_ASSETS_FIRST_DAY"
DAYS_A_RUN = "SYNTH_ASSETS_DAYS_A_RUN"
SETTINGS = "SYNTH_ASSETS_SETTINGS"
OUTPUT = "SYNTH_ASSETS_OUTPUT"
ENGINE = "SYNTH_ASSETS_ENGINE"
WEBHOOK = "SYNTH_ASSETS_WEBHOOK"
UI_URL = "SYNTH_ASSETS_UI_URL"


class DeploymentError(ValueError):
    """An environment variable cannot be used. The message is one line that names it, the reason and the fix."""


def first_day() -> dt.date:
    """The first partition.

    Raises:
        DeploymentError: it is no date, or not a complete day (UTC).
    """
    text = os.environ.get(FIRST_DAY) or "2020-01-01"
    try:
        day = dt.datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError:
        raise DeploymentError(f"{FIRST_DAY} is {text!r}. Write it as YYYY-MM-DD, for instance 2020-01-01.") from None
    last = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    if day > last:
        raise DeploymentError(f"{FIRST_DAY} is {text}, which is not over. Choose {last} or an earlier day (UTC).")
    return day


def output_path() -> str:
    """Where the days' files go unless a run says otherwise: a folder, or s3://BUCKET/PREFIX."""
    return os.environ.get(OUTPUT) or "outputs"


def engine_kind() -> EngineName:
    """Where the work of a day runs unless a run says otherwise.

    Raises:
        DeploymentError: there is no such engine.
    """
    kind = os.environ.get(ENGINE) or "auto"
    if kind not in (kinds := get_args(EngineName)):
        raise DeploymentError(f"{ENGINE} is {kind!r}. Choose from: {', '.join(kinds)}.")
    return kind  # type: ignore[return-value]


def days_a_run() -> int:
    """The most days that a run of a backfill makes.

    30 by default, a month: a run's start, which costs as much as some days of 50,000 rows, is then less than a tenth of
    it, and a run that is lost takes at most a month with it.

    Raises:
        DeploymentError: it is no whole number from 1 to 1,000.
    """
    text = os.environ.get(DAYS_A_RUN) or "30"
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= 1_000):
        raise DeploymentError(f"{DAYS_A_RUN} is {text!r}. Write a whole number from 1 to 1000, for instance 30.")
    return int(text)


def job_settings(profile: ProfileName) -> dict[str, Any]:
    """A value for every setting that the profile has: from the settings file, or else the default.

    Raises:
        DeploymentError: the file cannot be read, or a setting cannot be used.
    """
    file = os.environ.get(SETTINGS)
    chosen = _read_settings(Path(file))[profile] if file else {}
    settings = PlanSettings(profile=profile).model_dump() | chosen
    return {name: value for name, value in settings.items() if name not in FOREIGN_SETTINGS[profile]}


def _read_settings(file: Path) -> dict[ProfileName, dict[str, Any]]:
    """By profile, the settings in the file, each of them judged."""
    profiles = get_args(ProfileName)
    try:
        document = mapping_of(read_yaml(file.read_text(encoding="utf-8"), str(file)), str(file), set(profiles))
        return {profile: _judged(document.get(profile) or {}, profile, file) for profile in profiles}
    except GeneratorError as error:
        raise DeploymentError(f"{SETTINGS}: {error}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise DeploymentError(f"{SETTINGS}: cannot read {file}: {reason}. Name a YAML file.") from None


def _judged(settings: Any, profile: ProfileName, file: Path) -> dict[str, Any]:
    where = f"{file}, {profile}"
    mapping_of(settings, where, PlanSettings.model_fields.keys() - {"profile", *FOREIGN_SETTINGS[profile]})
    try:
        # What a plan refuses does not depend on the day, but for the rows that a calendar gives it.
        GenerationPlan.of(profile=profile, day=dt.date(2020, 1, 1), **settings)
    except GeneratorError as error:
        raise GeneratorError(f"{where}: {error}") from None
    return PlanSettings(profile=profile, **settings).model_dump(include=set(settings))


def webhook() -> str:
    """Where alerts are posted to.

    Raises:
        DeploymentError: it is not set, or is no HTTP address. The message does not show it: it may be a secret.
    """
    url = os.environ.get(WEBHOOK, "")
    if not url.startswith(("https://", "http://")):
        raise DeploymentError(f"{WEBHOOK} is {'no HTTP address' if url else 'not set'}. Set it to the webhook's URL.")
    return url


def run_url(run_id: str) -> str:
    """The run's page in the UI."""
    return f"{(os.environ.get(UI_URL) or 'http://127.0.0.1:3000').rstrip('/')}/runs/{run_id}"
