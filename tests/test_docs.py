"""What the documents say is so: their commands run, their tables are the code's, and what they name is there.

Every fenced block of README.md and CONTRIBUTING.md is run or validated here, unless the line above it names the test
that does that: <!-- tested by tests/test_readers.py -->
"""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import dagster as dg
import polars as pl
import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate, value_from_ast_untyped

from synth_assets import cli, file_commands
from synth_assets.config import PaymentsConfig
from synth_assets.definitions import defs
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.audit import CLAIMS
from synth_assets.generator.schema import DTYPES
from synth_assets.partitions import DAILY
from synth_assets.resources import PROJECT_ROOT, TimedSSMResource
from synth_assets.storage.layout import file_name, object_folder, object_key
from synth_assets.storage.loopback import BUCKET, BUCKET_PARAMETER, LoopbackAws, loopback_aws
from tests.conftest import DAY, environment_for

README = (PROJECT_ROOT / "README.md").read_text()
DOCUMENTS = [*PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("[!.]*/*.md")]
FILE = file_name(1_000_000, DAY)
SECONDS = 150

PUT_PARAMETER = "aws ssm put-parameter --name /fraud/raw_bucket_name --type String --value YOUR-BUCKET"
NOT_RUN = {
    "make test": "it is this suite, and .ci/run runs it",
    "make check": ".ci/run runs it before this suite",
}
"""The commands that no test runs, and why."""
RUN_BY_A_TEST_OF_THEIR_OWN = {PUT_PARAMETER: "the AWS CLI cannot be installed beside the pinned boto3"}


class Block(NamedTuple):
    document: str
    tested_by: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}, {self.language}: {self.text.splitlines()[0][:40]}"


def all_blocks() -> list[Block]:
    """The fenced blocks, in order."""
    fence = re.compile(r"^(?:<!-- tested by (\S+) -->\n+)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [
        Block(document, *found)
        for document in ("README.md", "CONTRIBUTING.md")
        for found in fence.findall((PROJECT_ROOT / document).read_text())
    ]


def blocks(language: str) -> list[Block]:
    """The blocks in a language that are to be tested here."""
    return [block for block in all_blocks() if block.language == language and not block.tested_by]


def commands() -> list[str]:
    """The commands, one a line, in the order in which a reader comes to them."""
    lines = [line for block in blocks("sh") for line in block.text.splitlines()]
    return list(dict.fromkeys(filter(None, (re.sub(r"(^|\s+)#.*", "", line) for line in lines))))


TO_RUN = [command for command in commands() if command not in {**NOT_RUN, **RUN_BY_A_TEST_OF_THEIR_OWN}]


def section(title: str) -> str:
    """The text below a heading of the README, to the next heading of any level."""
    return re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", README, re.MULTILINE | re.DOTALL)[1]


# --- the commands ---------------------------------------------------------------------------------------------


class Reader(NamedTuple):
    """Someone with a copy of the project, who has run every command of the documents in it, from top to bottom."""

    project: Path
    environment: dict[str, str]
    outcomes: dict[str, subprocess.CompletedProcess[str]]
    objects: list[str]


def copied_project(folder: Path) -> Path:
    """The project as it is cloned, with this virtual environment as its own."""
    left_out = (
        ".git", ".venv", ".dagster", ".local-aws", ".tmp_*", ".*_cache", ".hypothesis", "outputs", "*.egg-info",
        "__pycache__",
    )  # fmt: skip
    project = folder / "project"
    shutil.copytree(PROJECT_ROOT, project, ignore=shutil.ignore_patterns(*left_out))
    (project / ".venv").mkdir()
    for entry in Path(sys.prefix).iterdir():
        if not entry.name.endswith(".installed"):
            (project / ".venv" / entry.name).symlink_to(entry)
    for extras in ("run", "dev"):
        (project / ".venv" / f"{extras}.installed").touch()
    return project


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    folder = tmp_path_factory.mktemp("docs")
    project = copied_project(folder)
    with loopback_aws(folder / "aws") as aws:
        environment = environment_for(project, **aws.environment) | {
            "PATH": f"{project}/.venv/bin:{os.environ['PATH']}",
            # The installed package is the checkout's; the copy's comes before it.
            "PYTHONPATH": str(project),
        }
        del environment["DAGSTER_HOME"]
        outcomes = {
            command: subprocess.run(
                ["bash", "-c", command], cwd=project, env=environment, capture_output=True, text=True, timeout=SECONDS
            )
            for command in TO_RUN
        }
        s3 = boto3.client("s3", endpoint_url=aws.s3_endpoint, region_name="us-east-1", **keys(aws))
        objects = sorted(each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []))
    return Reader(project, environment, outcomes, objects)


def keys(aws: LoopbackAws) -> dict[str, str]:
    return {name.lower(): aws.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}


@pytest.mark.parametrize("command", TO_RUN)
def test_a_command_does_what_it_is_there_for(reader, command):
    done = reader.outcomes[command]
    assert done.returncode == 0, done.stdout + done.stderr
    said = (done.stdout + done.stderr).lower()
    assert "traceback" not in said
    assert "warning" not in said


def test_what_is_not_run_here_is_run_before_a_change_lands_and_nothing_is_listed_in_vain():
    assert set(NOT_RUN) <= set((PROJECT_ROOT / ".ci" / "run").read_text().splitlines())
    assert {*NOT_RUN, *RUN_BY_A_TEST_OF_THEIR_OWN} <= set(commands())


def test_a_block_that_is_tested_elsewhere_is_read_there():
    for block in all_blocks():
        if block.tested_by:
            assert block.document in (PROJECT_ROOT / block.tested_by).read_text(), block


def test_every_block_is_of_a_language_that_is_tested_here():
    assert {block.language for block in all_blocks() if not block.tested_by} <= {
        "sh", "python", "graphql", "json", "text",
    }  # fmt: skip


def test_make_run_lands_a_million_payments_of_yesterday_and_says_where(reader):
    path, uri, advice = reader.outcomes["make run"].stdout.splitlines()
    assert Path(path).parent == reader.project / "outputs"
    day = path[-18:-8]
    assert DAILY.has_partition_key(day)
    assert pl.scan_parquet(path).select(pl.len()).collect().item() == 1_000_000
    assert uri == f"s3://{BUCKET}/{object_key(Path(path).name, dt.date.fromisoformat(day))}"
    assert ".local-aws" in advice
    assert (reader.project / ".local-aws" / "data").is_dir()


def test_every_run_of_the_commands_is_remembered_with_its_checks(reader, monkeypatch):
    monkeypatch.chdir(reader.project)  # where its history is
    file_checks = {*CLAIMS, "dtypes_recognised"}
    with dg.DagsterInstance.from_config(".") as instance:
        runs = instance.get_runs()[::-1]
        assert [(run.status, run.tags["dagster/partition"], passed_checks(instance, run)) for run in runs] == [
            (dg.DagsterRunStatus.SUCCESS, day, checks)
            for day, checks in (
                (runs[0].tags["dagster/partition"], {*file_checks, "object_is_local_file"}),  # make run
                (str(DAY), {*file_checks, "object_is_local_file"}),  # synth-assets --s3 yes
                (str(DAY + dt.timedelta(days=1)), file_checks),  # synth-assets --json
                (str(DAY), {*file_checks, "object_is_local_file"}),  # dagster asset materialize --select '*'
                (str(DAY), file_checks),  # dg launch
                (str(DAY + dt.timedelta(days=2)), file_checks),  # synth-assets --profile realistic
            )
        ]
        landed = instance.get_latest_materialization_event(dg.AssetKey("s3_raw_payments")).asset_materialization
        assert landed.metadata["dagster/uri"].value == f"s3://{BUCKET}/{object_key(FILE, DAY)}"
        assert set(instance.get_asset_keys()) == set(defs.resolve_asset_graph().get_all_asset_keys())
    assert (reader.project / "outputs" / FILE).is_file()
    assert reader.objects == [object_key(FILE, DAY)]


def passed_checks(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[str]:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    checks = [record.event_log_entry.dagster_event.asset_check_evaluation_data for record in records]
    return {check.check_name for check in checks if check.passed}


def test_the_documents_of_json_have_the_keys_of_the_table_and_the_exit_codes_are_the_helps(reader):
    document = json.loads((reader.project / "day.json").read_text())
    text = section("On the command line")
    listed = [
        name for cell in re.findall(r"^\| (`\w.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    ]
    assert set(listed) == set(document)
    codes = re.findall(r"^\| (\d+) \|", text, re.MULTILINE)
    assert codes == re.findall(r"^  (\d+) ", cli.EPILOG, re.MULTILINE) == ["0", "1", "2", "130", "141"]


AWS_CLI = """#!{python}
# The AWS CLI names its commands and options after the operations and members of botocore's models, as this does.
import sys
import boto3

service, operation, *words = sys.argv[1:]
names = ["".join(part.title() for part in name[2:].split("-")) for name in words[::2]]
getattr(boto3.client(service), operation.replace("-", "_"))(**dict(zip(names, words[1::2])))
"""


def test_the_bucket_parameter_is_put_by_the_command_and_found_by_the_upload(aws, tmp_path):
    program = tmp_path / "aws"
    program.write_text(AWS_CLI.format(python=sys.executable))
    program.chmod(0o755)
    boto3.client("ssm").delete_parameter(Name=BUCKET_PARAMETER)
    try:
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        subprocess.run(["bash", "-c", PUT_PARAMETER], env=environment, check=True, timeout=60)
        assert TimedSSMResource().bucket() == "YOUR-BUCKET"
    finally:
        boto3.client("ssm").put_parameter(Name=BUCKET_PARAMETER, Value=BUCKET, Type="String", Overwrite=True)


def test_make_ui_shows_the_run_of_make_run(reader):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = reader.project.parent / "ui.log"
    with log.open("wb") as output:
        ui = subprocess.Popen(
            ["make", "ui"],
            cwd=reader.project,
            env={**reader.environment, "DAGSTER_CLI_DEV_PORT": str(port)},
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C at the terminal goes to all of them
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        query = json.dumps({"query": "{ runsOrError { ... on Runs { count } } }"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/graphql", query, {"Content-Type": "application/json"}
        )
        deadline = time.monotonic() + SECONDS
        answer = None
        while answer is None and time.monotonic() < deadline and ui.poll() is None:
            try:
                with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as found:
                    answer = json.load(found)
            except OSError:  # not up yet
                time.sleep(0.1)
        assert answer, log.read_text()
        assert answer["data"]["runsOrError"]["count"] >= 1
    finally:
        os.killpg(ui.pid, signal.SIGINT)
        try:
            ui.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(ui.pid, signal.SIGKILL)
            ui.wait()
            raise


# --- the other blocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_runs_and_finds_what_it_says(block, reader, monkeypatch):
    monkeypatch.chdir(reader.project)
    names: dict[str, Any] = {}
    exec(block.text, names)
    assert names["provenance"]["plan"]["rows"] == 1_000_000


@pytest.mark.parametrize("block", blocks("graphql"), ids=str)
def test_graphql_is_of_dagsters_schema_and_asks_for_what_is_there(block):
    document = parse(block.text)
    assert validate(create_schema().graphql_schema, document) == []
    (mutation,) = document.definitions[0].selection_set.selections
    asked = value_from_ast_untyped(mutation.arguments[0].value)
    assets = {dg.AssetKey(asset["path"]) for asset in asked["assetSelection"]}
    assert assets <= set(defs.resolve_asset_graph().get_all_asset_keys())
    assert all(map(DAILY.has_partition_key, asked["partitionNames"]))
    validated = dg.validate_run_config(defs.resolve_implicit_global_asset_job_def(), asked["runConfigData"])
    assert validated["ops"]["payments_parquet"]["config"].items() >= {"rows": 100_000, "fraud_rate": 0.01}.items()


def test_the_policy_names_the_parameter_and_the_prefix_of_the_code():
    policy = json.loads((PROJECT_ROOT / "deploy" / "iam-policy.json").read_text())
    resources = [statement["Resource"] for statement in policy["Statement"]]
    default = TimedSSMResource.model_fields["bucket_parameter"].default
    assert resources[0].endswith(f":parameter{default}")
    assert resources[-1].endswith(f"/{object_folder(DAY).split('/')[0]}/*")


# --- the tables -----------------------------------------------------------------------------------------------


def in_readme(rows: list[str], what: str) -> None:
    assert "\n".join(rows) in README, "\n".join([f"README.md should have this table of {what}:", *rows])


def test_the_table_of_columns_is_the_contract(schema):
    fields = [
        f"| `{each.name}` | {each.dtype} | {'yes' if each.nullable else ''} | {each.description} |"
        for each in schema.fields
    ]
    in_readme(["| column | dtype | null? | |", "|---|---|---|---|", *fields, ""], "columns")


def test_the_table_of_settings_is_the_run_config():
    settings = [
        f"| `{name}` |{'' if field.default_factory else f' {field.default}'} | {field.description} |"
        for name, field in PaymentsConfig.model_fields.items()
    ]
    in_readme(["| `payments_parquet` | default | |", "|---|---|---|", *settings, ""], "settings")


def test_the_table_of_claims_is_the_audit():
    in_readme(["| claim | |", "|---|---|", *(f"| `{name}` | {says} |" for name, says in CLAIMS.items()), ""], "claims")


def test_the_dtypes_named_are_those_that_are_recognised():
    named = re.search(r"Its dtypes are (.*?);", " ".join(README.split()))[1]
    assert re.findall(r"`(\w+)`", named) == [*DTYPES, "enum"]


def test_the_counts_are_right(schema):
    assert set(re.findall(r"(\d+) (?:blocking )?claims", README)) == {str(len(CLAIMS))}
    assert set(re.findall(r"(\d+) columns", README)) == {str(len(schema.fields))}


def test_the_sample_is_the_first_rows_of_the_file(reader):
    header, _, *rows = re.search(r"(\| transaction_id .*?)\n\n", README, re.DOTALL)[1].splitlines()
    columns = header.strip("| ").split(" | ")
    found = pl.read_parquet(reader.project / "outputs" / FILE, columns=columns, n_rows=len(rows)).select(columns)
    expected = found.with_columns(
        pl.col("event_time").dt.to_string("%Y-%m-%d %H:%M:%S%.3f"), pl.col(pl.Categorical, pl.Enum).cast(pl.String)
    ).select(pl.all().cast(pl.String).fill_null(""))
    assert [tuple(cell.strip() for cell in row[1:-1].split("|")) for row in rows] == expected.rows()


def test_the_options_named_are_those_of_the_command():
    known = {text for action in cli.build_parser()._actions for text in action.option_strings}
    named = set(re.findall(r"`(--[a-z0-9-]+)", section("On the command line")))
    settings = {cli.option(name) for name in PaymentsConfig.model_fields}
    assert named <= known
    assert known <= named | settings | {"-h", "--help"}
    assert set(cli.COMMANDS) <= set(re.findall(r"^synth-assets (\w+)", "\n".join(commands()), re.MULTILINE))
    file_commands.build_parser().parse_args(["reproduce", "--out", "FOLDER", "--json", FILE])


def test_the_resources_and_their_settings_are_there():
    named = [(of, name) for of, name in re.findall(r"`(\w+)\.(\w+)`", README) if of in defs.resources]
    assert named
    assert [name for of, name in named if name not in type(defs.resources[of]).model_fields] == []


# --- what is named --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_every_link_and_every_file_that_a_document_names_is_there(document):
    text = document.read_text()
    links = [link for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", text) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []
    files = set(re.findall(r"`([\w./-]+\.(?:py|md|yaml|toml|txt|json|sh))`", text)) - {"day.json"}
    roots = (document.parent, PROJECT_ROOT, PROJECT_ROOT / "synth_assets", PROJECT_ROOT / "tests")
    assert [name for name in files if not any((root / name).exists() for root in roots)] == []
    targets = set(re.findall(r"^(\w+):", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", text)) <= targets


def test_the_layout_names_every_module_and_every_folder_and_nothing_else():
    tree = re.search(r"```text\n(schema/.*?)```", section("How the code is laid out"), re.DOTALL)[1]
    listed, folders = set(), [(-1, PROJECT_ROOT)]
    for line in tree.splitlines():
        indent = len(line) - len(line.lstrip())
        while indent <= folders[-1][0]:
            folders.pop()
        for name in re.match(r"(?:[\w./-]+(?:/|\.\w+)  ?)+", line.strip() + "  ")[0].split():
            path = folders[-1][1] / name
            listed.add(path)
            if name.endswith("/"):
                folders.append((indent, path))
    assert [path for path in listed if not path.exists()] == []
    modules = {path for path in (PROJECT_ROOT / "synth_assets").rglob("*.py") if path.name != "__init__.py"}
    assert modules - listed == set()
    folders_here = {path.name for path in PROJECT_ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    made_here = {name for name in folders_here if name == "outputs" or name.endswith(".egg-info")}
    assert folders_here - made_here == {path.relative_to(PROJECT_ROOT).parts[0] for path in listed}


# --- the other documents --------------------------------------------------------------------------------------


def test_the_changelog_has_this_version_and_the_generators():
    version = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["version"]
    entry = re.search(
        rf"^## \[{re.escape(version)}\] (.*?)(?=^## |\Z)", (PROJECT_ROOT / "CHANGELOG.md").read_text(), re.M | re.S
    )
    assert entry
    assert f"Generator version {GENERATOR_VERSION}." in entry[1]


def test_contributing_is_one_screen():
    lines = (PROJECT_ROOT / "CONTRIBUTING.md").read_text().splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120
