"""Which place a path or an s3:// URI names, and which day."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from synth_assets.storage.bucket import Bucket
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.day_object import DayObject
from synth_assets.storage.errors import StorageError
from synth_assets.storage.folder_place import Folder
from synth_assets.storage.layout import folder_of, is_uri, split_uri
from synth_assets.storage.place import Day, Place
from synth_assets.storage.prefix import LOGGER, BucketPrefix

Connect = Callable[[str], Bucket]
"""The bucket of a name."""


def open_place(path: str, connect: Connect, log: logging.Logger = LOGGER) -> Place:
    """The place that a path or an s3:// URI names. It is not looked at yet.

    Raises:
        StorageError: it is another URI, or the AWS settings are incomplete.
    """
    if not is_uri(path):
        return Folder(Path(path).absolute())
    name, prefix = _split(path, "s3://BUCKET/PREFIX or a folder")
    return BucketPrefix(connect(name), prefix, log)


def open_day(path: str, connect: Connect) -> Day:
    """The day's file or object that a path or an s3:// URI names.

    Raises:
        StorageError: there is none, it cannot be read, or is not named as a day's.
    """
    if not is_uri(path):
        return DayFile.at(Path(path))
    name, key = _split(path, "s3://BUCKET/KEY or a file")
    return DayObject.at(connect(name), key)


def location_of(path: str) -> str:
    """An s3:// URI as it is, or a path made absolute."""
    return path if is_uri(path) else str(Path(path).absolute())


def is_same(one: str, other: str) -> bool:
    """Whether two paths or s3:// URIs lead to the same file or object, which is there."""
    if is_uri(one) or is_uri(other):
        return one == other
    return Path(one).samefile(other)


def place_of(day: Day, log: logging.Logger = LOGGER) -> Place:
    """The place that a day is in."""
    if isinstance(day, DayObject):
        return BucketPrefix(day.bucket, folder_of(day.key).removesuffix("/"), log)
    return Folder(Path(day.location).parent)


def _split(uri: str, form: str) -> tuple[str, str]:
    parts = split_uri(uri)
    if parts is None:
        raise StorageError(f"{uri!r} is no bucket's s3:// URI. Write it as {form}.")
    return parts
