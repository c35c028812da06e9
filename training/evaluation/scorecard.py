"""The scorecard of one model on one set of rows, each number with what it is to be compared with."""

from dataclasses import dataclass

import numpy as np
from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.forecast import BUY, SELL
from growfolio.domain.labels import Labels
from growfolio.record.metrics import Scores, calibration_error, confusion, direction, reliability, score
from growfolio.record.resampling import intervals
from sklearn.metrics import f1_score

COVERAGES = (0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Covered:
    """The most decided rows: those with the highest confidence, for direction those with the widest lead."""

    share: float
    accuracy: float
    direction: float
    """Of the moves among the rows whose sell and buy lie furthest apart; 0.5 is a coin."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    """Metrics of one model; intervals hold the 5th and 95th percentile of a block bootstrap by day."""

    name: str
    scores: Scores
    macro_f1: float
    """Mean F1 over the classes; a class neither seen nor chosen counts 0."""
    weighted_f1: float
    """F1 of each class, weighted by how often it happened."""
    ece_before: float
    """Calibration error before temperature scaling."""
    confusion: tuple[tuple[int, ...], ...]
    """Rows true, columns chosen, in the order sell, hold, buy."""
    coverage: tuple[Covered, ...]
    reliability: tuple[tuple[float, float, int], ...]
    """Mean confidence, accuracy and rows of each bin that has any."""
    intervals: dict[str, tuple[float, float]]

    def summary(self) -> dict[str, object]:
        """Return the single numbers, rounded, for a manifest."""
        return {**self.scores.to_json(), "macro_f1": round(self.macro_f1, 6)}

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            **self.summary(),
            "weighted_f1": round(self.weighted_f1, 6),
            "ece_before_temperature": round(self.ece_before, 6),
            "confusion": self.confusion,
            "coverage": [
                {"share": c.share, "accuracy": round(c.accuracy, 4), "direction": round(c.direction, 4)}
                for c in self.coverage
            ],
            "reliability": [[round(a, 4), round(b, 4), n] for a, b, n in self.reliability],
            "intervals_90": {name: [round(a, 5), round(b, 5)] for name, (a, b) in self.intervals.items()},
        }


def scorecard(
    name: str,
    probabilities: FloatArray,
    uncalibrated: FloatArray,
    labels: Labels,
    bar_close: CloseTimes,
    prior: FloatArray,
) -> Scorecard:
    """Score calibrated and uncalibrated probabilities (rows, 3) for labels and closes (rows,).

    prior (3,) holds the class shares of the training part.
    """
    chosen = probabilities.argmax(axis=1)
    before = calibration_error(uncalibrated.max(axis=1), uncalibrated.argmax(axis=1) == labels)
    return Scorecard(
        name,
        score(probabilities, labels, prior),
        _f1(labels, chosen, "macro"),
        _f1(labels, chosen, "weighted"),
        before,
        tuple(tuple(int(n) for n in row) for row in confusion(probabilities, labels)),
        tuple(_covered(share, probabilities, labels) for share in COVERAGES),
        reliability(probabilities.max(axis=1), chosen == labels),
        intervals(probabilities, labels, bar_close, prior),
    )


def _f1(labels: Labels, chosen: IntArray, average: str) -> float:
    return float(f1_score(labels, chosen, labels=range(3), average=average, zero_division=0.0))


def _covered(share: float, probabilities: FloatArray, labels: Labels) -> Covered:
    count = max(1, round(share * len(labels)))
    sure = np.argsort(-probabilities.max(axis=1), kind="stable")[:count]
    lead = np.abs(probabilities[:, BUY] - probabilities[:, SELL])
    leaning = np.argsort(-lead, kind="stable")[:count]
    right = probabilities[sure].argmax(axis=1) == labels[sure]
    return Covered(share, float(right.mean()), direction(probabilities[leaning], labels[leaning]))
