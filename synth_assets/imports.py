"""Imports that the garbage collector leaves alone.

Modules live as long as their process. Python looks through them for garbage again and again while more are imported,
and once more at the end: a third of the processor time in which a command starts and ends.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_imports() -> Iterator[None]:
    """Look for no garbage in the body, which imports, and never among what there is at its end.

    For commands alone, which own their process.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
