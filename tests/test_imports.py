"""What commands import is left out of every search for garbage; what else a process holds is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

FROZEN = "import gc; print(gc.isenabled(), gc.get_freeze_count())"


def collector_after(code: str) -> tuple[bool, int]:
    """Whether a new process searches for garbage after the code, and how many objects are left out of it."""
    done = subprocess.run([sys.executable, "-c", f"{code}\n{FROZEN}"], capture_output=True, text=True, check=True)
    enabled, frozen = done.stdout.split()
    return enabled == "True", int(frozen)


@pytest.mark.parametrize(
    "start",
    [
        "import synth_assets.definitions",
        "from synth_assets.cli import main; main(['verify', 'nothing.parquet'])",
    ],
)
def test_the_modules_of_a_command_are_left_out(start):
    enabled, frozen = collector_after(start)
    assert enabled
    assert frozen > 50_000


def test_an_import_that_fails_leaves_the_collector_on():
    code = """
from synth_assets.imports import kept_imports
try:
    with kept_imports():
        import no_such_module
except ImportError:
    pass"""
    assert collector_after(code)[0]


def test_a_program_that_imports_the_package_keeps_its_collector_as_it_was():
    assert collector_after("import synth_assets; synth_assets.payments") == (True, 0)
