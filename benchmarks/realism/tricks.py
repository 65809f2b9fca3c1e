"""Whether fraud can be caught by a trick: by a simple rule, or far better than it ever is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl
from sklearn.tree import DecisionTreeClassifier

from benchmarks.realism.features import HISTORY, ROW
from benchmarks.realism.learning import Split, matrix
from benchmarks.realism.relations import RELATIONS, TABLES
from benchmarks.realism.report import Measure, between, told

ALL = (*ROW, *HISTORY, *RELATIONS, *TABLES)
"""All features: of the row, of its card, of whatever it shares with other payments, and of the world's tables."""
BANDS = {"easy": (0.95, 0.99), "medium": (0.86, 0.95), "hard": (0.74, 0.87)}
LIFTS = {"easy": (60, 250), "medium": (10, 60), "hard": (5, 30)}
PRECISION, RECALL = 0.5, 0.05
FALSE_POSITIVES = 0.001
FEW = 300
"""With fewer frauds than these, a figure may be outside its band by `SLACK`."""
SLACK = 0.02
_MISSING = 1e6


def tricks(split: Split, difficulty: str) -> Iterator[Measure]:
    yield from everything(split, difficulty)
    yield rules(split, difficulty)


def everything(split: Split, difficulty: str) -> Iterator[Measure]:
    """What all features are worth, and what those that cards share are worth beside the card's own history."""
    card, scores = split.scores((*ROW, *HISTORY)), split.scores(ALL)
    found, lift = split.auc(scores), split.lift(scores)
    slack = SLACK if split.test["label_fraud"].sum() < FEW else 0.0
    low, high = BANDS[difficulty]
    yield between(f"AUC, {difficulty}, all features", low - slack, high + slack, found.value, str(found))
    yield between(
        f"average precision over base rate, {difficulty}, all features", *LIFTS[difficulty], lift, f"{lift:.1f}×"
    )
    gain = found.value - split.auc(card).value
    more = split.recall_at(scores, FALSE_POSITIVES) - split.recall_at(card, FALSE_POSITIVES)
    names = (
        f"AUC, {difficulty}, all features over card history",
        f"recall at 0.1 % false positives, {difficulty}, the same",
    )
    if difficulty == "medium":
        yield Measure(names[0], "at least 0.01", f"{gain:.3f}", gain >= 0.01)
        yield Measure(names[1], "at least 0.05", f"{more:.3f}", more >= 0.05)
    else:
        yield told(names[0], f"{gain:.3f}")
        yield told(names[1], f"{more:.3f}")


def rules(split: Split, difficulty: str) -> Measure:
    """The most precise leaf, of those that hold enough frauds, of trees of depth three grown on the later days."""
    rows = np.nan_to_num(matrix(split.test, ALL), nan=_MISSING, posinf=_MISSING)
    labels, weights = (split.test[name].to_numpy() for name in ("label_fraud", "weight"))
    best, held = 0.0, 0.0
    for criterion, weight in (("gini", None), ("entropy", None), ("gini", "balanced")):
        tree = DecisionTreeClassifier(
            max_depth=3, criterion=criterion, class_weight=weight, min_samples_leaf=5, random_state=0
        )
        leaf = tree.fit(rows, labels, sample_weight=weights).apply(rows)
        leaves = pl.DataFrame({"leaf": leaf, "fraud": labels, "weight": weights})
        found = leaves.group_by("leaf").agg(
            precision=pl.col("fraud").sum() / pl.col("weight").sum(), recall=pl.col("fraud").sum() / labels.sum()
        )
        for precision, recall in found.filter(pl.col("recall") > RECALL).select("precision", "recall").iter_rows():
            if precision > best:
                best, held = precision, recall
    name, bar = (
        f"the best rule of three conditions, {difficulty}",
        f"precision at most {PRECISION} at recall above {RECALL}",
    )
    text = f"precision {best:.2f} at recall {held:.2f}"
    return Measure(name, bar, text, best <= PRECISION) if difficulty == "medium" else told(name, text)
