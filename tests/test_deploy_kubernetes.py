"""The files of deploy/kubernetes, as far as they can be tried without a cluster and without Helm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from dagster_k8s import K8sRunLauncher, construct_dagster_k8s_job
from dagster_k8s.container_context import K8sContainerContext
from kubernetes.client import V1ResourceRequirements

from synth_assets.storage.loopback import BUCKET
from tests.conftest import PROJECT_ROOT
from tests.deployments import COMMON, DEPLOY, role, set_all, steps


def kubeconfig(folder: Path) -> Path:
    """A cluster that is never asked."""
    path = folder / "kubeconfig"
    path.write_text(
        yaml.safe_dump(
            {
                "current-context": "none",
                "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
                "users": [{"name": "none", "user": {}}],
                "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
            }
        )
    )
    return path


def run_job(settings: dict[str, Any], code_server: dict[str, Any], home: Path) -> Any:
    """The Job that the launcher of an instance makes for a run, as a model of Kubernetes' own client.

    Args:
        settings: the instance's dagster.yaml.
        code_server: what the code server asks for its runs: its container context.
    """
    settings["run_launcher"]["config"] |= {"load_incluster_config": False, "kubeconfig_file": str(kubeconfig(home))}
    (home / "dagster.yaml").write_text(yaml.safe_dump(settings))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        launcher = instance.run_launcher
        assert isinstance(launcher, K8sRunLauncher)
        context = K8sContainerContext.create_for_run(dg.DagsterRun("daily_payments"), launcher, include_run_tags=False)
        context = context.merge(K8sContainerContext.create_from_config(code_server))
        # Each of Kubernetes' own models refuses a field that it does not know.
        return construct_dagster_k8s_job(
            context.get_k8s_job_config("synth-assets:1", launcher),
            args=["dagster"],
            job_name="run",
            user_defined_k8s_config=context.run_k8s_config,
        )


KUBERNETES = {
    "DAGSTER_LOGS_BUCKET": BUCKET,
    "DAGSTER_NAMESPACE": "plant",
    "DAGSTER_JOB_IMAGE": "synth-assets:1",
    "AWS_DEFAULT_REGION": "us-east-1",
}


def test_the_kubernetes_launcher_takes_its_settings(postgres, tmp_path, monkeypatch):
    set_all(monkeypatch, postgres | KUBERNETES)
    job = run_job(yaml.safe_load((DEPLOY / "kubernetes" / "dagster.yaml").read_text()), {}, tmp_path)
    pod = job.spec.template.spec
    (container,) = pod.containers
    assert container.image == "synth-assets:1"
    # Where the image's user may write, and the files are.
    user = re.search(r"^USER (\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[1]
    assert (str(pod.security_context.run_as_user), pod.security_context.fs_group) == (user, int(user))
    mounts = {mount.name: mount.mount_path for mount in container.volume_mounts}
    assert mounts["outputs"] == "/app/outputs"
    assert {volume.name for volume in pod.volumes} >= {"outputs"}


def values() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "kubernetes" / "values.yaml").read_text())


def chart_instance(chart: dict[str, Any], database: dict[str, str]) -> dict[str, Any]:
    """The dagster.yaml that the chart's templates write from its values, with this machine's database."""
    launcher = chart["runLauncher"]["config"]["k8sRunLauncher"]
    logs = chart["computeLogManager"]["config"]["s3ComputeLogManager"]
    storage = {
        "username": database["DAGSTER_POSTGRES_USER"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": database["DAGSTER_POSTGRES_HOST"],
        "db_name": database["DAGSTER_POSTGRES_DB"],
        "port": int(database["DAGSTER_POSTGRES_PORT"]),
        "params": {},
        "scheme": chart["postgresql"]["postgresqlScheme"],
    }
    return {
        "storage": {"postgres": {"postgres_db": storage}},
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": logs,
        },
        "run_launcher": {
            "module": "dagster_k8s",
            "class": "K8sRunLauncher",
            "config": {
                "job_namespace": "plant",
                "image_pull_policy": launcher["imagePullPolicy"],
                "service_account_name": chart["global"]["serviceAccountName"],
                "dagster_home": chart["global"]["dagsterHome"],
                "instance_config_map": "dagster-instance",
                "postgres_password_secret": chart["global"]["postgresqlSecretName"],
                "run_k8s_config": {
                    "container_config": launcher["runK8sConfig"]["containerConfig"],
                    "pod_spec_config": launcher["runK8sConfig"]["podSpecConfig"],
                },
            },
        },
        "telemetry": chart["telemetry"],
        **chart["additionalInstanceConfig"],
    }


def test_the_values_of_the_chart_make_the_same_job_as_the_instance_file(postgres, tmp_path, monkeypatch):
    set_all(monkeypatch, postgres | KUBERNETES | {"DAGSTER_PG_PASSWORD": "not asked for"})
    (deployment,) = values()["dagster-user-deployments"]["deployments"]
    ours = run_job(yaml.safe_load((DEPLOY / "kubernetes" / "dagster.yaml").read_text()), {}, tmp_path)
    charts = run_job(chart_instance(values(), postgres), {"k8s": {"env": deployment["env"]}}, tmp_path)
    pod, chart_pod = ours.spec.template.spec, charts.spec.template.spec
    for name in ("security_context", "service_account_name", "volumes"):
        assert getattr(chart_pod, name) == getattr(pod, name), name
    (container,), (chart_container,) = pod.containers, chart_pod.containers
    for name in ("image", "resources", "security_context", "volume_mounts"):
        assert getattr(chart_container, name) == getattr(container, name), name
    variables = {variable.name for variable in chart_container.env}
    assert variables >= {"AWS_DEFAULT_REGION", "DAGSTER_HOME", "DAGSTER_PG_PASSWORD"}


def test_the_values_of_the_chart_say_the_same_as_the_image_and_the_instance_file():
    chart, instance = values(), yaml.safe_load((DEPLOY / "kubernetes" / "dagster.yaml").read_text())
    written = chart["additionalInstanceConfig"] | {"telemetry": chart["telemetry"]}
    assert written == {key: instance[key] for key in COMMON}
    (deployment,) = chart["dagster-user-deployments"]["deployments"]
    assert role("code-server")[-2:] == deployment["dagsterApiGrpcArgs"]
    assert f"DAGSTER_HOME={chart['global']['dagsterHome']}" in (DEPLOY / "Dockerfile").read_text()
    pinned = re.search(r"^dagster==(.*)$", (PROJECT_ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert f"--version {pinned} " in steps("Kubernetes")
    assert f"secret generic {chart['global']['postgresqlSecretName']} " in steps("Kubernetes")
    assert (
        chart["dagsterWebserver"]["readinessProbe"]["httpGet"]["port"] == chart["dagsterWebserver"]["service"]["port"]
    )


def ray_cluster() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "kubernetes" / "ray-cluster.yaml").read_text())


def ray_pods() -> list[dict[str, Any]]:
    spec = ray_cluster()["spec"]
    return [group["template"]["spec"] for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"])]


def test_the_pods_of_ray_run_the_image_of_the_runs_as_its_user_with_the_pinned_ray():
    pinned = re.search(r"^ray==(.*)$", (PROJECT_ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert ray_cluster()["spec"]["rayVersion"] == pinned
    image = values()["dagsterWebserver"]["image"]
    user = int(re.search(r"^USER (\d+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)[1])
    for pod in ray_pods():
        assert pod["serviceAccountName"] == values()["global"]["serviceAccountName"]
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["fsGroup"]) == (user, user)
        (container,) = pod["containers"]
        assert container["image"] == f"{image['repository']}:{image['tag']}"
        assert {"AWS_DEFAULT_REGION"} <= {each["name"] for each in container["env"]}
        V1ResourceRequirements(**container["resources"])
        assert {volume["name"] for volume in pod.get("volumes", [])} == {
            mount["name"] for mount in container.get("volumeMounts", [])
        }


def test_the_steps_build_the_image_with_ray_and_name_the_head_as_kuberay_does():
    assert ",ray " in steps("Kubernetes")
    name, spec = ray_cluster()["metadata"]["name"], ray_cluster()["spec"]
    (head,) = spec["headGroupSpec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in head["ports"]}
    # KubeRay's operator names the service of a cluster's head by the cluster.
    assert f"RAY_ADDRESS=ray://{name}-head-svc:{ports['client']}`" in (DEPLOY / "README.md").read_text()
    assert 'os.environ.get("RAY_ADDRESS")' in (PROJECT_ROOT / "synth_assets" / "engines.py").read_text()
    assert f"raycluster/{name} " in steps("Kubernetes")
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
