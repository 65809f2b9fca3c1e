"""The page that lists a month's reports, made from what each report says of itself in its head."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

from synth_assets.html_report.page import MONTHS, templates


@dataclass(frozen=True)
class DayEntry:
    """A day's line in the page of its month, as text but for the number of broken claims."""

    name: str
    day: str
    payments: str
    frauds: str
    dollars: str
    broken: int

    @classmethod
    def of(cls, name: str, report: str) -> DayEntry | None:
        """The line of a report, by its file name and its HTML; None where it is not one of ours."""
        head = _Head()
        head.feed(report.partition("</head>")[0])
        said = head.said
        if not {"day", "broken-claims"} <= said.keys():
            return None
        payments, frauds, cents = (said.get(key, "") for key in ("count", "frauds", "cents"))
        return cls(
            name,
            said["day"],
            f"{int(payments):,}" if payments else "unknown",
            f"{int(frauds):,}" if frauds else "unknown",
            f"{int(cents) / 100:,.0f}" if cents else "unknown",
            int(said["broken-claims"]),
        )


class _Head(HTMLParser):
    """Collects what a report's meta elements say, by their names without the prefix."""

    PREFIX = "payments-"

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        name = found.get("name") or ""
        if tag == "meta" and name.startswith(self.PREFIX):
            self.said[name.removeprefix(self.PREFIX)] = found.get("content") or ""


def month_page(day: dt.date, entries: Sequence[DayEntry]) -> str:
    """The page of a day's month."""
    month = f"{MONTHS[day.month - 1]} {day.year}"
    return templates().get_template("month.html").render(month=month, days=entries)
