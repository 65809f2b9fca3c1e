"""The measuring of realism itself: on payments whose answers are known."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import numpy as np
import polars as pl
import pytest

from benchmarks.realism import days, learnable, sweep, tricks
from benchmarks.realism.days import Setting
from benchmarks.realism.features import HISTORY, MEMORY, ROW, with_features
from benchmarks.realism.learning import USUAL, Days, auc
from benchmarks.realism.relations import MEMORY_HOURS, with_relations
from synth_assets.generator.realistic.world import World

ONLINE = 1
"""The number of the channel among the two of these payments, in the order of their names."""
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
    at_terminals = [each for each in earlier if each["channel"] != ONLINE and each["latitude"] is not None]
    found["km_from_terminal"] = found["km_an_hour"] = None
    if payment["channel"] != ONLINE and at_terminals:
        last, here = at_terminals[-1], (payment["latitude"], payment["longitude"])
        gap = payment["event_time"] - last["event_time"]
        if gap <= MEMORY and here[0] is not None:
            found["km_from_terminal"] = kilometres((last["latitude"], last["longitude"]), here)
            found["km_an_hour"] = found["km_from_terminal"] / max(gap.total_seconds() / 3600, 0.25)
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


def related_payments() -> pl.DataFrame:
    """Payments of a few customers with a few devices and addresses, all of which are judged."""
    count, random = 300, np.random.default_rng(6)
    world = World.of(1, 1_000)
    made = some_payments(count).with_columns(
        value=pl.col("amount"),
        customer_id=pl.Series(random.choice(world.customer_id[:6], count)),
        ip_address=pl.Series(random.choice(["9.8.7.6", "9.8.1.1", "5.4.3.2", ""], count)).replace("", None),
        device_type=pl.Series(["WEB"]).gather([0] * count),
    )
    return with_relations(made, made.select("day", "row"), world)


def test_what_a_payment_shares_with_others_is_what_was_there_before() -> None:
    made = related_payments().rows(named=True)
    for place, payment in enumerate(made):
        for key in ("device_id", "ip_address", "merchant_id"):
            for hours in (24, MEMORY_HOURS):
                expected = shared_before(made[:place], payment, key, hours)
                found = tuple(payment[f"{key}_{figure}_{hours}h"] for figure in ("count", "sum", "newcomers"))
                assert found == pytest.approx(expected), (key, hours, payment["row"])


def shared_before(
    earlier: list[dict[str, Any]], payment: dict[str, Any], key: str, hours: int
) -> tuple[float | None, float | None, float | None]:
    """The payments with the same key in the hours before: their number, their value, and how many were a first."""
    if payment[key] is None:
        return None, None, None

    def within(since: dt.datetime, upto: dt.datetime, hours: int) -> bool:
        return upto - dt.timedelta(hours=hours) <= since < upto

    same = [each for each in earlier if each[key] == payment[key]]
    here = [each for each in same if within(each["event_time"], payment["event_time"], hours)]
    firsts = [
        each
        for each in here
        if not any(
            other["customer_id"] == each["customer_id"]
            and other["event_time"] <= each["event_time"] <= other["event_time"] + dt.timedelta(hours=MEMORY_HOURS)
            for other in same[: same.index(each)]
        )
    ]
    return len(here), sum(each["value"] for each in here), len(firsts)


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


def test_the_sweep_meets_every_two_of_a_seed_a_world_and_a_size_once() -> None:
    chosen = sweep.settings("medium")
    pairs = {(each.seed, each.customers) for each in chosen} | {(each.seed, each.rows) for each in chosen}
    assert len(chosen) == 9
    assert len(pairs) == 18
    spans = [sweep.spans(each) for each in chosen]
    assert all(span.training * each.rows >= 400_000 or span == USUAL for span, each in zip(spans, chosen, strict=True))
    assert max(sum(span) * each.rows for span, each in zip(spans, chosen, strict=True)) < 6_000_000


@pytest.mark.parametrize("customers", [1_000, 60_000])
def test_what_cards_share_adds_to_their_history_in_small_worlds_and_in_large_ones(customers: int) -> None:
    setting, spans = Setting("realistic", "medium", 8_000, 1, customers), Days(3, 4, 3)
    plans = [setting.plan(day, fraud_rate=0.01) for day in days.dates(sum(spans))]
    split = learnable.split_of(days.payments(plans), setting, spans)
    card, found = (split.auc(split.scores(columns, 120)).value for columns in ((*ROW, *HISTORY), tricks.ALL))
    assert 0.84 < found < 0.97
    assert found > card + 0.005
