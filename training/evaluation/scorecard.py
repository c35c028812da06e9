"""All that the report says of one model on one set of rows, each number with what it is to be compared to."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from growfolio.domain.bars import FloatArray, IntArray
from growfolio.domain.times import DAY

from training.data.labels import HOLD, Labels
from training.evaluation.metrics import BINS, Scores, calibration_error, direction, matthews, score

COVERAGES = (0.05, 0.1, 0.2, 0.5, 1.0)
RESAMPLES = 400
_Confusion = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Covered:
    """The most decided rows: those with the highest confidence, for direction those with the widest lead."""

    share: float
    accuracy: float
    direction: float
    """Of the moves among the rows whose sell and buy lie furthest apart; 0.5 is a coin."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Metrics of one model; intervals hold the 5th and 95th percentile of a block bootstrap by day."""

    name: str
    scores: Scores
    weighted_f1: float
    ece_before: float
    """Calibration error before temperature scaling."""
    confusion: tuple[tuple[int, ...], ...]
    """Rows true, columns chosen, in the order sell, hold, buy."""
    coverage: tuple[Covered, ...]
    reliability: tuple[tuple[float, float, int], ...]
    """Mean confidence, accuracy and rows of each bin that has any."""
    intervals: dict[str, tuple[float, float]]

    def to_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            **self.scores.to_json(),
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


def judge(
    name: str,
    probabilities: FloatArray,
    uncalibrated: FloatArray,
    labels: Labels,
    bar_close: IntArray,
    prior: FloatArray,
) -> Judged:
    """Of calibrated and uncalibrated probabilities (rows, 3), labels and closes (rows,), prior (3,)."""
    chosen, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    confusion = np.zeros((3, 3), dtype=np.int64)
    np.add.at(confusion, (labels, chosen), 1)
    before = calibration_error(uncalibrated.max(axis=1), uncalibrated.argmax(axis=1) == labels)
    return Judged(
        name,
        score(probabilities, labels, prior),
        weighted_f1(confusion),
        before,
        tuple(tuple(int(n) for n in row) for row in confusion),
        tuple(_covered(share, probabilities, labels) for share in COVERAGES),
        _reliability(confidence, chosen == labels),
        block_bootstrap(probabilities, labels, bar_close, prior),
    )


def weighted_f1(confusion: _Confusion) -> float:
    """F1 of each class, weighted by how often it happened."""
    sums = np.maximum(confusion.sum(axis=0) + confusion.sum(axis=1), 1)
    return float((2 * np.diag(confusion) / sums * confusion.sum(axis=1)).sum() / confusion.sum())


def _covered(share: float, probabilities: FloatArray, labels: Labels) -> Covered:
    count = max(1, round(share * len(labels)))
    sure = np.argsort(-probabilities.max(axis=1), kind="stable")[:count]
    leaning = np.argsort(-np.abs(probabilities[:, 2] - probabilities[:, 0]), kind="stable")[:count]
    right = probabilities[sure].argmax(axis=1) == labels[sure]
    return Covered(share, float(right.mean()), direction(probabilities[leaning], labels[leaning]))


def _reliability(
    confidence: FloatArray, right: npt.NDArray[np.bool_]
) -> tuple[tuple[float, float, int], ...]:
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return tuple(
        (float(confidence[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    )


def block_bootstrap(
    probabilities: FloatArray, labels: Labels, bar_close: IntArray, prior: FloatArray, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """90 % intervals of metrics when whole days are drawn again (Künsch, 1989).

    Bars of a day hang together, and so do assets at one moment: a day of all assets is one block. gain is the
    prior's log-loss less the model's, lift the accuracy less that of the most frequent class.
    """
    days = np.unique(bar_close // DAY, return_inverse=True)[1]
    count, chosen = int(days.max()) + 1, probabilities.argmax(axis=1)
    cells = np.zeros((count, 9))
    np.add.at(cells, (days, 3 * labels + chosen), 1)
    given = np.log(np.maximum(probabilities[np.arange(len(labels)), labels], 1e-15))
    gain = np.bincount(days, given - np.log(np.maximum(prior[labels], 1e-15)), count)
    moved = labels != HOLD
    sided = (probabilities[:, 2] > probabilities[:, 0]) == (labels == 2)
    moves, sides = np.bincount(days, moved, count), np.bincount(days, moved & sided, count)
    draws = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=RESAMPLES)
    confusions = (draws @ cells).reshape(-1, 3, 3).astype(np.int64)
    rows = confusions.sum(axis=(1, 2))
    drawn = {
        "mcc": np.array([matthews(one) for one in confusions]),
        "gain": draws @ gain / rows,
        "lift": (np.trace(confusions, axis1=1, axis2=2) - confusions.sum(axis=2).max(axis=1)) / rows,
        "direction": draws @ sides / np.maximum(draws @ moves, 1),
    }
    return {name: interval(values) for name, values in drawn.items()}


def interval(values: FloatArray) -> tuple[float, float]:
    """The 5th and 95th percentile."""
    low, high = np.percentile(values, [5, 95])
    return float(low), float(high)
