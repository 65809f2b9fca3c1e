"""Features of a payment: from its own row, and from what its card did before.

Nothing here looks at a label, at an id's text or at a later payment.
"""

from __future__ import annotations

import datetime as dt

import polars as pl

ROW = (
    "amount", "value", "currency_code", "merchant_country", "mcc_code", "channel", "pos_entry_mode", "device_type",
    "card_scheme", "local_hour", "weekday", "is_recurring", "latitude", "longitude", "months_to_expiry",
)  # fmt: skip
CATEGORIES = (
    "currency_code", "merchant_country", "mcc_code", "channel", "pos_entry_mode", "device_type", "card_scheme",
)  # fmt: skip
AMOUNT = ("amount", "value")

WINDOWS = (1, 24, 168)
"""Hours."""
MEMORY = dt.timedelta(days=7)
"""Nothing older is looked at, so that the first and the last of the days have as much history."""
_KEYS = ("merchant_id", "merchant_country", "mcc_code", "channel", "device_id")
HISTORY = (
    *(f"{name}_{hours}h" for hours in WINDOWS for name in ("count", "sum", "mean", "max")),
    *(f"{name}_24h" for name in ("merchants", "countries")),
    *(f"hours_since_{key}" for key in _KEYS),
    "hours_since_any", "value_to_mean", "value_to_max", "km_from_last", "km_from_terminal", "km_an_hour",
)  # fmt: skip


def with_features(payments: pl.DataFrame, last_training_day: dt.date) -> pl.DataFrame:
    """The payments in the order of card and time, with the columns ROW and HISTORY. Categories are their numbers.

    value: the amount over its currency's median, which is taken from the days up to `last_training_day`.
    """
    medians = (
        payments.filter(pl.col("day") <= last_training_day)
        .group_by("currency_code")
        .agg(median=pl.col("amount").median())
    )
    local = pl.col("event_time") + pl.duration(minutes="local_time_offset")
    months = (pl.col("card_exp_year") - local.dt.year()) * 12 + pl.col("card_exp_month") - local.dt.month()
    ordered = (
        payments.join(medians, on="currency_code", how="left", maintain_order="left")
        .with_columns(
            value=pl.col("amount") / pl.col("median"),
            local_hour=local.dt.hour() + local.dt.minute() / 60,
            weekday=local.dt.weekday(),
            months_to_expiry=months,
            card=pl.col("card_pan_hash").rank("dense"),
        )
        .sort("card", "event_time", "day", "row")
    )
    return with_history(ordered).with_columns(_numbered(ordered[name]) for name in CATEGORIES)


def _numbered(category: pl.Series) -> pl.Series:
    text = category.cast(pl.String)
    return text.cast(pl.Enum(text.unique().drop_nulls().sort())).to_physical()


def with_history(ordered: pl.DataFrame) -> pl.DataFrame:
    """Add the columns HISTORY to payments in the order of card and time."""
    windows = [ordered, *(_window(ordered, hours) for hours in WINDOWS)]
    return pl.concat(windows, how="horizontal").with_columns(
        *(_hours_since(ordered, "card", key).alias(f"hours_since_{key}") for key in _KEYS),
        _hours_since(ordered, "card").alias("hours_since_any"),
        value_to_mean=pl.col("value") / pl.col("mean_168h"),
        value_to_max=pl.col("value") / pl.col("max_168h"),
        km_from_last=_km_from_last(),
        **_from_terminal(),
    )


def _hours_since(ordered: pl.DataFrame, *key: str) -> pl.Series:
    """How long ago the last payment with the same key was. Null where there is none in MEMORY, or the key is null."""
    # Sorted, each payment follows the last one with its key: faster than a group for each key.
    keyed = (
        ordered.select(pl.col(key).is_not_null().name.suffix("_known"), pl.col(key).hash(), "event_time")
        .with_row_index("position")
        .sort(*key, "position")
    )
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in key)
    known = pl.all_horizontal(f"{name}_known" for name in key)
    gap = pl.col("event_time").diff()
    hours = pl.when(same & known & (gap <= MEMORY)).then(gap.dt.total_milliseconds() / 3_600_000)
    return keyed.select("position", hours=hours).sort("position")["hours"]


def _window(ordered: pl.DataFrame, hours: int) -> pl.DataFrame:
    """What the card did in the hours before each payment, without the payment itself."""
    value = pl.col("value")
    figures = {"count": pl.len(), "sum": value.sum(), "mean": value.mean(), "max": value.max()}
    if hours == 24:
        figures |= {"merchants": pl.col("merchant_id").n_unique(), "countries": pl.col("merchant_country").n_unique()}
    # One card after the other on one axis, further apart than a window is long: faster than a group for each card.
    milliseconds = (pl.col("event_time") - pl.col("event_time").min()).dt.total_milliseconds()
    axis = pl.col("card").cast(pl.Int64) * (milliseconds.max() + hours * 3_600_000 + 1) + milliseconds
    return (
        ordered.with_columns(axis=axis)
        .rolling("axis", period=f"{hours * 3_600_000}i", closed="left")
        .agg(**figures)
        .select(pl.col(name).alias(f"{name}_{hours}h") for name in figures)
    )


def _km_from_last() -> pl.Expr:
    """The great-circle distance to the card's last payment."""
    same = pl.col("card") == pl.col("card").shift(1)
    return pl.when(same).then(_kilometres(pl.col("latitude").shift(1), pl.col("longitude").shift(1)))


def _from_terminal() -> dict[str, pl.Expr]:
    """The distance between a payment at a terminal and the card's last one, in km, and how fast the card went."""
    at_terminal = (pl.col("channel").cast(pl.String) != "ONLINE") & pl.col("latitude").is_not_null()
    card, moment, north, east = (
        pl.when(at_terminal).then(pl.col(name)).forward_fill().shift(1)
        for name in ("card", "event_time", "latitude", "longitude")
    )
    gap = pl.col("event_time") - moment
    follows = at_terminal & (card == pl.col("card")) & (gap <= MEMORY)
    km = pl.when(follows).then(_kilometres(north, east))
    # Two payments within the same minutes would make any two tills of a city look far apart.
    hours = gap.dt.total_milliseconds() / 3_600_000
    return {"km_from_terminal": km, "km_an_hour": km / pl.max_horizontal(hours, 0.25)}


def _kilometres(latitude: pl.Expr, longitude: pl.Expr) -> pl.Expr:
    """The great-circle distance between the payment and a position in degrees."""
    north, east = pl.col("latitude").radians(), pl.col("longitude").radians()
    half = ((north - latitude.radians()) / 2).sin() ** 2
    half += north.cos() * latitude.radians().cos() * ((east - longitude.radians()) / 2).sin() ** 2
    return 2 * 6371 * half.clip(0, 1).sqrt().arcsin()
