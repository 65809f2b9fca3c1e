"""The measuring of realism itself: on payments whose answers are known."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.realism.features import HISTORY, MEMORY, with_features
from benchmarks.realism.learning import auc

START = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def some_payments(count: int) -> pl.DataFrame:
    """Payments of a few cards at a few merchants in twelve days, in the order of the file."""
    random = np.random.default_rng(5)

    def one_of(*values: Any) -> list[Any]:
        return [values[index] for index in random.integers(0, len(values), count)]

    times = sorted(START + dt.timedelta(minutes=int(each)) for each in random.integers(0, 12 * 24 * 60, count))
    return pl.DataFrame(
        {
            "row": pl.Series(range(count), dtype=pl.UInt32),
            "day": [each.date() for each in times],
            "event_time": pl.Series(times, dtype=pl.Datetime("ns", "UTC")),
            "local_time_offset": one_of(-60, 120),
            "amount": random.integers(1, 500, count).astype(float),
            "currency_code": one_of("EUR", "JPY"),
            "card_pan_hash": one_of(*"abcdef"),
            "card_scheme": one_of("VISA", "AMEX"),
            "card_exp_year": one_of(2026, 2027),
            "card_exp_month": one_of(4, 11),
            "merchant_id": one_of(1, 2, 3, 4, 5),
            "merchant_country": one_of("DE", "FR"),
            "mcc_code": one_of("5411", "5812", None),
            "channel": one_of("ONLINE", "IN_STORE"),
            "pos_entry_mode": one_of("ECOM", "CHIP"),
            "device_type": one_of("WEB", "POS"),
            "device_id": one_of("x", "y", None),
            "latitude": one_of(52.5, 48.9, None),
            "longitude": one_of(13.4, 2.4),
            "is_recurring": one_of(True, False),
        }
    )


def looked_up(payment: dict[str, Any], earlier: list[dict[str, Any]]) -> dict[str, Any]:
    """The history of a payment, one earlier payment of its card at a time."""

    def within(hours: float) -> list[dict[str, Any]]:
        least = payment["event_time"] - dt.timedelta(hours=hours)
        return [each for each in earlier if least <= each["event_time"] < payment["event_time"]]

    def hours_since(name: str | None) -> float | None:
        same = [each for each in earlier if name is None or (payment[name] is not None and each[name] == payment[name])]
        gap = payment["event_time"] - same[-1]["event_time"] if same else None
        return gap.total_seconds() / 3600 if gap is not None and gap <= MEMORY else None

    found: dict[str, Any] = {}
    for hours in (1, 24, 168):
        values = [each["value"] for each in within(hours)]
        found[f"count_{hours}h"] = len(values)
        found[f"sum_{hours}h"] = sum(values)
        found[f"mean_{hours}h"] = sum(values) / len(values) if values else None
        found[f"max_{hours}h"] = max(values, default=None)
    found["merchants_24h"] = len({each["merchant_id"] for each in within(24)})
    found["countries_24h"] = len({each["merchant_country"] for each in within(24)})
    for name in ("merchant_id", "merchant_country", "mcc_code", "channel", "device_id"):
        found[f"hours_since_{name}"] = hours_since(name)
    found["hours_since_any"] = hours_since(None)
    for name in ("mean", "max"):
        last = found[f"{name}_168h"]
        found[f"value_to_{name}"] = payment["value"] / last if last else None
    places = [(each["latitude"], each["longitude"]) for each in (earlier[-1:] or [{"latitude": None, "longitude": 0}])]
    found["km_from_last"] = kilometres(places[0], (payment["latitude"], payment["longitude"]))
    return found


def kilometres(one: tuple[float | None, float], other: tuple[float | None, float]) -> float | None:
    if one[0] is None or other[0] is None:
        return None
    (a, b), (c, d) = (map(math.radians, each) for each in (one, other))
    return 6371 * math.acos(min(1.0, math.sin(a) * math.sin(c) + math.cos(a) * math.cos(c) * math.cos(b - d)))


def test_a_payments_history_is_what_its_card_did_before() -> None:
    made = with_features(some_payments(400), last_training_day=START.date() + dt.timedelta(days=6))
    earlier: dict[str, list[dict[str, Any]]] = {}
    for payment in made.rows(named=True):
        before = earlier.setdefault(payment["card_pan_hash"], [])
        for name, expected in looked_up(payment, before).items():
            assert payment[name] == pytest.approx(expected, abs=1e-3), (name, payment["row"])
        before.append(payment)


def test_no_feature_of_a_payment_changes_with_what_comes_after() -> None:
    payments = some_payments(400)
    last = START.date() + dt.timedelta(days=6)
    whole, start = with_features(payments, last), with_features(payments.head(300), last)
    assert payments["day"][299] > last
    both = start.select("row", *HISTORY).join(whole.select("row", *HISTORY), on="row", suffix="_whole")
    for name in HISTORY:
        assert both[name].equals(both[f"{name}_whole"]), name


def test_the_auc_is_the_share_of_pairs_in_order() -> None:
    labels = np.array([False, True, False, True, True])
    scores = np.array([0.1, 0.2, 0.3, 0.3, 0.9])
    found = auc(scores, labels, pl.Series(["a", "b", "c", "d", "d"]))
    assert found.value == pytest.approx((0.5 + 0.75 + 1) / 3)
    assert found.error == pytest.approx(math.sqrt(0.25**2 + 0.25**2) / 3)
