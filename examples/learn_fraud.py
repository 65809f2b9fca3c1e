"""Two weeks of payments, a model of fraud, and what it is worth.

Run from the project's folder, with the `dev` extra installed: python examples/learn_fraud.py [PAYMENTS A DAY]
"""

from __future__ import annotations

import datetime as dt
import sys
from typing import Any

import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

import synth_assets
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.realistic.answer_key import incidents
from synth_assets.generator.realistic.labels import label_events

FIRST_DAY = dt.date(2026, 3, 2)
# Ten days to learn from. On the eleventh the model is trained, and it is judged on that day and the three after it.
TODAY = FIRST_DAY + dt.timedelta(days=10)
DAYS = [FIRST_DAY + dt.timedelta(days=number) for number in range(14)]


# 1. Two weeks of payments. A day is a function of its plan, so a plan a day is all that it takes. A plan and its world
#    stay the same from day to day: the same customers with the same cards go to the same merchants.


def settings(profile: str, rows: int) -> dict[str, Any]:
    # Somewhat fewer customers than payments a day, so that a card pays about once a day.
    world = {"customers": max(1_000, rows * 6 // 10)} if profile == "realistic" else {}
    return {"profile": profile, "rows": rows, **world}


def payments(profile: str, rows: int) -> pl.DataFrame:
    return pl.concat(synth_assets.payments(day, **settings(profile, rows)) for day in DAYS)


# 2. What was known by then. Cardholders report a fraud after days or weeks, some never: a model that is trained with
#    every label knows more than anyone could. label_events says when each fraud became known.


def with_known_labels(made: pl.DataFrame, profile: str, rows: int) -> pl.DataFrame:
    if profile == "uniform":  # Its frauds have no causes, and nobody reports them: let all be known.
        return made.with_columns(known_fraud="label_fraud")
    plans = [GenerationPlan.of(day=day, **settings(profile, rows)) for day in DAYS]
    events = pl.concat(frame for plan in plans for frame in label_events(plan))
    midnight = dt.datetime.combine(TODAY, dt.time(), dt.UTC)
    known = events.filter(pl.col("known_at") < midnight)["transaction_id"]
    return made.with_columns(known_fraud=pl.col("transaction_id").is_in(known.implode()))


# 3. Features: the payment itself, and what its card did before. `closed="left"` leaves the payment itself out.

OWN = ["value", "channel", "pos_entry_mode", "device_type", "mcc_code", "local_hour"]
HISTORY = [
    "payments_1h",
    "payments_24h",
    "value_24h",
    "to_usual",
    "hours_since_last",
    "days_since_merchant",
    "days_since_device",
]
NEVER = 1_000


def with_features(made: pl.DataFrame) -> pl.DataFrame:
    def past(column: str, window: str, card: str = "card_pan_hash") -> pl.Expr:
        return pl.col(column).rolling_sum_by("event_time", window, closed="left").over(card).fill_null(0)

    gap = pl.col("event_time").diff()
    usual = past("value", "7d") / past("one", "7d")
    currency = pl.col("amount").filter(pl.col("event_time").dt.date() < TODAY).median().over("currency_code")
    return (
        made.sort("card_pan_hash", "event_time")
        .with_columns(one=1, value=pl.col("amount") / currency)
        .with_columns(
            local_hour=(pl.col("event_time") + pl.duration(minutes="local_time_offset")).dt.hour(),
            payments_1h=past("one", "1h"),
            payments_24h=past("one", "24h"),
            value_24h=past("value", "24h"),
            to_usual=pl.col("value") / usual.fill_nan(1),
            hours_since_last=(gap.over("card_pan_hash").dt.total_minutes() / 60).fill_null(NEVER),
            days_since_device=(gap.over("card_pan_hash", "device_id").dt.total_hours() / 24).fill_null(NEVER),
            days_since_merchant=(gap.over("card_pan_hash", "merchant_id").dt.total_hours() / 24).fill_null(NEVER),
        )
        # The model takes numbers; that of an enum's value is its place in the contract.
        .with_columns(pl.col("channel", "pos_entry_mode", "device_type", "mcc_code").to_physical())
        .filter(pl.col("event_time").dt.date() >= FIRST_DAY + dt.timedelta(days=3))  # until then, cards have no past
    )


# 4. Train on the days before today, with the labels that are known; judge on the days since, with the truth.


def judged(profile: str, rows: int) -> None:
    made = with_features(with_known_labels(payments(profile, rows), profile, rows))
    before = made.filter(pl.col("event_time").dt.date() < TODAY)
    since = made.filter(pl.col("event_time").dt.date() >= TODAY)
    truth, rate = since["label_fraud"].to_numpy(), since["label_fraud"].mean()
    print(f"\nThe {profile} profile, {rows:,} payments a day")
    print(f"  {before['known_fraud'].sum()} of {before['label_fraud'].sum()} earlier frauds are known on {TODAY}")
    for name, columns in (("the payment alone", OWN), ("with its card's history", OWN + HISTORY)):
        model = HistGradientBoostingClassifier(
            learning_rate=0.05, max_leaf_nodes=8, l2_regularization=1.0, early_stopping=False, random_state=0
        )
        model.fit(before.select(columns).cast(pl.Float64).to_numpy(), before["known_fraud"].to_numpy())
        score = model.predict_proba(since.select(columns).cast(pl.Float64).to_numpy())[:, 1]
        # 5. The lift: how much denser frauds are among the payments that the model ranks high.
        lift = average_precision_score(truth, score) / rate
        print(f"  {name}: AUC {roc_auc_score(truth, score):.2f}, average precision {lift:.1f} times the base rate")

    if profile == "realistic":
        explained(since, score, rows)


# 6. The answer key: which frauds the model misses, and which innocent payments it takes for fraud. No model may see it.


def explained(since: pl.DataFrame, score: Any, rows: int) -> None:
    plans = [GenerationPlan.of(day=day, **settings("realistic", rows)) for day in DAYS if day >= TODAY]
    key = pl.concat(incidents(plan) for plan in plans).select("transaction_id", "kind", "scenario", "hidden")
    alarms = since.with_columns(score=pl.Series(score)).sort("score", descending=True).head(len(since) // 100)
    caught = pl.col("transaction_id").is_in(alarms["transaction_id"].implode())
    print("  Of the frauds, in an alarm for one payment in a hundred:")
    frauds = since.filter("label_fraud").join(key, on="transaction_id")
    found = frauds.group_by("hidden", "scenario").agg(pl.len(), caught=caught.mean()).sort("hidden", "scenario")
    for hidden, scenario, count, share in found.iter_rows():
        print(f"    {scenario}{', hidden' if hidden else ''}: {share:.0%} of {count} are caught")
    kinds = alarms.filter(~pl.col("label_fraud")).join(key, on="transaction_id", how="left")["kind"].cast(pl.String)
    print(f"  {(kinds == 'look_alike').sum()} of {len(kinds)} false alarms are innocent cases that look like fraud")


if __name__ == "__main__":
    payments_a_day = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    judged("realistic", payments_a_day)
    judged("uniform", payments_a_day)
