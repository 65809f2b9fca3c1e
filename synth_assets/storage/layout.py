"""Day -> file name -> object key: the only place where these strings are built."""

from __future__ import annotations

import datetime as dt
import re

_FILE_NAME = re.compile(r"payments_(?P<rows>[1-9][0-9]*)_(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.parquet")

MARK = "generator-version"
"""The name that the metadata of all our objects has. An object without it is somebody else's."""
OBJECT_KEY_PATTERN = "payments/year=YYYY/month=MM/payments_<rows>_YYYY-MM-DD.parquet"
"""The form of all object keys, for people to read."""


def file_name(rows: int, day: dt.date) -> str:
    return f"payments_{rows}_{day.isoformat()}.parquet"


def rows_in_name(name: str, day: dt.date) -> int | None:
    """The row count in a file's name, or None where the name is not that of a file of this day."""
    match = _FILE_NAME.fullmatch(name)
    return int(match["rows"]) if match and match["day"] == day.isoformat() else None


def day_in_name(name: str) -> dt.date | None:
    """The day in a file's name, or None where the name is not that of a day's file."""
    match = _FILE_NAME.fullmatch(name)
    try:
        return dt.date.fromisoformat(match["day"]) if match else None
    except ValueError:
        return None


def label_events_name(day: dt.date) -> str:
    return f"label_events_{day.isoformat()}.parquet"


def report_name(day: dt.date) -> str:
    return f"report_{day.isoformat()}.html"


def month_report_name(day: dt.date) -> str:
    """The page that lists the reports of a day's month."""
    return f"reports_{day:%Y-%m}.html"


def world_folder(seed: int, customers: int) -> str:
    """The folder of a world's tables, which are the same for all of its days."""
    return f"world_{seed}_{customers}"


def world_table_name(table: str, year: int | None = None) -> str:
    return f"{table}.parquet" if year is None else f"{table}_{year}.parquet"


def partial_prefix(day: dt.date) -> str:
    """How the names of a day's unfinished files begin. The leading dot hides them from readers' globs."""
    return f".payments_{day.isoformat()}_"


def object_folder(day: dt.date) -> str:
    return f"payments/year={day.year:04d}/month={day.month:02d}/"


def object_key(name: str, day: dt.date) -> str:
    return object_folder(day) + name
