"""The scorecard of one model on one set of rows, each number with what it is to be compared with."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.forecast import BUY, SELL
from growfolio.domain.labels import Labels
from growfolio.domain.times import HOUR
from growfolio.record.calibration import (
    Calibration,
    calibration,
    calibration_by,
    calibration_error,
    reliability,
    slot_of_hour,
)
from growfolio.record.metrics import Scores, confusion, direction, score
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
    whole: Calibration
    in_slots: Calibration
    """Within the slots of the hour, summed over them."""
    by: Mapping[str, Mapping[str, Calibration]]
    """Of the rows of each slot (minute of the hour at which bars close), asset and month."""
    confusion: tuple[tuple[int, ...], ...]
    """Rows true, columns chosen, in the order sell, hold, buy."""
    coverage: tuple[Covered, ...]
    reliability: tuple[tuple[float, float, int], ...]
    """Mean confidence, accuracy and rows of each bin that has any."""
    intervals: dict[str, tuple[float, float]]

    def summary(self) -> dict[str, object]:
        """Return the single numbers, rounded, for a manifest."""
        return {
            **self.scores.to_json(),
            "macro_f1": round(self.macro_f1, 6),
            **_error("ece", self.whole),
            **_error("ece_in_slots", self.in_slots),
        }

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
            "calibration": {
                "all": self.whole.to_json(),
                "in_slots": self.in_slots.to_json(),
                **{by: {name: one.to_json() for name, one in own.items()} for by, own in self.by.items()},
            },
            "intervals_90": {name: [round(a, 5), round(b, 5)] for name, (a, b) in self.intervals.items()},
        }


def scorecard(
    name: str,
    probabilities: FloatArray,
    uncalibrated: FloatArray,
    labels: Labels,
    bar_close: CloseTimes,
    prior: FloatArray,
    assets: npt.NDArray[np.str_],
) -> Scorecard:
    """Score calibrated and uncalibrated probabilities (rows, 3) for labels, closes and asset names (rows,).

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
        calibration(probabilities, labels, bar_close),
        calibration(probabilities, labels, bar_close, slot_of_hour(bar_close)),
        {
            by: calibration_by(names, probabilities, labels, bar_close)
            for by, names in (("slot", _minute(bar_close)), ("asset", assets), ("month", _month(bar_close)))
        },
        tuple(tuple(int(n) for n in row) for row in confusion(probabilities, labels)),
        tuple(_covered(share, probabilities, labels) for share in COVERAGES),
        reliability(probabilities.max(axis=1), chosen == labels),
        intervals(probabilities, labels, bar_close, prior),
    )


def _error(name: str, found: Calibration) -> dict[str, object]:
    band = [round(bound, 6) for bound in found.calibrated_90]
    return {name: round(found.error, 6), f"{name}_calibrated_90": band}


def _minute(bar_close: CloseTimes) -> npt.NDArray[np.str_]:
    return np.char.mod(":%02d", bar_close % HOUR // 60)


def _month(bar_close: CloseTimes) -> npt.NDArray[np.str_]:
    return np.asarray((bar_close - 1).astype("datetime64[s]").astype("datetime64[M]").astype(np.str_))


def _f1(labels: Labels, chosen: IntArray, average: str) -> float:
    return float(f1_score(labels, chosen, labels=range(3), average=average, zero_division=0.0))


def _covered(share: float, probabilities: FloatArray, labels: Labels) -> Covered:
    count = max(1, round(share * len(labels)))
    sure = np.argsort(-probabilities.max(axis=1), kind="stable")[:count]
    lead = np.abs(probabilities[:, BUY] - probabilities[:, SELL])
    leaning = np.argsort(-lead, kind="stable")[:count]
    right = probabilities[sure].argmax(axis=1) == labels[sure]
    return Covered(share, float(right.mean()), direction(probabilities[leaning], labels[leaning]))
