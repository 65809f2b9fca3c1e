"""What the documents say is so: their tables are the code's, and what they name is there.

Every fenced block of a page is run or validated, here or in tests/test_docs_commands.py, unless the line above it names
the test that does that: <!-- tested by tests/test_readers.py -->
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tomllib

import dagster as dg
import pytest
import yaml
from dagster_graphql.schema import create_schema
from graphql import parse, validate, value_from_ast_untyped

from synth_assets import cli
from synth_assets.config import PaymentsConfig
from synth_assets.definitions import defs
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import CLAIMS
from synth_assets.generator.dtypes import DTYPES
from synth_assets.partitions import DAILY
from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.layout import object_folder
from tests.conftest import DAY, PROJECT_ROOT, environment_for
from tests.documents import (
    DOCUMENTS,
    MANUAL,
    PAGES,
    README,
    all_blocks,
    anchors,
    blocks,
    fenced_commands,
    figure_tables,
    rows,
    section,
)

COLUMNS = "docs/columns-and-settings.md"
TARGETS = re.search(r"^\.PHONY: (.*)$", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
PRINTS = {"bench": "benchmarks/*.py", "realism": "benchmarks/realism/*.py", "readers": "benchmarks/readers/*.py"}
"""By make target, the files that print its figures."""

# --- the pages ------------------------------------------------------------------------------------------------


def test_the_readme_is_two_screens_and_leads_to_every_page():
    assert len(README.splitlines()) <= 200
    assert set(MANUAL) == {f"docs/{path.name}" for path in (PROJECT_ROOT / "docs").glob("*.md")}


@pytest.mark.parametrize("page", MANUAL)
def test_a_page_says_first_for_whom_it_is(page):
    assert re.match(r"# .+\n\nThis page is for whoever ", PAGES[page])


def test_contributing_is_one_screen():
    lines = PAGES["CONTRIBUTING.md"].splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 120


def test_the_changelog_has_this_version_and_the_generators():
    version = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["version"]
    entry = re.search(
        rf"^## \[{re.escape(version)}\] (.*?)(?=^## |\Z)", (PROJECT_ROOT / "CHANGELOG.md").read_text(), re.M | re.S
    )
    assert entry
    assert f"Generator version {GENERATOR_VERSION}." in entry[1]


# --- code blocks ----------------------------------------------------------------------------------------------


def test_a_block_that_is_tested_elsewhere_is_read_there():
    for block in all_blocks():
        if block.tested_by:
            assert block.page.split("/")[-1] in (PROJECT_ROOT / block.tested_by).read_text(), block


def test_every_block_is_of_a_language_that_is_tested():
    languages = {block.language for block in all_blocks() if not block.tested_by}
    assert languages <= {"sh", "python", "graphql", "yaml", "text"}


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


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_a_run_config(block):
    assert dg.validate_run_config(defs.resolve_implicit_global_asset_job_def(), yaml.safe_load(block.text))


# --- tables ---------------------------------------------------------------------------------------------------


def assert_table(page: str, lines: list[str], what: str) -> None:
    table = "\n".join(lines)
    assert f"{table}\n\n" in PAGES[page], f"{page} should have this table of {what}:\n{table}"


def test_the_table_of_columns_is_the_contract(schema):
    fields = [
        f"| `{each.name}` | {each.dtype} | {'yes' if each.nullable else ''} | {each.description} |"
        for each in schema.fields
    ]
    assert_table(COLUMNS, ["| column | dtype | null? | |", "|---|---|---|---|", *fields], "columns")


def test_the_table_of_dtypes_names_those_that_are_recognised():
    named = [dtype.strip("`") for dtype, *_ in rows(section(COLUMNS, "Dtypes"))]
    assert named == [*DTYPES]


def test_the_table_of_settings_is_the_run_config():
    settings = [
        f"| `{name}` |{'' if field.default_factory else f' {field.default}'} | {field.description} |"
        for name, field in PaymentsConfig.model_fields.items()
    ]
    assert_table(COLUMNS, ["| `payments_parquet` | default | |", "|---|---|---|", *settings], "settings")


def test_the_table_of_claims_is_the_audit():
    claims = [f"| `{name}` | {says} |" for name, says in CLAIMS.items()]
    assert_table(COLUMNS, ["| claim | |", "|---|---|", *claims], "claims")


def test_the_table_of_resources_is_the_code_and_every_other_setting_that_is_named_is_there():
    named = [pair for text in PAGES.values() for pair in re.findall(r"`(\w+)\.(\w+)`", text)]
    of_resources = [(resource, name) for resource, name in named if resource in defs.resources]
    for resource, name in of_resources:
        assert name in type(defs.resources[resource]).model_fields, f"{resource}.{name}"
    for setting, default, description in rows(section(COLUMNS, "Resources")):
        resource, name = setting.strip("`").split(".")
        field = type(defs.resources[resource]).model_fields[name]
        assert (default, description) == ("" if field.default is None else str(field.default), field.description)
    ours = {name for each in (TimedS3Resource, TimedSSMResource) for name in each.__annotations__}
    assert ours <= {name for _, name in of_resources}


def test_the_options_named_are_those_of_the_command():
    known = {text for action in cli.build_parser()._actions for text in action.option_strings}
    named = set(re.findall(r"`(--[a-z0-9-]+)", section("docs/command-line.md", "Making a day")))
    settings = {cli.option(name) for name in PaymentsConfig.model_fields}
    assert named <= known
    assert known <= named | settings | {"-h", "--help"}
    assert set(cli.COMMANDS) <= set(re.findall(r"^synth-assets (\w+)", "\n".join(fenced_commands()), re.MULTILINE))
    cli.build_file_parser().parse_args(["reproduce", "--out", "FOLDER", "--json", "FILE"])


def test_the_counts_are_right(schema):
    text = "\n".join(PAGES.values())
    assert set(re.findall(r"(\d+) (?:blocking )?claims", text)) == {str(len(CLAIMS))}
    assert set(re.findall(r"(\d+) columns", text)) == {str(len(schema.fields))}


def test_each_check_that_can_fail_has_its_advice():
    listed = [check.strip("`") for check, *_ in rows(section("docs/troubleshooting.md", "Failed checks"))]
    checks = {key.name for key in defs.resolve_asset_graph().asset_check_keys}
    assert sorted(listed) == sorted(checks)


def test_each_error_that_is_explained_is_in_the_code():
    code = "\n".join(path.read_text() for path in (PROJECT_ROOT / "synth_assets").rglob("*.py"))
    explained = [words.strip("`") for words, *_ in rows(section("docs/troubleshooting.md", "Errors"))]
    assert explained
    assert [words for words in explained if words not in code] == []


def test_the_figures_have_the_names_that_their_make_target_prints():
    tables = figure_tables()
    assert tables.keys() == PRINTS.keys()
    for target, labels in tables.items():
        printed = "|".join(text for path in PROJECT_ROOT.glob(PRINTS[target]) for text in texts(path.read_text()))
        assert [label for label in labels if not re.fullmatch(printed, label[1])] == []


def texts(code: str) -> list[str]:
    """A pattern for each text in the code, with anything in place of what an f-string fills in."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.JoinedStr):
            parts = [re.escape(part.value) if isinstance(part, ast.Constant) else ".+" for part in node.values]
            if re.search("[a-zA-Z]{4}", "".join(parts)):  # otherwise it would be the name of anything
                found.append("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.append(re.escape(node.value))
    return found


# --- what is named --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_every_link_and_every_file_that_a_document_names_is_there(document):
    text = document.read_text()
    for link, _, fragment in re.findall(r"\]\(([^)\s#]*)(#([^)\s]*))?\)", text):
        if "://" not in link:
            linked = document.parent / link if link else document
            assert linked.exists(), link
            assert not fragment or fragment in anchors(linked), f"{link}#{fragment}"
    files = set(re.findall(r"`([\w./-]+\.(?:py|md|yaml|toml|txt|json|sh))`", text)) - {"day.json"}
    roots = (document.parent, PROJECT_ROOT, PROJECT_ROOT / "synth_assets", PROJECT_ROOT / "tests")
    assert [name for name in files if not any((root / name).exists() for root in roots)] == []
    assert set(re.findall(r"`make (\w+)", text)) <= set(TARGETS)


def test_the_layout_names_every_module_and_every_folder_and_nothing_else():
    tree = re.search(r"```text\n(schema/.*?)```", section("docs/architecture.md", "Rooms"), re.DOTALL)[1]
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
    made_here = {name for name in folders_here if name in {"outputs", "dist"} or name.endswith(".egg-info")}
    assert folders_here - made_here == {path.relative_to(PROJECT_ROOT).parts[0] for path in listed}


def test_the_policy_names_the_parameter_and_the_prefix_of_the_code():
    policy = json.loads((PROJECT_ROOT / "deploy" / "iam-policy.json").read_text())
    resources = [statement["Resource"] for statement in policy["Statement"]]
    default = TimedSSMResource.model_fields["bucket_parameter"].default
    assert resources[0].endswith(f":parameter{default}")
    assert resources[-1].endswith(f"/{object_folder(DAY).split('/')[0]}/*")


@pytest.mark.parametrize("command", [["make"], ["make", "help"]], ids=" ".join)
def test_make_alone_lists_every_target_with_what_it_does(command):
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment_for(PROJECT_ROOT), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    listed = re.findall(r"^make (\w+) +[A-Z].*\.$", done.stdout, re.MULTILINE)
    assert listed == TARGETS
    assert len(done.stdout.splitlines()) == len(TARGETS)


@pytest.mark.parametrize(("target", "extras"), [("run", ["local"]), ("ui", ["local", "ui,local"])])
@pytest.mark.parametrize(("programs", "installer"), [(["uv"], "uv pip install"), ([], "python -m pip install")])
def test_make_installs_what_a_target_needs_with_uv_if_there_is_one(target, extras, programs, installer, tmp_path):
    for name in programs:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    command = ["make", "--dry-run", target, f"VENV={tmp_path}/venv", *([] if programs else ["UV="])]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=path, capture_output=True, text=True, check=True)
    installs = [line for line in done.stdout.splitlines() if " install " in line]
    assert [re.findall(r"\.\[(.*)\]", line) for line in installs] == [[each] for each in extras]
    assert all(installer in line and "--constraint constraints.txt" in line for line in installs)
