"""Alerts of real runs, posted to a real server on loopback."""

import datetime as dt
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import dagster as dg
import pytest

from synth_assets.definitions import defs
from synth_assets.deployment import DeploymentError
from synth_assets.sensors import alert_on_check_failure, alert_on_run_failure
from synth_assets.storage.loopback import BUCKET
from tests.conftest import DAY, object_keys
from tests.documents import section
from tests.test_assets import LOCAL, run, s3_raw_payments


@contextmanager
def webhook_server(status: int = 200) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The address of a server that answers with the status, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", posted
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    with webhook_server() as (url, received):
        monkeypatch.setenv("SYNTH_ASSETS_WEBHOOK", url)
        yield received


def sense(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> None:
    """Let the sensor that watches for the run's outcome see it."""
    run_ = instance.get_run_by_id(result.run_id)
    assert run_
    outcome = dg.DagsterEventType.RUN_SUCCESS if result.success else dg.DagsterEventType.RUN_FAILURE
    (event,) = result.filter_events(lambda event: event.event_type == outcome)
    context = dg.build_run_status_sensor_context("sensor", event, instance, run_)
    if result.success:
        alert_on_check_failure(context)
    else:
        alert_on_run_failure(context.for_run_failure())


def test_a_failed_run_is_posted_with_its_job_day_error_and_link(posted, instance, tmp_path):
    result = run(instance, tmp_path, LOCAL, fraud_rate=2.0)
    sense(instance, result)
    (alert,) = posted
    assert (alert["job"], alert["partition"], alert["run_id"]) == ("daily_payments", str(DAY), result.run_id)
    assert alert["error"] == "fraud_rate must be at most 1 (got 2.0)"
    assert alert["failed_checks"] == []
    assert alert["url"] == f"http://127.0.0.1:3000/runs/{result.run_id}"
    assert alert["text"] == f"daily_payments of {DAY}: {alert['error']} {alert['url']}"
    (example,) = re.findall(r"```json\n(.*?)```", section("docs/operations.md", "Automation and alerts"), re.DOTALL)
    assert list(json.loads(example)) == list(alert)


def test_a_run_without_a_step_is_posted_too(posted, instance, tmp_path):
    broken = dg.ResourceDefinition(resource_fn=lambda _: 1 / 0)

    @dg.op(required_resource_keys={"broken"})
    def use() -> None: ...

    @dg.job(resource_defs={"broken": broken})
    def needs_it() -> None:
        use()

    sense(instance, needs_it.execute_in_process(instance=instance, raise_on_error=False))
    (alert,) = posted
    assert (alert["job"], alert["partition"]) == ("needs_it", None)
    assert "division by zero" in alert["error"]


def test_a_check_that_fails_in_a_run_that_succeeds_is_posted_and_no_other_run(posted, aws, instance, tmp_path):
    result = run(instance, tmp_path)
    sense(instance, result)
    assert posted == []
    boto3.client("s3").put_object(Bucket=BUCKET, Key=object_keys()[0], Body=b"damaged")
    damaged = verify(instance, tmp_path)
    assert damaged.success
    sense(instance, damaged)
    (alert,) = posted
    (failed,) = alert["failed_checks"]
    assert (alert["job"], alert["error"]) == ("verify_day", None)
    assert (failed["asset"], failed["check"]) == ("s3_raw_payments", "object_is_local_file")
    assert failed["severity"] == "ERROR"
    assert failed["description"] in alert["text"]


def verify(instance: dg.DagsterInstance, folder: Path, day: dt.date = DAY) -> dg.ExecuteInProcessResult:
    return defs.resolve_job_def("verify_day").execute_in_process(
        run_config={"resources": {"output_folder": {"config": {"path": str(folder)}}}},
        partition_key=str(day),
        instance=instance,
        raise_on_error=False,
    )


def test_a_webhook_that_refuses_or_is_away_is_the_ticks_error_without_its_address(monkeypatch, instance, tmp_path):
    failed = run(instance, tmp_path, [s3_raw_payments])
    with webhook_server(status=403) as (url, _):
        monkeypatch.setenv("SYNTH_ASSETS_WEBHOOK", url)
        with pytest.raises(DeploymentError, match="did not take the alert: HTTP Error 403") as refused:
            sense(instance, failed)
    with pytest.raises(DeploymentError, match=r"did not take the alert: .*Connection refused") as away:
        sense(instance, failed)
    assert not any("/hook" in str(error.value) for error in (refused, away))
