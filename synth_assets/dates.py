"""What `--date` and `--jobs` say."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Sequence

FORMS = "Write YYYY-MM-DD, FIRST..LAST for a range, or YYYY-MM for a month."


def date(text: str) -> list[dt.date]:
    """The days that a text names, in order: YYYY-MM-DD, FIRST..LAST, or the month YYYY-MM.

    Raises:
        ArgumentTypeError: it names no days, or there is no such date.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}", text):
            month = _date(f"{text}-01")
            after = (month + dt.timedelta(days=31)).replace(day=1)
            return _between(month, after - dt.timedelta(days=1))
        first, separator, last = text.partition("..")
        days = _between(_date(first), _date(last)) if separator else [_date(first)]
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no date. {FORMS}") from None
    if not days:
        raise argparse.ArgumentTypeError(f"{text!r} begins after its end. Write the earlier day first.")
    return days


def count(text: str) -> int:
    """A whole number of at least 1.

    Raises:
        ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 1.")
    return int(text)


def partitions(dates: Sequence[dt.date] | None) -> list[str]:
    """The partitions of the dates, or the last one.

    Raises:
        ArgumentTypeError: one of the dates is not a partition.
    """
    from synth_assets.partitions import DAILY

    first, last = DAILY.get_first_partition_key(), DAILY.get_last_partition_key()
    days = [str(date) for date in dates] if dates else [str(last)]
    for day in days:
        if not DAILY.has_partition_key(day):
            raise argparse.ArgumentTypeError(
                f"{day} is not a partition. Choose a complete day (UTC), from {first} to {last}."
            )
    return days


def _date(text: str) -> dt.date:
    return dt.datetime.strptime(text, "%Y-%m-%d").date()


def _between(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]
