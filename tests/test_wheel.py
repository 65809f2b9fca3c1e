"""The source distribution and the wheel, installed where there is no checkout.

The bare environment finds the libraries of this one, so nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.command_line import FILE, SMALL
from tests.conftest import HANG_SECONDS, PROJECT_ROOT, SCHEMA_FILE

OFFLINE = ("--no-deps", "--no-index", "--quiet")


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed, without a way to the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "DAGSTER_"))}
    environment["PYTHONWARNINGS"] = "ignore::FutureWarning"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel that the unpacked source distribution makes."""
    folder = tmp_path_factory.mktemp("dist")
    run(PROJECT_ROOT, sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", folder)
    (source,) = folder.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    pip = (sys.executable, "-m", "pip", "wheel", *OFFLINE, "--no-build-isolation", "--wheel-dir", folder)
    run(folder, *pip, folder / source.name.removesuffix(".tar.gz"))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def programs(wheel, tmp_path_factory) -> Path:
    """The folder of the programs of a virtual environment in which the wheel is installed."""
    folder = tmp_path_factory.mktemp("bare")
    run(folder, sys.executable, "-m", "venv", "--without-pip", folder)
    found = folder / "bin"
    run(folder, sys.executable, "-m", "pip", "--python", found / "python", "install", *OFFLINE, wheel)
    (packages,) = folder.glob("lib/python*/site-packages")
    # A line of a .pth adds a folder, but none of the .pth files in it: not the checkout either.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return found


def test_the_wheel_has_the_contract_once_and_all_modules(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        assert [name for name in names if name.endswith(".yaml")] == ["synth_assets/transaction_schema.yaml"]
        assert archive.read("synth_assets/transaction_schema.yaml") == SCHEMA_FILE.read_bytes()
    modules = {str(path.relative_to(PROJECT_ROOT)) for path in (PROJECT_ROOT / "synth_assets").rglob("*.py")}
    assert modules <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"synth_assets"}


def test_the_installed_commands_make_a_day_in_the_working_directory_and_verify_it(programs, tmp_path):
    made = json.loads(run(tmp_path, programs / "synth-assets", *SMALL, "--json").stdout)
    assert (made["success"], made["path"]) == (True, str(tmp_path / "outputs" / FILE))
    assert all(check["passed"] for check in made["checks"].values())
    run(tmp_path, programs / "python", "-m", "synth_assets", "verify", f"outputs/{FILE}")
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


def test_the_installed_code_location_materializes_the_installed_contract(programs, tmp_path):
    command = (programs / "python", "-m", "dagster", "asset", "materialize", "-m", "synth_assets.definitions")
    log = run(tmp_path, *command, "--select", "transaction_schema").stderr
    (packages,) = programs.parent.glob("lib/python*/site-packages")
    assert f"{packages}/synth_assets/transaction_schema.yaml: contract version" in log
