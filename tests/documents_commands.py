"""Which commands of the documents are run, and why the others are not."""

from __future__ import annotations

from tests.documents import fenced_commands

PUT_PARAMETER = "aws ssm put-parameter --name /fraud/raw_bucket_name --type String --value YOUR-BUCKET"
DELETE_RUN = "DAGSTER_HOME=$PWD dagster run delete RUN_ID"
RUN_BY_A_TEST_OF_THEIR_OWN = {
    "make ui": "it runs until it is stopped",
    PUT_PARAMETER: "the AWS CLI cannot be installed next to the pinned boto3",
    DELETE_RUN: "it needs a run that nobody misses",
}
RUN_BY_CI = {"make check", "make test"}
NOT_RUN = {
    "docker build --file deploy/Dockerfile --target code-server --build-arg INSTANCE=ecs --tag synth-assets .": (
        "needs a container engine; tests/test_deploy.py holds what can be held without one"
    ),
    "docker build --file deploy/Dockerfile --target code-server --build-arg INSTANCE=kubernetes "
    "--build-arg EXTRAS=ui,postgres,kubernetes,ray --tag synth-assets .": (
        "needs a container engine; tests/test_deploy_kubernetes.py holds the extra"
    ),
    **dict.fromkeys(
        (
            "kubectl --namespace dagster apply --filename deploy/kubernetes/ray-cluster.yaml",
            "kubectl --namespace dagster wait --for=condition=HeadPodReady raycluster/payments-ray --timeout 5m",
        ),
        "needs a cluster with KubeRay; tests/test_deploy_kubernetes.py holds the file and its name",
    ),
    **dict.fromkeys(
        (
            "image=111122223333.dkr.ecr.us-east-1.amazonaws.com/synth-assets:YOUR-TAG",
            'docker build --file deploy/Dockerfile --target code-server --build-arg INSTANCE=ecs --tag "$image" .',
            'aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}"',
            'docker push "$image"',
        ),
        "needs a container engine; tests/test_deploy_ecs.py holds the name of the image",
    ),
    **dict.fromkeys(
        (
            "kubectl create namespace dagster",
            "kubectl --namespace dagster create secret generic dagster-postgresql-secret "
            "--from-literal=postgresql-password=YOUR-PASSWORD",
            "helm repo add dagster https://dagster-io.github.io/helm",
            "helm install dagster dagster/dagster --namespace dagster --version 1.13.27 "
            "--values deploy/kubernetes/values.yaml",
            "kubectl --namespace dagster rollout status deployment --timeout 5m",
            "kubectl --namespace dagster port-forward service/dagster-dagster-webserver 3000:3000",
        ),
        "needs a cluster; tests/test_deploy_kubernetes.py holds the values, the version and the secret's name",
    ),
    ".venv/bin/python -m pip install --constraint constraints.txt --editable '.[postgres]'": (
        "the extra is part of dev, with which the tests are installed"
    ),
    **dict.fromkeys(
        (
            "python -m pip wheel --no-deps --wheel-dir dist .",
            "python -m pip install --constraint constraints.txt dist/*.whl",
            "uv tool install --constraints constraints.txt dist/*.whl",
            "pipx install dist/*.whl",
        ),
        "tests/test_wheel.py builds the wheel and installs it, without a network",
    ),
    **dict.fromkeys(
        (
            "export DAGSTER_HOME=$PWD/deploy/postgres",
            "export DAGSTER_POSTGRES_HOST=localhost DAGSTER_POSTGRES_PORT=5432 DAGSTER_POSTGRES_DB=dagster",
            "export DAGSTER_POSTGRES_USER=dagster DAGSTER_POSTGRES_PASSWORD=…",
        ),
        "tests/test_deploy.py runs against a real PostgreSQL with these variables",
    ),
    "aws s3api put-bucket-lifecycle-configuration --bucket YOUR-BUCKET "
    "--lifecycle-configuration file://deploy/s3-lifecycle.json": "tests/test_deploy.py puts the same rule",
}
"""The commands of the shell blocks that no test runs, and why."""

NAMED_AND_NOT_RUN = {
    "python -m benchmarks backfill": "measures for minutes",
    "python -m benchmarks files": "measures for minutes",
    "python -m benchmarks.realism --sweep": "measures for minutes",
    "synth-assets --date 2021-01-01..2025-12-31": "makes five years of days",
    "synth-assets --date FIRST..LAST": "the page on the command line has it with real days",
    "dagster job backfill": "tests/test_backfill.py launches one",
    "synth-assets --help": "tests/test_cli.py prints it",
    r"synth-assets show FILE \| head -1": "tests/test_file_commands.py closes the pipe",
    "synth-assets reproduce --out FOLDER FILE": "tests/test_file_commands.py keeps the file",
    "synth-assets reproduce FILE": "the page on reproducing has it with a real file",
    "synth-assets show FILE": "the page on reproducing has it with a real file",
    "synth-assets verify FILE": "the page on reproducing has it with a real file",
    "python -m synth_assets": "tests/test_wheel.py runs it",
    "dagster dev -m synth_assets.definitions": "tests/test_wheel.py loads the code location",
    "dagster dev": "make ui starts it",
    "dagster api grpc-health-check --port 4000": "tests/test_deploy_ecs.py runs the servers",
    "dagster-daemon liveness-check": "tests/test_deploy_ecs.py runs the servers",
    "dagster instance migrate": "it needs the history of an older Dagster",
    "aws ecs update-service": "tests/test_deploy_ecs.py holds the services that it would change",
}
"""The commands that only the prose names, and why no test here runs them."""

TO_RUN = [
    command for command in fenced_commands() if command not in {*RUN_BY_CI, *NOT_RUN, *RUN_BY_A_TEST_OF_THEIR_OWN}
]
