"""Day -> file name -> object key: the only place where these strings are built."""

from __future__ import annotations

import datetime as dt
import re

_FILE_NAME = re.compile(r"payments_(?P<rows>[1-9][0-9]*)_(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})\.parquet")

MARK = "generator-version"
"""The name that the metadata of all our objects has. An object without it is somebody else's."""
OBJECT_KEY_PATTERN = "payments/year=YYYY/month=MM/payments_<rows>_YYYY-MM-DD.parquet"
"""The form of all object keys, for people to read."""
FILE_NAMES_BEGIN = "payments_"
"""How the names of all days' files begin."""


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


def incidents_name(day: dt.date) -> str:
    return f"incidents_{day.isoformat()}.parquet"


def report_name(day: dt.date) -> str:
    return f"report_{day.isoformat()}.html"


def month_report_name(day: dt.date) -> str:
    """The page that lists the reports of a day's month."""
    return f"reports_{day:%Y-%m}.html"


def world_folder(seed: int, customers: int) -> str:
    """The folder of a world's tables, which are the same for all days of a year."""
    return f"world_{seed}_{customers}"


def world_table_name(table: str, year: int) -> str:
    return f"{table}_{year}.parquet"


def partial_prefix(day: dt.date) -> str:
    """How the names of a day's unfinished files begin. The leading dot hides them from readers' globs."""
    return f".payments_{day.isoformat()}_"


def day_lease_name(day: dt.date) -> str:
    """The object that says who makes, judges or sends a day in a bucket."""
    return f"{partial_prefix(day)}lease"


def scratch_prefix(day: dt.date) -> str:
    """How the names begin of what workers leave in a bucket for each other while they judge a day."""
    return f"{partial_prefix(day)}scratch_"


def side_lease_name(name: str) -> str:
    """The object that says who writes a side file of this name in a bucket."""
    return f".{name}.lease"


def is_uri(path: str) -> bool:
    """Whether a place or a day is named by a URI, well formed or not, and not by a path."""
    return re.match(r"(?i)s3[an]?:|[a-z][a-z0-9+.-]+://", path) is not None


def split_uri(uri: str) -> tuple[str, str] | None:
    """The bucket and the key (or prefix) of an s3:// URI, or None where it is none. The key does not end with "/"."""
    match = re.fullmatch(r"s3://([A-Za-z0-9._-]{1,255})((?:/[^/]+)*)/?", uri)
    return (match[1], match[2].removeprefix("/")) if match else None


def key_in(prefix: str, name: str) -> str:
    """The key of what has this name below a prefix, which may be empty."""
    return f"{prefix}/{name}" if prefix else name


def folder_of(key: str) -> str:
    """How the keys begin of all that is in the same folder as a key: with "/" at the end, or empty."""
    return key[: key.rfind("/") + 1]


def object_folder(day: dt.date) -> str:
    return f"payments/year={day.year:04d}/month={day.month:02d}/"


def object_key(name: str, day: dt.date) -> str:
    return object_folder(day) + name
