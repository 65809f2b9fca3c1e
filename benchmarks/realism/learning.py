"""A model trained on earlier days and tested on later ones."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score
from threadpoolctl import threadpool_limits

from benchmarks.realism.features import CATEGORIES

LEGITIMATE_SHARE = 0.2
"""Of the legitimate payments, so many are trained on and tested on."""

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Auc:
    """The area under the ROC curve, and its standard error, where the frauds of one card count as one draw."""

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


class Days(NamedTuple):
    """How many days are looked back to at first, then trained on, and then tested on."""

    history: int = 7
    training: int = 10
    test: int = 7


USUAL = Days()


@dataclass(frozen=True)
class Split:
    """The payments that are trained on, and those that are tested on: all frauds, and some of the legitimate ones.

    Each has a `weight`: for how many payments it stands.
    """

    training: pl.DataFrame
    test: pl.DataFrame

    @classmethod
    def of(cls, frame: pl.DataFrame, first_day: dt.date, spans: Days) -> Split:
        middle = first_day + dt.timedelta(days=spans.history + spans.training)
        return cls(frame.filter(pl.col("day") < middle), frame.filter(pl.col("day") >= middle))

    def shuffled(self) -> Split:
        """The same payments, with their labels dealt out anew."""
        random = np.random.default_rng(1)
        return Split(
            *(
                frame.with_columns(label_fraud=pl.Series(random.permutation(frame["label_fraud"].to_numpy())))
                for frame in (self.training, self.test)
            )
        )

    def scores(self, columns: Sequence[str], iterations: int = 250) -> Floats:
        """How likely a model of these columns takes each tested payment to be fraud."""
        columns = [name for name in columns if self.training[name].null_count() < len(self.training)]
        model = HistGradientBoostingClassifier(
            learning_rate=0.05,
            max_iter=iterations,
            max_leaf_nodes=8,
            min_samples_leaf=30,
            max_features=0.5,
            categorical_features=[name in CATEGORIES for name in columns],
            early_stopping=False,
            random_state=0,
        )
        # Beside other work, threads that wait for each other cost ten times what they save.
        with threadpool_limits(1):
            model.fit(matrix(self.training, columns), self.training["label_fraud"].to_numpy())
            return model.predict_proba(matrix(self.test, columns))[:, 1]

    def recall_at(self, scores: Floats, false_positives: float) -> float:
        """The share of the frauds that score higher than all but a share of the legitimate payments."""
        labels = self.test["label_fraud"].to_numpy()
        return float((scores[labels] > np.quantile(scores[~labels], 1 - false_positives)).mean())

    def auc(self, scores: Floats) -> Auc:
        return auc(scores, self.test["label_fraud"].to_numpy(), self.test["card"])

    def lift(self, scores: Floats) -> float:
        """Average precision over the share of frauds."""
        labels, weights = (self.test[name].to_numpy() for name in ("label_fraud", "weight"))
        return float(
            average_precision_score(labels, scores, sample_weight=weights) / np.average(labels, weights=weights)
        )


def thinned(frame: pl.DataFrame) -> pl.DataFrame:
    """All frauds and some of the legitimate payments, with the `weight` of each: as good, and faster."""
    drawn = np.random.default_rng(0).random(len(frame)) < LEGITIMATE_SHARE
    weight = pl.when("label_fraud").then(1.0).otherwise(1 / LEGITIMATE_SHARE)
    return frame.filter(pl.col("label_fraud") | pl.Series(drawn)).with_columns(weight=weight)


def matrix(frame: pl.DataFrame, columns: Sequence[str]) -> Floats:
    return frame.select(pl.col(columns).cast(pl.Float64)).to_numpy()


def auc(scores: Floats, labels: npt.NDArray[np.bool_], groups: pl.Series) -> Auc:
    """The share of legitimate payments that score below a fraud, over all frauds. Ties count half."""
    legitimate, frauds = np.sort(scores[~labels]), scores[labels]
    below, upto = (np.searchsorted(legitimate, frauds, side) for side in ("left", "right"))
    places = (below + upto) / 2 / len(legitimate)
    value = places.mean()
    sums = pl.DataFrame({"group": groups.filter(pl.Series(labels)), "rest": places - value}).group_by("group").sum()
    return Auc(float(value), float(np.sqrt((sums["rest"] ** 2).sum()) / len(places)))


def recall(scores: Floats, test: pl.DataFrame, scenarios: pl.DataFrame, false_positives: float) -> pl.DataFrame:
    """By scenario: how many of its frauds score higher than all but a share of the legitimate payments."""
    labels = test["label_fraud"].to_numpy()
    limit = np.quantile(scores[~labels], 1 - false_positives)
    caught = test.select("transaction_id", "label_fraud").with_columns(caught=pl.Series(scores > limit))
    return (
        caught.filter("label_fraud")
        .join(scenarios, on="transaction_id", how="left")
        .group_by("scenario")
        .agg(recall=pl.col("caught").mean(), frauds=pl.len())
        .sort("scenario")
    )
