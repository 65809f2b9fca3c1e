"""The plan of one day: with the schema, the only input of the generator."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from synth_assets.generator.errors import GeneratorError

Rate = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Compression = Literal["snappy", "zstd", "lz4", "none"]
Encodings = Literal["portable", "compact"]
ProfileName = Literal["uniform", "realistic"]
Difficulty = Literal["easy", "medium", "hard"]
Volume = Literal["constant", "calendar"]

MAX_ROWS = 10_000_000_000
MAX_ROW_GROUPS = 32_767
"""Row groups carry a 16-bit ordinal in Parquet's format (parquet.thrift, RowGroup.ordinal)."""
MAX_ROWS_A_GROUP = 2**26
"""PyArrow writes no larger row group: it would cut a chunk in two."""

PLAIN_WORDS = {
    "Input should be": "must be",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
}
"""Pydantic's words for what is wrong with a value, and ours."""

TENTHS = 10
"""Equal parts of a day's rows, in each of which fraud is as frequent as in the day."""

EARLIEST_DAY = dt.date(1679, 1, 1)
LATEST_DAY = dt.date(2261, 12, 31)
"""Nanosecond timestamps reach from 1677 to 2262; a window may be a year long."""


class PlanError(GeneratorError):
    """The plan cannot be carried out."""


@dataclass(frozen=True)
class OnlyIn:
    """Marks a setting that has a meaning in some profiles only.

    In the others it keeps its default, and is no part of a file's plan.
    """

    profiles: tuple[ProfileName, ...]


class PlanSettings(BaseModel):
    """What a user may set for a day of payments; the day itself comes from the partition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(
        default=1_000_000,
        ge=1,
        le=MAX_ROWS,
        description="Payments in the day, 1 to 10,000,000,000; with volume calendar, in a year's mean day.",
    )
    chunk_size: int = Field(
        default=100_000,
        ge=1,
        le=MAX_ROWS,
        description="Rows held in memory at once, and in one Parquet row group; at least 1. Never changes a value.",
    )
    fraud_rate: Rate = Field(
        default=0.003,
        description="Probability that a payment is fraud, 0 to 1; in the uniform profile per row and independently.",
    )
    null_mcc_rate: Rate = Field(default=0.05, description="Probability that mcc_code is null, 0 to 1.")
    null_device_rate: Rate = Field(default=0.08, description="Probability that device_id is null, 0 to 1.")
    null_geo_rate: Rate = Field(
        default=0.01, description="Probability that latitude and longitude are null, as a pair, 0 to 1."
    )
    timezone_offset: Annotated[int, OnlyIn(("uniform",))] = Field(
        default=-60,
        ge=-720,
        le=840,
        description="Minutes from UTC, -720 to 840, written to local_time_offset in every row.",
    )
    lookback_days: int = Field(
        default=1,
        ge=1,
        le=366,
        description="Days in the window of event times, 1 to 366. It ends with the partition's day. 1: that day alone.",
    )
    seed: int = Field(
        default=42,
        ge=0,
        le=2**63 - 1,
        description="Seed of every random stream, 0 or more. Same seed, plan and schema: same bytes.",
    )
    compression: Compression = Field(default="snappy", description="Parquet codec: snappy, zstd, lz4 or none.")
    encodings: Encodings = Field(
        default="portable",
        description="Parquet encodings. portable: plain and dictionary encodings only, which every reader supports. "
        "compact: delta encodings as well, for smaller files that some older readers cannot read.",
    )
    profile: ProfileName = Field(
        default="uniform",
        description="How values are drawn. uniform: independently, per column. "
        "realistic: from one world of customers, cards and merchants, with fraud that follows scenarios.",
    )
    difficulty: Annotated[Difficulty, OnlyIn(("realistic",))] = Field(
        default="medium", description="How hard fraud is to detect in the realistic profile: easy, medium or hard."
    )
    customers: Annotated[int, OnlyIn(("realistic",))] = Field(
        default=600_000,
        ge=1_000,
        le=990_000,
        description="Customer numbers in the world of the realistic profile, 1,000 to 990,000. "
        "About nine of ten are held on a day.",
    )
    volume: Annotated[Volume, OnlyIn(("realistic",))] = Field(
        default="constant",
        description="How many payments a day of the realistic profile has. constant: every day as many. "
        "calendar: by weekday, season, paydays and the public holidays of the customers' countries.",
    )


FOREIGN_SETTINGS: dict[ProfileName, tuple[str, ...]] = {
    profile: tuple(
        name
        for name, setting in PlanSettings.model_fields.items()
        if any(isinstance(mark, OnlyIn) and profile not in mark.profiles for mark in setting.metadata)
    )
    for profile in get_args(ProfileName)
}
"""By profile, the settings that have no meaning in it."""


class GenerationPlan(PlanSettings):
    """One day, fully decided; `rows` are the day's own. Equal plans (and schemas) give equal bytes."""

    day: dt.date = Field(description="The partition's day (UTC).")
    mean_rows: int | None = Field(
        default=None, ge=1, le=MAX_ROWS, description="Payments in a year's mean day; None where all days have as many."
    )

    @model_validator(mode="after")
    def _settings_are_of_the_profile(self) -> GenerationPlan:
        for name in FOREIGN_SETTINGS[self.profile]:
            default = type(self).model_fields[name].default
            if getattr(self, name) != default:
                raise PydanticCustomError(
                    "foreign_setting",
                    f"{name} has no effect in the {self.profile} profile: leave it at {default}, or change the profile",
                )
        if self.volume == "constant" and self.mean_rows is not None:
            raise PydanticCustomError("foreign_setting", "mean_rows has no effect where volume is constant")
        return self

    @model_serializer(mode="wrap")
    def _without_foreign_settings(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A plan of constant volume says what it has always said.
        of_calendar = ("volume", "mean_rows") if self.volume == "constant" else ()
        unsaid = {*FOREIGN_SETTINGS[self.profile], *of_calendar}
        return {name: value for name, value in serialize(self).items() if name not in unsaid}

    @classmethod
    def of(cls, **settings: Any) -> GenerationPlan:
        """Build a plan from the settings of a day, or from what the plan in a footer says.

        With `volume: calendar`, `rows` of settings are those of the mean day. A footer's plan has the `mean_rows` too,
        and its `rows` are taken as they are: the file says how many it has, whatever this installation's holidays.

        Raises:
            PlanError: a setting out of its bounds, of the wrong type or unknown, a day that nanosecond
                timestamps cannot hold, more row groups than a Parquet file can number, or larger ones than a
                writer makes. The message says which setting, what it must be, and what it was.
        """
        try:
            plan = cls(**settings)
        except ValidationError as error:
            raise PlanError(describe_faults(error)) from error
        if not EARLIEST_DAY <= plan.day <= LATEST_DAY:
            raise PlanError(f"day {plan.day} is outside {EARLIEST_DAY} to {LATEST_DAY}. Choose a day in that range.")
        if plan.volume == "calendar" and plan.mean_rows is None:
            plan = plan.model_copy(update={"mean_rows": plan.rows}).on(plan.day)
        plan._check_size()
        return plan

    def on(self, day: dt.date) -> GenerationPlan:
        """The plan of a day by the same settings, with the day's own rows by the holidays that are known here."""
        rows = self.rows
        if self.mean_rows is not None:
            # Only here, so that plans of constant volume do without what it takes to know a calendar.
            from synth_assets.generator.realistic.volume import rows_on

            rows = rows_on(day, self.mean_rows, self.lookback_days)
        return self.model_copy(update={"day": day, "rows": rows})

    def _check_size(self) -> None:
        if self.rows > MAX_ROWS:
            raise PlanError(f"{self.day} has {self.rows:,} rows by the calendar, of at most {MAX_ROWS:,}. Lower rows.")
        if self.row_groups > MAX_ROW_GROUPS:
            raise PlanError(
                f"chunk_size {self.chunk_size:,} splits {self.rows:,} rows into {self.row_groups:,} row groups, but a "
                f"Parquet file has at most {MAX_ROW_GROUPS:,}. Use a chunk_size of at least "
                f"{-(-self.rows // MAX_ROW_GROUPS):,}."
            )
        if min(self.rows, self.chunk_size) > MAX_ROWS_A_GROUP:
            raise PlanError(
                f"chunk_size {self.chunk_size:,} makes row groups of more than {MAX_ROWS_A_GROUP:,} rows. "
                f"Use a chunk_size of at most {MAX_ROWS_A_GROUP:,}."
            )

    @property
    def row_groups(self) -> int:
        """The number of row groups, each of `chunk_size` rows; the last may have fewer."""
        return -(-self.rows // self.chunk_size)

    @property
    def window(self) -> tuple[dt.datetime, dt.datetime]:
        """The event times' window: from its first moment to the first moment after it, in UTC."""
        midnight = dt.datetime.combine(self.day, dt.time(), dt.UTC)
        return midnight - dt.timedelta(days=self.lookback_days - 1), midnight + dt.timedelta(days=1)


def describe_faults(error: ValidationError, spelt: Callable[[str], str] = str) -> str:
    """Every fault of a rejected plan in one line: "fraud_rate must be at most 1 (got 2.0)".

    `spelt` gives each setting the name that its user knows.
    """
    return "; ".join(_describe_fault(fault, spelt) for fault in error.errors())


def _describe_fault(fault: ErrorDetails, spelt: Callable[[str], str]) -> str:
    if not fault["loc"]:
        return fault["msg"]
    name = spelt(".".join(map(str, fault["loc"])))
    if fault["type"] == "extra_forbidden":
        return f"{name} is not a setting. Choose from: {', '.join(PlanSettings.model_fields)}"
    if fault["type"] == "missing":
        return f"{name} is missing"
    # Pydantic's own explanation of what it could not parse repeats what it got.
    message = re.sub(r", (unable to parse|got a number) .*", "", fault["msg"])
    for theirs, ours in PLAIN_WORDS.items():
        message = message.replace(theirs, ours)
    return f"{name} {message} (got {fault['input']!r})"
