"""The engines by name, and how many workers there are where nobody says it."""

import os
from typing import Literal

EngineName = Literal["auto", "threads", "processes", "ray"]


def usable_cores() -> int:
    """The cores that this process may use, which in a container are fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default_workers() -> int:
    """The usable cores but one, which encodes."""
    return max(1, usable_cores() - 1)
