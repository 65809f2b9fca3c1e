"""All that a dtype of the contract means, in one table: a new dtype is one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import polars as pl

TimeUnit = Literal["ns", "us", "ms"]
DEFAULT_UNIT: TimeUnit = "ns"
DEFAULT_SCALE = 2
"""Decimals of a decimal: those of most currencies (ISO 4217)."""
MAX_SCALE = 9
PRECISION = 18
"""Digits of a decimal: as many as 64 bits hold, so that every reader knows the type."""

Counted = Literal["amounts", "hours", "flags"]


class Options(Protocol):
    """What a field of the contract says beside its dtype."""

    @property
    def enum(self) -> tuple[str, ...]: ...
    @property
    def unit(self) -> TimeUnit: ...
    @property
    def scale(self) -> int: ...


@dataclass(frozen=True)
class Dtype:
    """What a dtype of the contract means.

    Args:
        polars: the Polars type of a field; Polars's own mapping gives the Arrow type.
        option: the key that a field of this dtype may have beside the common ones.
        label: how screens name the type of a field with this option.
        compact_encoding: the Parquet encoding of compact files where no dictionary pays. Lengths apart from the text
            cost Snappy a third less time than lengths in between, and readers a quarter; differences of times and ids
            take half the bytes.
        ordered: whether readers filter by ranges of it, so that statistics pay even where no value repeats.
        counted: the part of `Counts` that its values go to, beside the nulls.
    """

    polars: Callable[[Options], pl.DataType]
    option: str | None = None
    label: Callable[[Options], str] | None = None
    compact_encoding: str = "PLAIN"
    ordered: bool = True
    counted: Counted | None = None


DTYPES: dict[str, Dtype] = {
    "int": Dtype(lambda _: pl.Int64(), compact_encoding="DELTA_BINARY_PACKED"),
    "float": Dtype(lambda _: pl.Float64(), counted="amounts"),
    "decimal": Dtype(
        lambda field: pl.Decimal(PRECISION, field.scale),
        option="scale",
        label=lambda field: f"decimal({PRECISION}, {field.scale})",
        counted="amounts",
    ),
    "string": Dtype(lambda _: pl.String(), compact_encoding="DELTA_LENGTH_BYTE_ARRAY", ordered=False),
    "bool": Dtype(lambda _: pl.Boolean(), counted="flags"),
    "date": Dtype(lambda _: pl.Date()),
    "datetime": Dtype(
        lambda field: pl.Datetime(field.unit, "UTC"),
        option="unit",
        label=lambda field: "datetime" if field.unit == DEFAULT_UNIT else f"datetime ({field.unit})",
        compact_encoding="DELTA_BINARY_PACKED",
        counted="hours",
    ),
    "enum": Dtype(lambda field: pl.Enum(field.enum), option="enum"),
}

UNRECOGNISED = DTYPES["string"]
"""What any other dtype becomes, as a nullable column."""
