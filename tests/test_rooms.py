"""The rooms of the house: who may import whom, held by imports as they are and by the linter."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.conftest import BIN, PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "synth_assets"

OF_AN_EXTRA = {"ray"}
"""What only an engine that is asked for imports."""

ONLY_FOR_TYPES = {"mypy_boto3_s3", "mypy_boto3_ssm"}
BROUGHT_BY_ANOTHER = {"botocore", "s3transfer", "pydantic_core"}
"""Parts of boto3 and of Pydantic."""


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; a name that is imported from a package counts as a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize(
    ("room", "banned"), [("generator", "synth_assets.storage"), ("storage", "synth_assets.generator")]
)
def test_the_rooms_import_neither_dagster_nor_each_other(room, banned):
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert len(files) > 5
    for path in files:
        foreign = {name for name in imports_of(path) if name.split(".")[0] == "dagster" or name.startswith(banned)}
        assert not foreign, f"{path.relative_to(PROJECT_ROOT)} imports {foreign}"


def test_no_import_leads_back_to_where_it_came_from():
    names = {".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    modules = {name.removesuffix(".__init__"): path for name, path in names.items()}
    leads_to = {name: imports_of(path) & modules.keys() for name, path in modules.items()}
    for name in modules:
        seen: set[str] = set()
        following = set(leads_to[name])
        while following:
            seen |= following
            following = set().union(*(leads_to[each] for each in following)) - seen
        assert name not in seen, f"{name} imports itself, by way of others"


def test_the_generator_is_imported_without_dagster_storage_and_clients():
    program = (
        "import sys; import synth_assets.generator.simulator, synth_assets.generator.audit; "
        "print(*sorted(m for m in sys.modules if m.split('.')[0] in {'dagster', 'boto3', 'botocore'} "
        "or m.startswith('synth_assets.storage')))"
    )
    found = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []


def test_the_package_imports_the_libraries_that_it_declares_and_no_others():
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split("[<>=\\[]", each)[0] for each in project["dependencies"]}
    imported = {name.split(".")[0] for path in PACKAGE.rglob("*.py") for name in imports_of(path)}
    libraries = imported - sys.stdlib_module_names - {"synth_assets"} - ONLY_FOR_TYPES - OF_AN_EXTRA
    distributions = packages_distributions()
    assert {distributions[name][0].lower() for name in libraries} - BROUGHT_BY_ANOTHER == declared


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("generator", "import dagster"),
        ("generator", "import time"),
        ("generator", "import random"),
        ("generator", "import pathlib"),
        ("generator", "from synth_assets.storage import layout"),
        ("generator", "import datetime as dt\n\ntoday = dt.date.today()"),
        ("generator", "import datetime as dt\n\nnow = dt.datetime.now(dt.UTC)"),
        ("generator", "import numpy as np\n\nvalue = np.random.random()"),
        ("generator/realistic", "import dagster"),
        ("storage", "import dagster"),
        ("storage", "from synth_assets.generator import plan"),
    ],
)
def test_the_linter_refuses_it_and_says_why(room, line):
    command = [BIN / "ruff", "check", "--select", "TID251", "--stdin-filename", PACKAGE / room / "new.py", "-"]
    found = subprocess.run(command, input=f"{line}\n", cwd=PROJECT_ROOT, capture_output=True, text=True)
    assert found.returncode == 1
    assert "is banned: " in found.stdout


def test_files_and_functions_are_short_enough_to_be_read_at_once():
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text()
        assert text.count("\n") <= 260, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                assert lines <= 45, f"{path.name}: {node.name} has {lines} lines"
