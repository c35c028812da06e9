"""Metrics of probabilities against the classes that happened, each beside the value that needs no model.

Probabilities are (rows, 3) in the order sell, hold, buy; labels (rows,) are the classes that happened.
Training's scorecards and gate use these functions, and so can the record of live signals.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from growfolio.domain.bars import BoolArray, FloatArray, IntArray
from growfolio.domain.forecast import BUY, HOLD, SELL

BINS = 15
SIMULATIONS = 400
SMALLEST = 1e-15
"""Probability that a class is given at least, so that one surprise does not make a loss infinite."""
Confusion = npt.NDArray[np.int64]
"""Counts (3, 3): rows are the classes that happened, columns the likeliest ones."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Metrics of probabilities on rows that had no part in making them."""

    rows: int
    accuracy: float
    base_rate: float
    """Accuracy of always answering the class that turns out most frequent in these rows."""
    mcc: float
    direction: float
    """Of the rows that were sell or buy, the share where the likelier of the two was right; 0.5 is a coin."""
    log_loss: float
    """Nats."""
    prior_log_loss: float
    """Log-loss of always answering the prior, e.g. the class shares of the training part."""
    best_constant_log_loss: float
    """Log-loss of the best constant answer, known only afterwards: these rows' own class shares."""
    ece: float
    """Expected calibration error of the top class, over 15 bins of equal width."""
    ece_calibrated_90: tuple[float, float]
    """Range that holds 90 % of perfectly calibrated models with these confidences and as many rows."""
    class_shares: tuple[float, float, float]

    def to_json(self) -> dict[str, object]:
        """Round to six digits, which is beyond what any number of rows supports."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def score(probabilities: FloatArray, labels: IntArray, prior: FloatArray) -> Scores:
    """Score at least one row; prior (3,) holds the class shares that were known before."""
    rows = len(labels)
    counts = confusion(probabilities, labels)
    shares = counts.sum(axis=1) / rows
    confidence = probabilities.max(axis=1)
    return Scores(
        rows=rows,
        accuracy=float(np.trace(counts)) / rows,
        base_rate=float(shares.max()),
        mcc=matthews(counts),
        direction=direction(probabilities, labels),
        log_loss=log_loss(probabilities, labels),
        prior_log_loss=log_loss(np.broadcast_to(prior, probabilities.shape), labels),
        best_constant_log_loss=log_loss(np.broadcast_to(shares, probabilities.shape), labels),
        ece=calibration_error(confidence, probabilities.argmax(axis=1) == labels),
        ece_calibrated_90=calibrated_band(confidence),
        class_shares=(float(shares[0]), float(shares[1]), float(shares[2])),
    )


def losses(probabilities: FloatArray, labels: IntArray) -> FloatArray:
    """Return each row's negative log-probability of what happened (rows,), in nats."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(given, SMALLEST)))


def log_loss(probabilities: FloatArray, labels: IntArray) -> float:
    """Return the mean of losses, in nats."""
    return float(losses(probabilities, labels).mean())


def confusion(probabilities: FloatArray, labels: IntArray) -> Confusion:
    """Count each pair of what happened and the likeliest class."""
    (counts,) = confusions(probabilities, labels, np.zeros(len(labels), dtype=np.int64), 1)
    return np.asarray(counts)


def confusions(probabilities: FloatArray, labels: IntArray, group: IntArray, groups: int) -> Confusion:
    """Return the confusion of each group (groups, 3, 3); group (rows,) holds numbers from 0."""
    counts = np.zeros((groups, 3, 3), dtype=np.int64)
    np.add.at(counts, (group, labels, probabilities.argmax(axis=1)), 1)
    return counts


def matthews(counts: Confusion) -> float:
    """Return Matthews' correlation of K classes (Gorodkin, 2004); 0 if either side is constant."""
    total, right = int(counts.sum()), int(np.trace(counts))
    true = counts.sum(axis=1).astype(np.float64)
    chosen = counts.sum(axis=0).astype(np.float64)
    spread = (total**2 - true @ true) * (total**2 - chosen @ chosen)
    return float((right * total - true @ chosen) / np.sqrt(spread)) if spread > 0 else 0.0


def direction(probabilities: FloatArray, labels: IntArray) -> float:
    """Return the share of moves whose side was the likelier one; 0.5 where nothing moved."""
    moved = labels != HOLD
    return float(right_side(probabilities, labels)[moved].mean()) if moved.any() else 0.5


def right_side(probabilities: FloatArray, labels: IntArray) -> BoolArray:
    """Say for each row whether the likelier of sell and buy is what happened; meaningless for holds."""
    return np.asarray((probabilities[:, BUY] > probabilities[:, SELL]) == (labels == BUY))


def calibration_error(confidence: FloatArray, right: BoolArray) -> float:
    """Return the mean distance of confidence from accuracy, over bins weighted by their rows."""
    off = np.bincount(_bins(confidence), weights=confidence - right, minlength=BINS)
    return float(np.abs(off).sum() / len(confidence))


def calibrated_band(confidence: FloatArray, seed: int = 0) -> tuple[float, float]:
    """Simulate answers that are right as often as they say: 5th and 95th percentile of their error."""
    rng = np.random.default_rng(seed)
    draws = (rng.random(len(confidence)) < confidence for _ in range(SIMULATIONS))
    low, high = np.percentile([calibration_error(confidence, right) for right in draws], [5, 95])
    return float(low), float(high)


def reliability(confidence: FloatArray, right: BoolArray) -> tuple[tuple[float, float, int], ...]:
    """Return mean confidence, accuracy and rows of each bin that holds any."""
    bins = _bins(confidence)
    return tuple(
        (float(confidence[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    )


def _bins(confidence: FloatArray) -> IntArray:
    return np.minimum((confidence * BINS).astype(np.int64), BINS - 1)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    return [_rounded(item) for item in value] if isinstance(value, tuple) else value
