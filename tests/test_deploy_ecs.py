"""The files of deploy/ecs and the steps of deploy/README.md, against moto's AWS."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml
from moto import mock_aws
from moto.server import ThreadedMotoServer

from synth_assets.storage.loopback import BUCKET, LoopbackAws
from tests.aws_cli import run_lines
from tests.conftest import (
    BIN,
    DAY,
    HANG_SECONDS,
    PROJECT_ROOT,
    Server,
    ask,
    environment_for,
    free_port,
    object_keys,
    running,
    wait_for,
)
from tests.deployments import DEPLOY, home_of, role, set_all, statements, steps
from tests.documents import all_blocks


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


@pytest.fixture
def other_services() -> Iterator[str]:
    """The endpoint of AWS's other services, as moto has them."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


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
    postgres, aws: LoopbackAws, other_services: str, tmp_path, monkeypatch
):
    """The image's three servers, and the launcher, against moto's ECS; the task's command is then run here."""
    home = home_of("ecs", tmp_path / "home")
    cluster, task = running_daemon_task(other_services)
    ports = {"4000": str(free_port()), "3000": str(free_port())}
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text((DEPLOY / "workspace.yaml").read_text().replace("4000", ports["4000"]))
    ours = {**ports, "workspace.yaml": str(workspace)}
    with ExitStack() as stack:
        environment = environment_for(
            home,
            **aws.environment,
            AWS_ENDPOINT_URL=other_services,
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
        ecs = boto3.client("ecs", endpoint_url=other_services)

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
    monkeypatch.setenv("AWS_ENDPOINT_URL", other_services)
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


@pytest.fixture
def account(monkeypatch, tmp_path) -> Iterator[None]:
    """An AWS account after the steps for ECS, with the files in deploy/ filled in as the first step says."""
    set_all(monkeypatch, {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"})
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    monkeypatch.chdir(tmp_path)
    with mock_aws(config={"iam": {"load_aws_managed_policies": True}}):
        ec2 = boto3.client("ec2")
        network = {
            "YOUR-SUBNET": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
            "YOUR-SECURITY-GROUP": ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        }
        for service in (tmp_path / "deploy" / "ecs").glob("*-service.json"):
            service.write_text(re.sub("|".join(network), lambda found: network[found[0]], service.read_text()))
        run_lines("".join(block.text for block in all_blocks() if block.tested_by == "tests/test_deploy_ecs.py"))
        yield


def services() -> dict[str, dict[str, Any]]:
    """By name, the services of the account, each with its task definition and its one container."""
    ecs = boto3.client("ecs")
    found = ecs.describe_services(cluster="synth-assets", services=["code-server", "webserver", "daemon"])["services"]
    tasks = {
        each["serviceName"]: ecs.describe_task_definition(taskDefinition=each["taskDefinition"])["taskDefinition"]
        for each in found
    }
    return {name: {"task": task, "container": task["containerDefinitions"][0]} for name, task in tasks.items()}


def test_the_tasks_of_the_steps_run_the_roles_of_the_image(account):
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    images = set()
    for name, service in services().items():
        program, *arguments = service["container"]["command"]
        assert [str(BIN / program), *arguments] == role(name)
        assert f"CMD {json.dumps(service['container']['healthCheck']['command'][1:])}" in dockerfile
        images.add(service["container"]["image"])
        assert service["container"]["image"] in steps("ECS")
    (image,) = images
    assert variables_of("code-server")["DAGSTER_CURRENT_IMAGE"] == image


def test_the_tasks_of_the_steps_have_all_variables_that_the_image_reads(account):
    instance = yaml.safe_dump(yaml.safe_load((DEPLOY / "ecs" / "dagster.yaml").read_text()))
    read = set(re.findall(r"env: (\w+)", instance))
    for name, service in services().items():
        secrets = {each["name"] for each in service["container"]["secrets"]}
        needed = read if name == "code-server" else read | {"SYNTH_ASSETS_CODE_SERVER"}
        assert variables_of(name).keys() | secrets >= needed


def test_the_code_server_is_found_by_its_name_and_port(account):
    (workspace,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    connection = json.loads((DEPLOY / "ecs" / "code-server-service.json").read_text())["serviceConnectConfiguration"]
    (found,) = connection["services"]
    (alias,) = found["clientAliases"]
    assert services()["code-server"]["container"]["portMappings"][0]["name"] == found["portName"]
    assert alias["port"] == workspace["grpc_server"]["port"]
    assert {variables_of(name)["SYNTH_ASSETS_CODE_SERVER"] for name in ("webserver", "daemon")} == {alias["dnsName"]}
    namespaces = {each["Name"] for each in boto3.client("servicediscovery").list_namespaces()["Namespaces"]}
    assert namespaces == {connection["namespace"]}


def test_the_roles_the_secret_and_the_log_group_of_the_tasks_are_made_by_the_steps(account):
    roles = {each["RoleName"] for each in boto3.client("iam").list_roles()["Roles"]}
    (secret,) = boto3.client("secretsmanager").list_secrets()["SecretList"]
    keys = json.loads(boto3.client("secretsmanager").get_secret_value(SecretId=secret["Name"])["SecretString"])
    (group,) = boto3.client("logs").describe_log_groups()["logGroups"]
    used = set()
    for service in services().values():
        used |= {service["task"][kind].split("/")[1] for kind in ("taskRoleArn", "executionRoleArn")}
        for each in service["container"]["secrets"]:
            arn, key = each["valueFrom"].split(f"{secret['Name']}-YOUR-SUFFIX:")
            assert arn.endswith(":secret:")
            assert key.removesuffix("::") in keys
        assert service["container"]["logConfiguration"]["options"]["awslogs-group"] == group["logGroupName"]
    assert used == roles
    (passed,) = [each for each in statements("ecs/launcher-policy.json") if each["Action"] == "iam:PassRole"]
    assert {arn.split("/")[1] for arn in passed["Resource"]} == roles


def variables_of(task: str) -> dict[str, str]:
    (container,) = json.loads((DEPLOY / "ecs" / f"{task}-task.json").read_text())["containerDefinitions"]
    return {each["name"]: each["value"] for each in container["environment"]}
