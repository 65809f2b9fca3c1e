"""What a day's rows add up to: totals and breakdowns for a reader, part by part, so that a day of any size fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl
import polars.selectors as cs

from synth_assets.generator.realistic.atlas import CITIES, CURRENCIES, City
from synth_assets.generator.schema import TransactionSchema

PER_DOLLAR = {currency.code: currency.per_dollar for currency in CURRENCIES}
"""Units per US dollar, of the currencies for which a rate is stated."""

DOLLAR_EDGES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
"""Where the bins of amounts in US dollars meet: bin 0 lies below the first edge, the last bin from the last edge on."""

CELL_DEGREES = 3
CELLS_A_ROW = 360 // CELL_DEGREES
"""The map's cells are numbered from the south pole and the date line, row by row to the north and the east."""

_OTHER_COLUMNS = (
    "local_time_offset", "amount", "currency_code", "merchant_country", "mcc_code", "latitude", "longitude",
    "label_fraud",
)  # fmt: skip
"""What a summary is made from, beside the event times."""

_LAST_ROW = 180 // CELL_DEGREES - 1


class Group(NamedTuple):
    """The payments that have something in common, and the frauds among them."""

    payments: int
    frauds: int


@dataclass(frozen=True)
class Totals:
    """What is said of a day as a whole.

    Args:
        frauds: None where the contract has no label_fraud of dtype bool.
        converted: the payments whose amount is known in US dollars: those in a currency of `PER_DOLLAR`.
        cents: the sum of their amounts in US cents.
    """

    payments: int
    frauds: int | None
    converted: int
    cents: int

    @property
    def fraud_share(self) -> float:
        return (self.frauds or 0) / self.payments

    @property
    def mean_dollars(self) -> float:
        return self.cents / 100 / self.converted if self.converted else 0.0


@dataclass(frozen=True)
class Breakdown:
    """A day's payments in groups: by the value of a column, or by what follows from some columns.

    Args:
        groups: the groups that have payments, by value. A null is the value None.
    """

    groups: Mapping[Any, Group]

    def counts(self, values: range, frauds: bool = False) -> list[int]:
        """The payments, or the frauds, of each of the values."""
        found = [self.groups.get(value, Group(0, 0)) for value in values]
        return [group.frauds if frauds else group.payments for group in found]

    def largest(self, number: int, frauds: bool = False) -> list[tuple[Any, Group]]:
        """The groups with the most payments, or frauds, most first; nulls are left out."""
        size = 1 if frauds else 0
        known = [(value, group) for value, group in self.groups.items() if value is not None and group[size]]
        return sorted(known, key=lambda item: (-item[1][size], item[0]))[:number]


@dataclass(frozen=True)
class Summary:
    """What a day's rows add up to.

    Args:
        breakdowns: those whose columns the contract has, by name. `hour` and `local_hour` are 0 … 23, `amount` is a bin
            of `DOLLAR_EDGES` (None without a rate), `cell` a cell of the map, and `country` and `mcc` are codes.
    """

    totals: Totals
    breakdowns: Mapping[str, Breakdown]


def columns_read(schema: TransactionSchema) -> list[str]:
    """The columns of the contract that a summary is made from."""
    return [name for name in (schema.event_time, *_OTHER_COLUMNS) if name in schema]


def summarise(schema: TransactionSchema, parts: Iterable[pl.LazyFrame]) -> Summary:
    """The summary of rows that have the contract's columns, or those of `columns_read`, in one or more parts."""
    values = _values(schema)
    found = [
        pl.collect_all([_total(schema, rows), *(_groups(schema, rows, value) for value in values.values())])
        for rows in parts
    ]
    totals, *groups = zip(*found, strict=True)
    return Summary(
        _join_totals(schema, totals), {name: _join_groups(tables) for name, tables in zip(values, groups, strict=True)}
    )


def total(schema: TransactionSchema, parts: Iterable[pl.LazyFrame]) -> Totals:
    """The totals alone of what `summarise` takes."""
    return _join_totals(schema, [_total(schema, rows).collect() for rows in parts])


def _total(schema: TransactionSchema, rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.with_columns(dollars=_dollars(schema)).select(
        payments=pl.len().cast(pl.Int64),
        frauds=_frauds(schema),
        converted=pl.col("dollars").is_not_null().sum().cast(pl.Int64),
        # Whole cents: a sum of doubles would depend on the order in which they are added.
        cents=(pl.col("dollars") * 100).round().cast(pl.Int64).sum(),
    )


def _join_totals(schema: TransactionSchema, parts: Sequence[pl.DataFrame]) -> Totals:
    found = pl.concat(parts).sum().row(0, named=True)
    return Totals(**found | {"frauds": found["frauds"] if _has_label(schema) else None})


def _groups(schema: TransactionSchema, rows: pl.LazyFrame, value: pl.Expr) -> pl.LazyFrame:
    groups = rows.with_columns(dollars=_dollars(schema)).group_by(value.alias("value"))
    return groups.agg(payments=pl.len().cast(pl.Int64), frauds=_frauds(schema)).with_columns(
        # After the grouping, because grouping by an enum is faster than by its texts.
        cs.by_dtype(pl.Categorical, pl.Enum).cast(pl.String)
    )


def _join_groups(parts: Sequence[pl.DataFrame]) -> Breakdown:
    joined = pl.concat(parts).group_by("value").sum().sort("value")
    return Breakdown({value: Group(payments, frauds) for value, payments, frauds in joined.rows()})


def cell_centre(cell: int) -> tuple[float, float]:
    """The latitude and longitude of the middle of a cell of the map, in degrees."""
    row, column = divmod(cell, CELLS_A_ROW)
    return (row + 0.5) * CELL_DEGREES - 90, (column + 0.5) * CELL_DEGREES - 180


def cities_by_cell() -> dict[int, list[str]]:
    """The cities of the realistic world in each cell of the map, the largest first."""
    cities = pl.DataFrame(CITIES, schema=list(City._fields), orient="row")
    cells = cities.sort("millions", descending=True).group_by(
        cell_of(pl.col("latitude"), pl.col("longitude")).alias("cell"), maintain_order=True
    )
    return dict(cells.agg("name").rows())


def cell_of(latitude: pl.Expr, longitude: pl.Expr) -> pl.Expr:
    """The number of the map's cell in which a position lies."""
    row = ((latitude + 90) / CELL_DEGREES).floor().clip(0, _LAST_ROW)
    column = ((longitude + 180) / CELL_DEGREES).floor().clip(0, CELLS_A_ROW - 1)
    return (row * CELLS_A_ROW + column).cast(pl.Int64)


def _values(schema: TransactionSchema) -> dict[str, pl.Expr]:
    """What each breakdown groups by, of those whose columns the contract has in a dtype that can be grouped."""
    values: dict[str, pl.Expr] = {}
    if _counts_as(schema, schema.event_time, "hours"):
        # Arithmetic takes half the time of the calendar's functions.
        minute = pl.col(schema.event_time).dt.epoch("ms") // 60_000
        values["hour"] = minute // 60 % 24
        if "local_time_offset" in schema and schema["local_time_offset"].dtype == "int":
            values["local_hour"] = (minute + pl.col("local_time_offset")) // 60 % 24
    if _has_dollars(schema):
        dollars = pl.col("dollars")
        edges = pl.lit(pl.Series(DOLLAR_EDGES, dtype=pl.Float64))
        values["amount"] = pl.when(dollars.is_not_null()).then(edges.search_sorted(dollars, side="right"))
    if all(_counts_as(schema, name, "amounts") for name in ("latitude", "longitude")):
        values["cell"] = cell_of(pl.col("latitude").cast(pl.Float64), pl.col("longitude").cast(pl.Float64))
    columns = {"country": "merchant_country", "mcc": "mcc_code"}
    return values | {name: pl.col(column) for name, column in columns.items() if column in schema}


def _dollars(schema: TransactionSchema) -> pl.Expr:
    if not _has_dollars(schema):
        return pl.lit(None, pl.Float64)
    currency = pl.col("currency_code").cast(pl.String)
    return pl.col("amount").cast(pl.Float64) / currency.replace_strict(
        PER_DOLLAR, default=None, return_dtype=pl.Float64
    )


def _frauds(schema: TransactionSchema) -> pl.Expr:
    return pl.col("label_fraud").sum().cast(pl.Int64) if _has_label(schema) else pl.lit(0, pl.Int64)


def _has_dollars(schema: TransactionSchema) -> bool:
    return _counts_as(schema, "amount", "amounts") and "currency_code" in schema


def _has_label(schema: TransactionSchema) -> bool:
    return _counts_as(schema, "label_fraud", "flags")


def _counts_as(schema: TransactionSchema, name: str, part: str) -> bool:
    return name in schema and schema[name].meaning.counted == part
