"""Two models on the same bars: what the differences of their scores would be on other days."""

import numpy as np
import numpy.typing as npt
from growfolio.domain.bars import FloatArray, IntArray
from growfolio.domain.times import DAY

from training.data.labels import Labels
from training.evaluation.metrics import matthews

LEAST_BLOCKS = 20


def differences(
    one: FloatArray, other: FloatArray, labels: Labels, bar_close: IntArray, draws: int, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """One less other in log-loss and MCC, (draws,) each: a paired bootstrap of blocks of time.

    one and other are probabilities (rows, 3) of the same rows. Whole days are drawn (Künsch, 1989), of all
    assets together: neighbouring bars, and coins at the same moment, move alike. A shorter time is cut into
    LEAST_BLOCKS.
    """
    when = bar_close - bar_close.min()
    length = min(DAY, int(when.max()) // LEAST_BLOCKS + 1)
    _, block = np.unique(when // length, return_inverse=True)
    blocks = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=draws).astype(np.float64)
    lost = losses(one, labels) - losses(other, labels)
    total = weights @ np.bincount(block, lost, minlength=blocks)
    loss = total / (weights @ np.bincount(block, minlength=blocks))
    mcc = [_correlations(weights, _confusions(given, labels, block, blocks)) for given in (one, other)]
    return np.asarray(loss), np.asarray(mcc[0] - mcc[1])


def losses(probabilities: FloatArray, labels: Labels) -> FloatArray:
    """What each row (rows,) loses, in nats."""
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return np.asarray(-np.log(np.maximum(given, 1e-15)))


def correlation(probabilities: FloatArray, labels: Labels) -> float:
    """The MCC of the likeliest classes."""
    return matthews(_confusions(probabilities, labels, np.zeros(len(labels), dtype=np.int64), 1)[0])


def _confusions(
    probabilities: FloatArray, labels: Labels, block: IntArray, blocks: int
) -> npt.NDArray[np.int64]:
    """(blocks, 3, 3), rows true and columns chosen."""
    counts = np.zeros((blocks, 3, 3), dtype=np.int64)
    np.add.at(counts, (block, labels, probabilities.argmax(axis=1)), 1)
    return counts


def _correlations(weights: FloatArray, confusions: npt.NDArray[np.int64]) -> FloatArray:
    drawn = np.einsum("sb,bij->sij", weights, confusions).round().astype(np.int64)
    return np.array([matthews(confusion) for confusion in drawn])
