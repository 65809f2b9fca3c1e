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
    "synth-assets --help": "tests/test_cli.py prints it",
    r"synth-assets show FILE \| head -1": "tests/test_file_commands.py closes the pipe",
    "synth-assets reproduce --out FOLDER FILE": "tests/test_file_commands.py keeps the file",
    "synth-assets reproduce FILE": "the page on reproducing has it with a real file",
    "synth-assets show FILE": "the page on reproducing has it with a real file",
    "synth-assets verify FILE": "the page on reproducing has it with a real file",
    "python -m synth_assets": "tests/test_wheel.py runs it",
    "dagster dev -m synth_assets.definitions": "tests/test_wheel.py loads the code location",
    "dagster dev": "make ui starts it",
    "dagster api grpc-health-check --port 4000": "tests/test_deploy.py runs the servers",
    "dagster-daemon liveness-check": "tests/test_deploy.py runs the servers",
}
"""The commands that only the prose names, and why no test here runs them."""

TO_RUN = [
    command for command in fenced_commands() if command not in {*RUN_BY_CI, *NOT_RUN, *RUN_BY_A_TEST_OF_THEIR_OWN}
]

AWS_CLI = """#!{python}
# The AWS CLI names its commands and options after the operations and members of botocore's models, as this does.
import sys
import boto3

service, operation, *words = sys.argv[1:]
names = ["".join(part.title() for part in name[2:].split("-")) for name in words[::2]]
getattr(boto3.client(service), operation.replace("-", "_"))(**dict(zip(names, words[1::2])))
"""
"""A stand-in for the AWS CLI, by boto3."""
