"""The Dagster instance in which the command line keeps the history of its runs."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import yaml
from sqlalchemy.exc import SQLAlchemyError

from synth_assets.storage.folder import lock_history


class HistoryError(Exception):
    """A history cannot be opened or written to. The message is one line with the reason and the fix."""

    def __init__(self, home: Path, reason: object) -> None:
        super().__init__(
            f"Cannot use the Dagster instance of {home}: {' '.join(str(reason).split()).rstrip('.?')}. "
            f"Repair its dagster.yaml or its history, or set DAGSTER_HOME to another folder."
        )


@contextmanager
def open_history() -> Iterator[dg.DagsterInstance]:
    """The instance of DAGSTER_HOME, or of the project in the working directory, or one that keeps no history.

    Raises:
        HistoryError: the instance cannot be opened, or its database cannot be written to in the body.
    """
    home = _find_home()
    if home is None:
        with dg.DagsterInstance.ephemeral() as instance:
            yield instance
        return
    try:
        with _open(home) as instance:
            yield instance
    except SQLAlchemyError as error:
        raise HistoryError(home, _reason(error)) from error


def _find_home() -> Path | None:
    if named := os.environ.get("DAGSTER_HOME"):
        return Path(named).expanduser().absolute()
    return Path.cwd() if Path("dagster.yaml").is_file() else None


def _open(home: Path) -> dg.DagsterInstance:
    if not home.is_dir():
        raise HistoryError(home, "it is not a folder")
    try:
        # Whoever opens a history first makes its tables. Dagster itself lets two make them at once, and one fails.
        with lock_history(home), _quiet():
            # The folder stays. Of the public constructors, only this one takes overrides.
            return dg.DagsterInstance.local_temp(str(home), _overrides(home))
    except Exception as error:  # Of whatever kind: dagster.yaml names the classes that are made.
        raise HistoryError(home, _reason(error)) from error


def _overrides(home: Path) -> dict[str, Any]:
    """The setting that lets a relative base_dir of SQLite start at the home, and not at the working directory."""
    file = home / "dagster.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8")) if file.is_file() else None
    match settings:
        case {"storage": {"sqlite": {"base_dir": str(base_dir)}}}:
            return {"storage": {"sqlite": {"base_dir": str(home / base_dir)}}}
    return {}


@contextmanager
def _quiet() -> Iterator[None]:
    """Let no library log a warning: PostgreSQL's tries are told again and again, and the error says it once."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _reason(error: BaseException) -> object:
    """What is wrong, without SQLAlchemy's statements, and Dagster's stack traces and lists of all settings."""
    while error.__cause__:
        error = error.__cause__
    if isinstance(error, dg.DagsterInvalidConfigError) and error.errors:
        return re.split('Stack Trace:|Expected: "{', error.errors[0].message)[0]
    return getattr(error, "orig", None) or error
