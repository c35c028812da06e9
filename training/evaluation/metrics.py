"""How good probabilities are, each number beside the one that needs no model."""

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from growfolio.domain.bars import FloatArray

from training.data.labels import BUY, HOLD, SELL, Labels

BINS = 15
SIMULATIONS = 400
_Confusion = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Metrics of probabilities in the order sell, hold, buy, on rows that had no part in making them."""

    rows: int
    accuracy: float
    base_rate: float
    """Accuracy of always answering the class that turns out most frequent in these rows."""
    mcc: float
    macro_f1: float
    direction: float
    """Of the rows that were sell or buy, the share where the likelier of the two was right; 0.5 is a coin."""
    log_loss: float
    """Nats."""
    prior_log_loss: float
    """Log-loss of always answering the class shares of the training part."""
    best_constant_log_loss: float
    """Log-loss of the best constant answer, known only afterwards: these rows' own class shares."""
    ece: float
    """Expected calibration error of the top class, over 15 bins of equal width."""
    ece_calibrated_90: tuple[float, float]
    """Where 90 % of perfectly calibrated models with these confidences and as many rows would lie."""
    class_shares: tuple[float, float, float]

    def to_json(self) -> dict[str, object]:
        """Rounded for people to read; six digits are beyond what any number of rows supports."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def score(probabilities: FloatArray, labels: Labels, prior: FloatArray) -> Scores:
    """Scores of probabilities (rows, 3) for labels (rows,), at least one; prior (3,) is of training."""
    rows = len(labels)
    chosen = probabilities.argmax(axis=1)
    confusion = np.zeros((3, 3), dtype=np.int64)
    np.add.at(confusion, (labels, chosen), 1)
    shares = confusion.sum(axis=1) / rows
    confidence = probabilities.max(axis=1)
    return Scores(
        rows=rows,
        accuracy=float(np.trace(confusion)) / rows,
        base_rate=float(shares.max()),
        mcc=matthews(confusion),
        macro_f1=macro_f1(confusion),
        direction=direction(probabilities, labels),
        log_loss=log_loss(probabilities, labels),
        prior_log_loss=log_loss(np.broadcast_to(prior, probabilities.shape), labels),
        best_constant_log_loss=log_loss(np.broadcast_to(shares, probabilities.shape), labels),
        ece=calibration_error(confidence, chosen == labels),
        ece_calibrated_90=calibrated_band(confidence),
        class_shares=(float(shares[0]), float(shares[1]), float(shares[2])),
    )


def log_loss(probabilities: FloatArray, labels: Labels) -> float:
    """Mean negative log-probability given to what happened, in nats."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(given, 1e-15)).mean())


def matthews(confusion: _Confusion) -> float:
    """Gorodkin's correlation of K classes (2004), rows true and columns chosen; 0 if either is constant."""
    total, right = int(confusion.sum()), int(np.trace(confusion))
    true = confusion.sum(axis=1).astype(np.float64)
    chosen = confusion.sum(axis=0).astype(np.float64)
    spread = (total**2 - true @ true) * (total**2 - chosen @ chosen)
    return float((right * total - true @ chosen) / np.sqrt(spread)) if spread > 0 else 0.0


def macro_f1(confusion: _Confusion) -> float:
    """Mean F1 over the classes; a class neither seen nor chosen counts 0."""
    sums = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * np.diag(confusion) / np.maximum(sums, 1)).mean())


def direction(probabilities: FloatArray, labels: Labels) -> float:
    """The share of moves whose side was foreseen; 0.5 where nothing moved."""
    moved = labels != HOLD
    rising = probabilities[:, BUY] > probabilities[:, SELL]
    return float((rising == (labels == BUY))[moved].mean()) if moved.any() else 0.5


def calibration_error(confidence: FloatArray, right: npt.NDArray[np.bool_]) -> float:
    """Mean distance of confidence from accuracy, over bins weighted by their rows."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    off = np.bincount(bins, weights=confidence - right, minlength=BINS)
    return float(np.abs(off).sum() / len(confidence))


def calibrated_band(confidence: FloatArray, seed: int = 0) -> tuple[float, float]:
    """5th and 95th percentile of the error where every answer is right as often as it says, simulated."""
    rng = np.random.default_rng(seed)
    draws = (rng.random(len(confidence)) < confidence for _ in range(SIMULATIONS))
    low, high = np.percentile([calibration_error(confidence, right) for right in draws], [5, 95])
    return float(low), float(high)


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 6)
    return [_rounded(item) for item in value] if isinstance(value, tuple) else value
