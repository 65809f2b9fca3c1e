"""What the shell around a command may lack: an open stdout or stderr, and a locale that can spell its paths."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from synth_assets.storage.layout import is_uri


def open_closed_streams() -> None:
    """Lead a stdout or stderr that was closed before the start to nowhere.

    Otherwise the first file that is opened would get its number, and whatever writes to that number would write into
    the file.
    """
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8"))
        elif hasattr(getattr(sys, name), "reconfigure"):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def place(text: str) -> str:
    """An s3:// URI, or the path of a file or folder as `path` takes it. For argparse."""
    return text if is_uri(text) else str(path(text))


def path(text: str) -> Path:
    """A path that is UTF-8 text, as libraries and documents need it. For argparse, this names files and folders."""
    absolute = Path(text).absolute()
    try:
        str(absolute).encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(
            f"{str(absolute)!a} is not UTF-8 text in this locale. Set PYTHONUTF8=1, or rename what is not UTF-8."
        ) from None
    return Path(text)
