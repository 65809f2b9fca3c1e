"""What a model learns, and what it must not be able to learn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl

from benchmarks.realism import days
from benchmarks.realism.features import AMOUNT, HISTORY, ROW, with_features
from benchmarks.realism.learning import USUAL, Auc, Days, Split, recall, thinned
from benchmarks.realism.relations import with_relations
from benchmarks.realism.report import Measure, between, coin_toss, told
from synth_assets.generator.binomial import binomial_bounds
from synth_assets.generator.proportions import FALSE_ALARM_RATE
from synth_assets.generator.realistic.world import World
from synth_assets.generator.streams import BLOCK_ROWS

WITH_HISTORY = {"easy": (0.95, 0.99), "medium": (0.86, 0.95), "hard": (0.74, 0.87)}
FALSE_POSITIVES = 0.01


def split_of(payments: pl.DataFrame, setting: days.Setting, spans: Days = USUAL) -> Split:
    """The payments of training and of testing, with their features."""
    start, middle, end = (
        days.FIRST_DAY + dt.timedelta(days=each) for each in (spans.history, spans.history + spans.training, sum(spans))
    )
    made = with_features(payments.filter(pl.col("day") < end), middle - dt.timedelta(days=1))
    judged = thinned(made.select("day", "row", "label_fraud").filter(pl.col("day") >= start))
    related = with_relations(
        made, judged.drop("label_fraud"), World.of(setting.seed, setting.plan(days.FIRST_DAY).customers)
    )
    return Split.of(related.sort("card", "event_time", "day", "row"), days.FIRST_DAY, spans)


def learned(split: Split, difficulty: str, events: pl.DataFrame) -> Iterator[Measure]:
    """The AUC of the row alone, with history, of the amount alone; what is caught, by scenario."""
    medium = difficulty == "medium"
    row, scores = split.auc(split.scores(ROW)), split.scores((*ROW, *HISTORY))
    history, lift = split.auc(scores), split.lift(scores)
    name = f"AUC, {difficulty}, row alone"
    yield between(name, 0.70, 0.87, row.value, str(row)) if medium else told(name, row)
    yield between(f"AUC, {difficulty}, with card history", *WITH_HISTORY[difficulty], history.value, str(history))
    gain, name = history.value - row.value, f"history over row, {difficulty}"
    yield Measure(name, "at least 0.04", f"{gain:.3f}", gain >= 0.04) if medium else told(name, f"{gain:.3f}")
    name = f"average precision over base rate, {difficulty}"
    yield between(name, 10, 60, lift, f"{lift:.1f}×") if medium else told(name, f"{lift:.1f}×")
    amount = split.auc(split.scores(AMOUNT, iterations=80))
    yield Measure(f"AUC, {difficulty}, amount alone", "at most 0.70", str(amount), amount.value <= 0.70)
    for scenario, share, frauds in recall(scores, split.test, events, FALSE_POSITIVES).iter_rows():
        name, text = f"recall at 1 % false positives, {difficulty}, {scenario}", f"{share:.2f} of {frauds}"
        yield between(name, 0.1, 0.9, share, text) if medium else told(name, text)


def unlearnable(split: Split) -> Iterator[Measure]:
    """Ids, digits, places in the file and nulls, each alone; and shuffled labels."""
    for name, columns in PROBES.items():
        yield coin_toss(f"AUC of {name} alone", _alone(split, columns))
    shuffled = split.shuffled()
    yield coin_toss("AUC, row and history, shuffled labels", shuffled.auc(shuffled.scores((*ROW, *HISTORY))))
    online = Split(*(frame.filter(pl.col("ip_address").is_not_null()) for frame in (split.training, split.test)))
    for name in ("device_id, as a number", "device_id's 32 digits"):
        yield told(f"AUC of {name} alone, on line", _alone(online, PROBES[name]))
    yield told("AUC of merchant_id alone, as a number", split.auc(split.scores(["merchant_id"], iterations=80)))
    yield told("AUC of the merchant's frauds in the days of training", _merchants_past(split))


def uniform(split: Split) -> Iterator[Measure]:
    yield coin_toss("AUC, uniform profile, row alone", split.auc(split.scores(ROW)))
    yield coin_toss("AUC, uniform profile, with card history", split.auc(split.scores((*ROW, *HISTORY))))


def company(payments: pl.DataFrame) -> Measure:
    """How many days of a card that hold a fraud hold a legitimate payment as well."""
    fraud = pl.col("label_fraud")
    card_days = payments.group_by("card_pan_hash", "day").agg(fraud=fraud.any(), mixed=fraud.any() & ~fraud.all())
    frauds = card_days.filter("fraud")
    mixed = frauds["mixed"].mean()
    return Measure(
        "fraud card-days that also hold legitimate payments",
        "at least half",
        f"{mixed:.1%} of {len(frauds):,}",
        mixed >= 0.5,
    )


def prevalence(payments: pl.DataFrame, fraud_rate: float) -> Measure:
    """How many days have more or fewer frauds than the binomial law allows."""
    counts = payments.group_by("day").agg(rows=pl.len(), frauds=pl.col("label_fraud").sum()).sort("day")
    outside = [
        day
        for day, rows, frauds in counts.iter_rows()
        if not (bounds := binomial_bounds(rows, fraud_rate, FALSE_ALARM_RATE))[0] <= frauds <= bounds[1]
    ]
    found = f"{counts['frauds'].min()}–{counts['frauds'].max()} a day, {len(outside)} of {len(counts)} days outside"
    return Measure("frauds a day within binomial bounds", "every day", found, not outside)


def _hex(name: str, place: int, digits: int) -> pl.Expr:
    text = pl.col(name).str.replace_all("-", "").str.slice(place, digits)
    return text.str.to_integer(base=16).alias(f"{name}_{place}")


def _digits(name: str, count: int) -> list[pl.Expr]:
    return [_hex(name, place, 1) for place in range(count)]


PROBES: dict[str, list[pl.Expr]] = {
    "transaction_id, as a number": [_hex("transaction_id", 0, 12)],
    "transaction_id's 32 digits": _digits("transaction_id", 32),
    "customer_id": [pl.col("customer_id")],
    "device_id, as a number": [_hex("device_id", 0, 12)],
    "device_id's 32 digits": _digits("device_id", 32),
    "card_pan_hash, as a number": [_hex("card_pan_hash", 0, 12)],
    "card_pan_hash's 64 digits": _digits("card_pan_hash", 64),
    "row number": [pl.col("row")],
    "chunk number (tenths of the file)": [pl.col("row") * 10 // (pl.col("row").max() + 1)],
    "block, and place in it": [(pl.col("row") // BLOCK_ROWS).alias("block"), pl.col("row") % BLOCK_ROWS],
    "milliseconds of event_time": [pl.col("event_time").dt.millisecond()],
    "nulls (mcc_code, device_id, coordinates)": [
        pl.col(name).is_null() for name in ("mcc_code", "device_id", "latitude")
    ],
}
"""Columns from which nothing should be learned. The nulls of ip_address and user_agent are the channel, by contract."""


def _alone(split: Split, columns: list[pl.Expr]) -> Auc:
    alone = Split(*(frame.select("label_fraud", "card", *columns) for frame in (split.training, split.test)))
    return alone.auc(alone.scores(alone.training.columns[2:], iterations=80))


def _merchants_past(split: Split) -> Auc:
    """With the share of frauds that a merchant had while the model was trained, drawn to the mean where it had few."""
    training = split.training
    rate = training["label_fraud"].mean()
    past = training.group_by("merchant_id").agg(share=(pl.col("label_fraud").sum() + 20 * rate) / (pl.len() + 20))
    known = split.test.join(past, on="merchant_id", how="left", maintain_order="left")
    return split.auc(known["share"].fill_null(rate).to_numpy())
