"""A command's Arrow hands memory back; whoever chose an allocator, or only imports the package, keeps theirs."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow as pa
import pytest

from synth_assets.memory import CHOSEN

DEFAULT = "import pyarrow as pa; print(pa.default_memory_pool().backend_name)"
needs_jemalloc = pytest.mark.skipif("jemalloc" not in pa.supported_memory_backends(), reason="not built into PyArrow")


@needs_jemalloc
@pytest.mark.parametrize(
    ("start", "chosen", "allocator"),
    [
        ("import synth_assets.definitions", None, "jemalloc"),
        ("import synth_assets.definitions", "system", "system"),
        ("import synth_assets; synth_assets.payments", None, "mimalloc"),
    ],
)
def test_the_allocator_is_a_commands_own(start, chosen, allocator):
    environment = {name: value for name, value in os.environ.items() if name != CHOSEN}
    environment |= {CHOSEN: chosen} if chosen else {}
    done = subprocess.run(
        [sys.executable, "-c", f"{start}; {DEFAULT}"], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == allocator
