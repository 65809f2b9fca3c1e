"""A day's report: one HTML page that needs nothing else, made from what is known of the day's file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from synth_assets.generator.claims import CLAIMS, Claim
from synth_assets.generator.profiles import PROFILES
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.realistic.label_summary import LabelSummary
from synth_assets.generator.summary import (
    CELL_DEGREES,
    DOLLAR_EDGES,
    PER_DOLLAR,
    Breakdown,
    Totals,
    cell_centre,
    cities_by_cell,
)
from synth_assets.html_report import charts
from synth_assets.html_report.rates import judged_rates

MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905

LONGEST_LIST = 12
"""The most countries, merchant categories or places that the page lists."""


class Bar(NamedTuple):
    """A line of a list: what it is of, its number, and a remark."""

    label: str
    number: int
    remark: str = ""


@dataclass(frozen=True)
class DayReport:
    """What a day's report is made from.

    Args:
        name, size: the file's name, and its bytes.
        totals: None where the file cannot be read to its end or its columns are not the contract's.
        nulls: by column that may have some; empty where `totals` is None.
        breakdowns: by name, as `summary.Summary` has them; empty where `totals` is None.
        labels: None where the day's frauds have no causes, or another version of the generator made them.
        day_before: the totals of the day before; None where there is no whole file of it beside this one.
        index: the file name of the month's page.
        before: the file name of the report of the day before; None where there is none.
    """

    name: str
    size: int
    provenance: Provenance
    claims: Sequence[Claim]
    totals: Totals | None
    nulls: Mapping[str, int] = field(default_factory=dict)
    breakdowns: Mapping[str, Breakdown] = field(default_factory=dict)
    labels: LabelSummary | None = None
    day_before: Totals | None = None
    index: str = ""
    before: str | None = None

    def html(self) -> str:
        """The page. Equal reports give equal pages."""
        return (
            templates()
            .get_template("day.html")
            .render(
                report=self,
                plan=self.provenance.plan,
                broken=[claim for claim in self.claims if claim.broken],
                says=CLAIMS,
                settings=self.provenance.plan.model_dump(mode="json", exclude={"day", "rows"}),
                rates=judged_rates(self.claims),
                pictures=self._pictures(),
                lists=self._lists(),
                compared=compare(self.totals, self.day_before) if self.totals and self.day_before else [],
                per_dollar=PER_DOLLAR,
                cell_degrees=CELL_DEGREES,
                charts=charts,
            )
        )

    def _pictures(self) -> dict[str, dict[str, Any]]:
        """The column charts by section: title, labels and counts of each."""
        found: dict[str, dict[str, Any]] = {"payments": {}, "frauds": {}}
        hours, bins = [f"{hour:02}" for hour in range(24)], dollar_bins()
        axes = {
            "hour": ("by hour, UTC", hours),
            "local_hour": ("by hour, local time", hours),
            "amount": ("by amount in US dollars", bins),
        }
        for name, (title, labels) in axes.items():
            if name in self.breakdowns:
                values = range(len(labels))
                for what in found:
                    counts = self.breakdowns[name].counts(values, frauds=what == "frauds")
                    found[what][name] = {"title": f"{what.capitalize()} {title}", "labels": labels, "counts": counts}
        return found

    def _lists(self) -> dict[str, list[Bar]]:
        """The lists of the page by name; one is empty where the file does not have what it is of."""
        labels = self.labels or LabelSummary()
        return {
            "country": self._most_payments("country"),
            "mcc": self._most_payments("mcc"),
            "cell": self._busiest_cells(),
            "nulls": [Bar(name, nulls) for name, nulls in self.nulls.items()],
            "fraud_country": self._most_frauds("country"),
            "scenario": [Bar(name.replace("_", " "), count) for name, count in labels.scenarios.items()],
            "delay": [Bar(name, count) for name, count in labels.delays.items()],
        }

    def _busiest_cells(self) -> list[Bar]:
        cities = cities_by_cell() if PROFILES[self.provenance.plan.profile].has_world else {}
        return [
            Bar(position(cell), group.payments, ", ".join(cities.get(cell, [])))
            for cell, group in self._breakdown("cell").largest(LONGEST_LIST)
        ]

    def _most_payments(self, name: str) -> list[Bar]:
        return [Bar(value, group.payments) for value, group in self._breakdown(name).largest(LONGEST_LIST)]

    def _most_frauds(self, name: str) -> list[Bar]:
        groups = self._breakdown(name).largest(LONGEST_LIST, frauds=True)
        return [Bar(value, group.frauds, f"{group.frauds / group.payments:.2%}") for value, group in groups]

    def _breakdown(self, name: str) -> Breakdown:
        return self.breakdowns.get(name, Breakdown({}))


def compare(day: Totals, before: Totals) -> list[tuple[str, str, str, str]]:
    """A day beside the one before: what is compared, both values, and the change, as text."""
    compared: list[tuple[str, float, float, str]] = [("payments", day.payments, before.payments, "{:,}")]
    if day.frauds is not None and before.frauds is not None:
        compared += [("frauds", day.frauds, before.frauds, "{:,}")]
        compared += [("share of frauds", day.fraud_share, before.fraud_share, "{:.3%}")]
    if day.converted and before.converted:
        compared += [("sum in US dollars", day.cents / 100, before.cents / 100, "{:,.0f}")]
        compared += [("mean payment in US dollars", day.mean_dollars, before.mean_dollars, "{:,.2f}")]
    return [
        (what, shown.format(now), shown.format(then), f"{now / then - 1:+.1%}" if then else "from none")
        for what, now, then, shown in compared
    ]


def dollar_bins() -> list[str]:
    """The lowest amount of each bin in US dollars, short enough for a chart's labels."""
    return ["<1", *(f"{edge // 1_000}k" if edge >= 1_000 else str(edge) for edge in DOLLAR_EDGES)]


def position(cell: int) -> str:
    """The middle of a cell of the map, in words."""
    latitude, longitude = cell_centre(cell)
    north, east = "S" if latitude < 0 else "N", "W" if longitude < 0 else "E"
    return f"{abs(latitude):.1f}° {north}, {abs(longitude):.1f}° {east}"


def in_words(day: dt.date) -> str:
    """15 January 2026, whatever the locale."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


@cache
def templates() -> Environment:
    """The page's templates. They escape what they are given, and fail where something is missing."""
    made = Environment(
        loader=PackageLoader("synth_assets.html_report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["in_words"] = in_words
    return made
