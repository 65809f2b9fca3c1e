"""Whether the bars hold for other seeds, worlds and sizes of a day."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from itertools import product

from benchmarks.fresh import say
from benchmarks.realism import days, learnable, tricks
from benchmarks.realism.days import Setting
from benchmarks.realism.features import HISTORY, ROW
from benchmarks.realism.learning import USUAL, Days, Split
from benchmarks.report import table

SEEDS, CUSTOMERS, ROWS = (1, 2, 3), (1_000, 30_000, 600_000), (20_000, 100_000, 500_000)
ENOUGH_FRAUDS = 2_000
"""Where a day has many frauds, so many are trained on, and half as many are tested on."""


def settings(difficulty: str) -> list[Setting]:
    """A Latin square: each two of a seed, a number of customers and a number of rows meet once."""
    places = product(range(len(CUSTOMERS)), range(len(ROWS)))
    return [
        Setting("realistic", difficulty, ROWS[row], SEEDS[(world + row) % len(SEEDS)], CUSTOMERS[world])
        for world, row in places
    ]


def spans(setting: Setting) -> Days:
    """As many days as give enough frauds, and no more than the other measures have."""
    frauds = setting.rows * setting.plan(days.FIRST_DAY).fraud_rate
    training, test = (-(-count // frauds) for count in (ENOUGH_FRAUDS, ENOUGH_FRAUDS // 2))
    return Days(USUAL.history, min(USUAL.training, int(training)), min(USUAL.test, int(test)))


def rows_of(chosen: list[Setting]) -> Iterator[list[str]]:
    """A row of the table for each setting."""
    for setting in chosen:
        row = _row(setting)
        say(f"sweep: {' | '.join(row)}")
        gc.collect()  # the payments of large days are gigabytes
        yield row


def report(chosen: list[Setting]) -> str:
    heads = ["seed", "customers", "rows a day", "frauds tested", "AUC", "lift", "AUC gained", "recall gained", "rule"]
    return table([*heads, "bands"], list(rows_of(chosen)))


def _row(setting: Setting) -> list[str]:
    split = _split(setting)
    frauds = int(split.test["label_fraud"].sum())
    card, scores = split.scores((*ROW, *HISTORY)), split.scores(tricks.ALL)
    found, lift = split.auc(scores), split.lift(scores)
    slack = tricks.SLACK if frauds < tricks.FEW else 0.0
    low, high = tricks.BANDS[setting.difficulty]
    least, most = tricks.LIFTS[setting.difficulty]
    rule = tricks.rules(split, setting.difficulty)
    met = low - slack <= found.value <= high + slack and least <= lift <= most and rule.met is not False
    return [
        str(setting.seed),
        f"{setting.customers:,}",
        f"{setting.rows:,}",
        f"{frauds:,}",
        str(found),
        f"{lift:.0f}×",
        f"{found.value - split.auc(card).value:+.3f}",
        f"{split.recall_at(scores, 0.001) - split.recall_at(card, 0.001):+.3f}",
        rule.found,
        "inside" if met else "**outside**",
    ]


def _split(setting: Setting) -> Split:
    span = spans(setting)
    plans = [setting.plan(day) for day in days.dates(sum(span))]
    say(f"making {len(plans)} days of {setting.rows:,} payments of {setting.customers:,} customers")
    return learnable.split_of(days.payments(plans), setting, span)
