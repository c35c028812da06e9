"""Metrics of probabilities against the classes that happened, beside the value that needs no model.

Where it can be reckoned, a metric also stands beside the value that the same probabilities would have if they
were right. Calibration has a module of its own (calibration.py), intervals another (resampling.py).

Probabilities are (rows, 3) in the order sell, hold, buy; labels (rows,) are the classes that happened.
Training's scorecards and gate use these functions, and so can the record of live signals.
"""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt

from growfolio.domain.bars import BoolArray, FloatArray, IntArray
from growfolio.domain.forecast import BUY, HOLD, SELL

SMALLEST = 1e-15
"""Probability that a class is given at least, so that one surprise does not make a loss infinite."""
MOST_DECIDED = 0.1
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
    brier: float
    """Mean squared distance of the three probabilities from what happened (Brier, 1950): 0 to 2."""
    best_constant_log_loss: float
    """Log-loss of the best constant answer, known only afterwards: these rows' own class shares."""
    move_log_loss: float
    """Nats of foreseeing whether the price moves at all, hold or not; with the share of moves times
    side_log_loss it makes up log_loss."""
    move_expected: float
    """What move_log_loss would be if the probabilities were right."""
    best_constant_move_log_loss: float
    side_log_loss: float
    """Nats of foreseeing which way, among the rows that moved; ln 2 is a coin."""
    side_expected: float
    direction_expected: float
    """What direction would be if the probabilities were right."""
    direction_of_most_decided: float
    """Direction in the tenth of the rows whose sell and buy lie furthest apart."""
    direction_of_most_decided_expected: float
    class_shares: tuple[float, float, float]

    def to_json(self) -> dict[str, object]:
        """Round to six digits, which is beyond what any number of rows supports."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def score(probabilities: FloatArray, labels: IntArray, prior: FloatArray) -> Scores:
    """Score at least one row; prior (3,) holds the class shares that were known before."""
    rows = len(labels)
    counts = confusion(probabilities, labels)
    shares = counts.sum(axis=1) / rows
    move, side = split_losses(probabilities, labels)
    given, top = probabilities.astype(np.float64), most_decided(probabilities)
    moving = np.maximum(given[:, SELL] + given[:, BUY], SMALLEST)
    buy = given[:, BUY] / moving
    surer = np.maximum(buy, 1 - buy)
    return Scores(
        rows=rows,
        accuracy=float(np.trace(counts)) / rows,
        base_rate=float(shares.max()),
        mcc=matthews(counts),
        direction=direction(probabilities, labels),
        log_loss=log_loss(probabilities, labels),
        prior_log_loss=log_loss(np.broadcast_to(prior, probabilities.shape), labels),
        brier=float(brier(probabilities, labels).mean()),
        best_constant_log_loss=log_loss(np.broadcast_to(shares, probabilities.shape), labels),
        move_log_loss=float(move.mean()),
        move_expected=float(_entropy(given[:, HOLD]).mean()),
        best_constant_move_log_loss=float(_entropy(shares[HOLD])),
        side_log_loss=float(side.sum() / max(1, rows - counts[HOLD].sum())),
        side_expected=float(np.average(_entropy(buy), weights=moving)),
        direction_expected=float(np.average(surer, weights=moving)),
        direction_of_most_decided=direction(given[top], labels[top]),
        direction_of_most_decided_expected=float(np.average(surer[top], weights=moving[top])),
        class_shares=(float(shares[0]), float(shares[1]), float(shares[2])),
    )


def losses(probabilities: FloatArray, labels: IntArray) -> FloatArray:
    """Return each row's negative log-probability of what happened (rows,), in nats."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(given, SMALLEST)))


def split_losses(probabilities: FloatArray, labels: IntArray) -> tuple[FloatArray, FloatArray]:
    """Split each row's loss in two (rows,), in nats: whether it moves, and which way; 0 of holds."""
    hold = probabilities[:, HOLD].astype(np.float64)
    moved = labels != HOLD
    move = -np.log(np.maximum(np.where(moved, 1 - hold, hold), SMALLEST))
    return move, np.where(moved, losses(probabilities, labels) - move, 0.0)


def most_decided(probabilities: FloatArray) -> BoolArray:
    """Mark the tenth of the rows, at least one, whose sell and buy lie furthest apart (rows,)."""
    lead = np.abs(probabilities[:, BUY] - probabilities[:, SELL])
    marked = np.zeros(len(lead), dtype=np.bool_)
    marked[np.argsort(-lead, kind="stable")[: max(1, round(MOST_DECIDED * len(lead)))]] = True
    return marked


def brier(probabilities: FloatArray, labels: IntArray) -> FloatArray:
    """Return each row's squared distance from what happened (rows,)."""
    return np.asarray(((probabilities - np.eye(3)[labels]) ** 2).sum(axis=1))


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


def _entropy(probability: FloatArray) -> FloatArray:
    """Nats of a yes that has this probability, and of its no."""
    yes = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.asarray(-yes * np.log(yes) - (1 - yes) * np.log1p(-yes))


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    return [_rounded(item) for item in value] if isinstance(value, tuple) else value
