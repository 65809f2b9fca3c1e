"""How a command holds memory."""

from __future__ import annotations

import os

import pyarrow as pa

CHOSEN = "ARROW_DEFAULT_MEMORY_POOL"
"""Arrow's own variable for its allocator."""


def hand_back_memory() -> None:
    """Let Arrow hand back to the system what it has freed: by jemalloc, where that is built in and nobody chose.

    One thread reads batches and another frees them. What mimalloc, Arrow's default, keeps of them adds a sixth to the
    most memory that a day takes. For commands alone, which own their process.
    """
    if "jemalloc" in pa.supported_memory_backends() and CHOSEN not in os.environ:
        pa.set_memory_pool(pa.jemalloc_memory_pool())
