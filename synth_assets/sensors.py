"""Sensors, all of which are stopped until somebody starts them: the automatic upload, and the alerts."""

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

import dagster as dg

from synth_assets.assets import s3_raw_payments
from synth_assets.deployment import DeploymentError, run_url, webhook
from synth_assets.failures import describe_failure

POST_SECONDS = 10
"""How long the webhook may take to answer."""

automatic_upload = dg.AutomationConditionSensorDefinition(
    "automatic_upload",
    target=dg.AssetSelection.assets(s3_raw_payments),
    description="Uploads each day that was made without an upload, once its checks have passed. It leaves alone the "
    "days that were made before it was started.",
)


@dg.run_failure_sensor(description="Posts each run that failed to the webhook in SYNTH_ASSETS_WEBHOOK.")
def alert_on_run_failure(context: dg.RunFailureSensorContext) -> None:
    steps = [describe_failure(step) for step in context.get_step_failure_events()]
    error = "; ".join(steps) or describe_failure(context.failure_event)
    post_alert(_describe_run(context, error, _failed_checks(context)))


@dg.run_status_sensor(
    run_status=dg.DagsterRunStatus.SUCCESS,
    description="Posts each run that succeeded although a check did not pass to the webhook in SYNTH_ASSETS_WEBHOOK.",
)
def alert_on_check_failure(context: dg.RunStatusSensorContext) -> None:
    if failed := _failed_checks(context):
        post_alert(_describe_run(context, None, failed))


def _failed_checks(context: dg.RunStatusSensorContext) -> list[dict[str, str | None]]:
    records = context.instance.get_records_for_run(
        context.dagster_run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ).records
    events = [record.event_log_entry.dagster_event for record in records]
    checks = [event.asset_check_evaluation_data for event in events if event]
    return [
        {
            "asset": check.asset_key.to_user_string(),
            "check": check.check_name,
            "partition": check.partition,
            "severity": check.severity.value,
            "description": check.description,
        }
        for check in checks
        if not check.passed
    ]


def _describe_run(
    context: dg.RunStatusSensorContext, error: str | None, failed: list[dict[str, str | None]]
) -> dict[str, Any]:
    """The alert as a document. Chat services show its `text` and ignore the rest."""
    run, days = context.dagster_run, _days(context.dagster_run.tags)
    reason = error or "; ".join(_say(check) for check in failed)
    return {
        "text": f"{run.job_name}{f' of {days}' if days else ''}: {reason} {run_url(run.run_id)}",
        "job": run.job_name,
        "run_id": run.run_id,
        "partition": days,
        "error": error,
        "failed_checks": failed,
        "url": run_url(run.run_id),
    }


def _days(tags: Mapping[str, str]) -> str | None:
    """The run's partition, or the first and the last of those of a backfill's run."""
    first, last = (tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
    return tags.get("dagster/partition") or (f"{first}..{last}" if first and last else None)


def _say(check: Mapping[str, str | None]) -> str:
    day = f"{check['partition']}: " if check["partition"] else ""
    return f"{day}{check['check']}: {check['description']}"


def post_alert(alert: dict[str, Any]) -> None:
    """Post an alert to the deployment's webhook as JSON.

    Raises:
        DeploymentError: no webhook is set, or it does not take the alert. Dagster shows it on the sensor's tick.
    """
    request = urllib.request.Request(webhook(), json.dumps(alert).encode(), {"Content-Type": "application/json"})
    try:
        urllib.request.urlopen(request, timeout=POST_SECONDS).close()
    except OSError as error:
        raise DeploymentError(
            f"The webhook in SYNTH_ASSETS_WEBHOOK did not take the alert: {error}. "
            f"Check the address. The alert is not sent again."
        ) from None
