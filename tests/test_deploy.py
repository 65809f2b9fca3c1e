"""The files in deploy/, as far as they can be tried without AWS, a cluster or a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from dagster_k8s import K8sRunLauncher, construct_dagster_k8s_job
from dagster_k8s.container_context import K8sContainerContext
from dagster_postgres import PostgresEventLogStorage

from synth_assets.generator.claims import CLAIMS
from synth_assets.storage.loopback import BUCKET, LoopbackAws
from tests.conftest import (
    BIN,
    DAY,
    HANG_SECONDS,
    PROJECT_ROOT,
    Server,
    ask,
    environment_for,
    free_port,
    missing_part,
    object_keys,
    running,
    wait_for,
)

DEPLOY = PROJECT_ROOT / "deploy"


def postgres_program(name: str) -> str:
    """Debian keeps the server's programs out of PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = str(found[-1]) if found else shutil.which(name)
    if path is None:
        missing_part(f"no {name} on this machine: install Debian's package postgresql")
    return path


@pytest.fixture(scope="module")
def postgres() -> Iterator[dict[str, str]]:
    """The variables of a PostgreSQL of our own, which refuses to run as root."""
    initdb, server, ready = (postgres_program(name) for name in ("initdb", "postgres", "pg_isready"))
    unprivileged = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    with ExitStack() as stack:
        # Not pytest's folder, which only its owner can enter.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postgres-")))
        if unprivileged:
            shutil.chown(folder, "postgres", "postgres")
        data, port = str(folder / "data"), str(free_port())
        cluster = [initdb, "-D", data, "-U", "payments", "-A", "trust", "--no-sync"]
        made = subprocess.run([*unprivileged, *cluster], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        settings = ["-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
        log = Path(tempfile.gettempdir()) / f"{folder.name}.log"
        stack.callback(log.unlink)
        started = stack.enter_context(running([*unprivileged, server, "-D", data, *settings], dict(os.environ), log))
        asked = [ready, "-q", "-h", "127.0.0.1", "-p", port]
        wait_for("PostgreSQL", lambda: subprocess.run(asked).returncode == 0, started)
        # Killed, it would leave a piece of shared memory behind.
        stack.callback(started.process.wait, HANG_SECONDS)
        stack.callback(started.process.send_signal, signal.SIGINT)
        yield {
            "DAGSTER_POSTGRES_HOST": "127.0.0.1",
            "DAGSTER_POSTGRES_PORT": port,
            "DAGSTER_POSTGRES_DB": "postgres",
            "DAGSTER_POSTGRES_USER": "payments",
            "DAGSTER_POSTGRES_PASSWORD": "not asked for",
        }


def set_all(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def home_of(kind: str, folder: Path) -> Path:
    """The instance file of a kind of deployment, as DAGSTER_HOME, with what it writes in `folder`."""
    folder.mkdir()
    settings = (DEPLOY / kind / "dagster.yaml").read_text()
    (folder / "dagster.yaml").write_text(settings.replace("base_dir: .dagster", f"base_dir: {folder}/.dagster"))
    return folder


def test_a_run_of_the_command_line_keeps_its_history_in_postgresql(postgres, tmp_path, monkeypatch):
    home = home_of("postgres", tmp_path / "home")
    environment = environment_for(home, **postgres)
    command = [BIN / "synth-assets", "--rows", "1000", "--date", str(DAY), "--out", tmp_path / "out"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    set_all(monkeypatch, postgres)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, PostgresEventLogStorage)
        (run,) = instance.get_runs(dg.RunsFilter(tags={"dagster/partition": str(DAY)}))
        assert run.is_success
        assert instance.get_materialized_partitions(dg.AssetKey("payments_parquet")) == {str(DAY)}
        found = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
        checks = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in found]
        assert {check.check_name for check in checks if check.partition == str(DAY) and check.passed} == set(CLAIMS)
    assert not list(home.rglob("*.db"))


def role(name: str) -> list[str]:
    """The command of a role of the image."""
    stage = (DEPLOY / "Dockerfile").read_text().split(f" AS {name}\n")[1].split("\nFROM ")[0]
    program, *arguments = json.loads(re.search(r"^CMD (\[.*\])$", stage, re.MULTILINE)[1])
    return [str(BIN / program), *arguments]


class TaskMetadata(BaseHTTPRequestHandler):
    """What ECS tells a task of itself."""

    task: dict[str, str]

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.task if self.path.endswith("/task") else {"Name": "daemon"}).encode())

    def log_message(self, *arguments: object) -> None: ...


@contextmanager
def task_metadata(cluster: str, task: str) -> Iterator[str]:
    handler = type("Handler", (TaskMetadata,), {"task": {"Cluster": cluster, "TaskARN": task}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v4"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def running_daemon_task(endpoint: str) -> tuple[str, str]:
    """A cluster, and in it a task that stands for the daemon's, in moto's ECS."""
    ecs, ec2 = boto3.client("ecs", endpoint_url=endpoint), boto3.client("ec2", endpoint_url=endpoint)
    cluster = ecs.create_cluster(clusterName="plant")["cluster"]["clusterArn"]
    definition = json.loads((DEPLOY / "ecs" / "daemon-task.json").read_text())
    ecs.register_task_definition(**definition)
    (task,) = ecs.run_task(
        cluster=cluster,
        taskDefinition=definition["family"],
        launchType="FARGATE",
        networkConfiguration={
            "awsvpcConfiguration": {"subnets": [ec2.describe_subnets()["Subnets"][0]["SubnetId"]], "securityGroups": []}
        },
    )["tasks"]
    return cluster, task["taskArn"]


LAUNCH = """
mutation ($day: String!, $config: RunConfigData!) {
  launchRun(executionParams: {
    selector: {repositoryLocationName: "synth_assets" repositoryName: "__repository__" jobName: "daily_payments"}
    runConfigData: $config
    executionMetadata: {tags: [{key: "dagster/partition" value: $day}]}
  }) { __typename ... on PythonError { message } ... on LaunchRunSuccess { run { runId } } }
}
"""


def test_a_run_on_ecs_is_a_task_whose_command_makes_and_lands_the_day(
    postgres, aws: LoopbackAws, tmp_path, monkeypatch
):
    """The image's three servers, and the launcher, against moto's ECS; the task's command is then run here."""
    home = home_of("ecs", tmp_path / "home")
    cluster, task = running_daemon_task(aws.ssm_endpoint)
    ports = {"4000": str(free_port()), "3000": str(free_port())}
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text((DEPLOY / "workspace.yaml").read_text().replace("4000", ports["4000"]))
    ours = {**ports, "workspace.yaml": str(workspace)}
    with ExitStack() as stack:
        environment = environment_for(
            home,
            **aws.environment,
            AWS_ENDPOINT_URL=aws.ssm_endpoint,
            ECS_CONTAINER_METADATA_URI_V4=stack.enter_context(task_metadata(cluster, task)),
            **postgres,
            DAGSTER_LOGS_BUCKET=BUCKET,
            DAGSTER_CURRENT_IMAGE="synth-assets:1",
            SYNTH_ASSETS_CODE_SERVER="127.0.0.1",
        )

        def start(name: str) -> Server:
            command = [ours.get(word, word) for word in role(name)]
            return stack.enter_context(running(command, environment, tmp_path / f"{name}.log"))

        code_server = start("code-server")
        health = [BIN / "dagster", "api", "grpc-health-check", "--port", ports["4000"]]
        wait_for("the code server", lambda: answers(int(ports["4000"])), code_server)
        assert subprocess.run(health, env=environment, capture_output=True, timeout=HANG_SECONDS).returncode == 0
        webserver, daemon = start("webserver"), start("daemon")
        query = partial(ask, f"http://127.0.0.1:{ports['3000']}/graphql")
        wait_for("the webserver", lambda: answers(int(ports["3000"])), webserver)
        config = {
            "ops": {"payments_parquet": {"config": {"rows": 1_000}}},
            "resources": {"output_folder": {"config": {"path": str(tmp_path / "out")}}},
        }
        launched = query(LAUNCH, day=str(DAY), config=config)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        ecs = boto3.client("ecs", endpoint_url=aws.ssm_endpoint)

        def other_tasks() -> list[str]:
            return [arn for arn in ecs.list_tasks(cluster=cluster)["taskArns"] if arn != task]

        tasks = wait_for("the run's task", other_tasks, daemon)
        (started,) = ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"]
    definition = ecs.describe_task_definition(taskDefinition=started["taskDefinitionArn"])["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    (override,) = started["overrides"]["containerOverrides"]
    assert container["image"] == "synth-assets:1"
    assert {each["name"] for each in container["environment"]} >= {"DAGSTER_LOGS_BUCKET", "AWS_DEFAULT_REGION"}
    assert {each["name"] for each in container["secrets"]} == {"DAGSTER_POSTGRES_USER", "DAGSTER_POSTGRES_PASSWORD"}
    assert (definition["cpu"], definition["memory"]) == ("2048", "4096")
    program, *arguments = override["command"]
    done = subprocess.run(
        [BIN / program, *arguments],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.ssm_endpoint)
    set_all(monkeypatch, postgres)
    monkeypatch.setenv("DAGSTER_LOGS_BUCKET", BUCKET)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_run_by_id(launched["run"]["runId"]).is_success
    landed = [key for key in object_keys() if key.startswith("payments/")]
    assert landed == [f"payments/year=2026/month=01/payments_1000_{DAY}.parquet"]
    assert [key for key in object_keys() if key.startswith("compute-logs/")], "the run's own output"


def answers(port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex(("127.0.0.1", port)) == 0


def test_the_kubernetes_launcher_takes_its_settings(postgres, tmp_path, monkeypatch):
    home = home_of("kubernetes", tmp_path / "home")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "current-context": "none",
                "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
                "users": [{"name": "none", "user": {}}],
                "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
            }
        )
    )
    settings = home / "dagster.yaml"
    outside = f"load_incluster_config: false\n    kubeconfig_file: {kubeconfig}"
    settings.write_text(settings.read_text().replace("load_incluster_config: true", outside))
    set_all(
        monkeypatch,
        postgres
        | {
            "DAGSTER_LOGS_BUCKET": BUCKET,
            "DAGSTER_NAMESPACE": "plant",
            "DAGSTER_JOB_IMAGE": "synth-assets:1",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
    )
    with dg.DagsterInstance.from_config(str(home)) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, K8sRunLauncher)
        context = K8sContainerContext.create_for_run(dg.DagsterRun("daily_payments"), launcher, include_run_tags=False)
        # Each of Kubernetes' own models refuses a field that it does not know.
        job = construct_dagster_k8s_job(
            context.get_k8s_job_config(None, launcher),
            args=["dagster"],
            job_name="run",
            user_defined_k8s_config=context.run_k8s_config,
        )
    pod = job.spec.template.spec
    (container,) = pod.containers
    assert container.image == "synth-assets:1"
    # Where the image's user may write, and the files are.
    user = re.search(r"^USER (\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[1]
    assert (str(pod.security_context.run_as_user), pod.security_context.fs_group) == (user, int(user))
    mounts = {mount.name: mount.mount_path for mount in container.volume_mounts}
    assert mounts["outputs"] == "/app/outputs"
    assert {volume.name for volume in pod.volumes} >= {"outputs"}


COMMON = {"concurrency", "run_queue", "run_retries", "run_monitoring", "retention", "telemetry", "nux"}


@pytest.mark.parametrize("kind", ["postgres", "ecs", "kubernetes"])
def test_an_instance_differs_from_the_projects_own_only_where_it_must(kind):
    ours = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    theirs = yaml.safe_load((DEPLOY / kind / "dagster.yaml").read_text())
    if kind != "postgres":  # runs on machines of their own
        theirs["concurrency"]["runs"]["max_concurrent_runs"] = ours["concurrency"]["runs"]["max_concurrent_runs"]
        theirs["concurrency"]["pools"]["default_limit"] = ours["concurrency"]["pools"]["default_limit"]
        theirs["run_monitoring"]["poll_interval_seconds"] = ours["run_monitoring"]["poll_interval_seconds"]
    assert {key: theirs[key] for key in COMMON} == {key: ours[key] for key in COMMON}


def test_the_dockerfile_has_no_fault_that_hadolint_knows():
    done = subprocess.run([BIN / "hadolint", "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_what_the_dockerfile_copies_and_installs_is_there():
    text = (DEPLOY / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (.+)$", text, re.MULTILINE):
        *sources, _ = shlex.split(line)
        for source in sources:
            for kind in ("postgres", "ecs", "kubernetes"):
                assert (PROJECT_ROOT / source.replace("${INSTANCE}", kind)).exists(), source
    (extras,) = re.findall(r"--editable '\.\[(.+)\]'", text)
    assert set(extras.split(",")) <= set(project()["optional-dependencies"])
    kept = {line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line[:1] == "!"}
    assert {
        source.split("/")[0] for line in re.findall(r"^COPY (.+) ", text, re.MULTILINE) for source in line.split()
    } == kept


def statements(name: str) -> list[dict[str, Any]]:
    return json.loads((DEPLOY / name).read_text())["Statement"]


def test_the_readme_points_to_the_policy_which_allows_each_call_that_the_upload_makes():
    assert "(deploy/iam-policy.json)" in (PROJECT_ROOT / "README.md").read_text()
    allowed = {
        action for each in statements("iam-policy.json") for action in [each["Action"]] for action in listed(action)
    }
    storage = "".join(
        (PROJECT_ROOT / "synth_assets" / "storage" / name).read_text() for name in ("bucket.py", "s3.py", "ssm.py")
    )
    called = set(re.findall(r"\bclient\.([a-z_]+)\(", storage)) - {"get_paginator"}
    called |= set(re.findall(r'get_paginator\("([a-z0-9_]+)"\)', storage))
    assert called == set(PERMISSIONS)
    assert {permission for each in PERMISSIONS.values() for permission in each} == allowed


# A call needs, by AWS's own tables, the permission of its name, but for these of S3.
PERMISSIONS = {
    "get_parameter": ["ssm:GetParameter"],
    "head_object": ["s3:GetObject"],
    "head_bucket": ["s3:ListBucket"],
    "list_objects_v2": ["s3:ListBucket"],
    "list_multipart_uploads": ["s3:ListBucketMultipartUploads"],
    "abort_multipart_upload": ["s3:AbortMultipartUpload"],
    "delete_object": ["s3:DeleteObject"],
    "upload_file": ["s3:PutObject", "s3:AbortMultipartUpload"],
}


def listed(actions: str | list[str]) -> list[str]:
    return [actions] if isinstance(actions, str) else actions


def test_the_lifecycle_rule_is_one_that_s3_takes_and_touches_parts_alone(aws):
    # moto's S3 is asked: SeaweedFS keeps no such rule.
    s3 = boto3.client("s3", endpoint_url=aws.ssm_endpoint)
    s3.create_bucket(Bucket="lifecycle")
    rules = json.loads((DEPLOY / "s3-lifecycle.json").read_text())
    s3.put_bucket_lifecycle_configuration(Bucket="lifecycle", LifecycleConfiguration=rules)
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="lifecycle")["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert not {"Expiration", "Transitions"} & set(rule)


def project() -> Any:
    return tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
