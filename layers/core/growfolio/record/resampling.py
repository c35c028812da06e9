"""Block bootstrap of metrics (Künsch, 1989): what they would be if other days had happened.

Bars of a day hang together, and so do assets at one moment: a day of all assets is one block.
"""

import numpy as np

from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.forecast import HOLD
from growfolio.domain.times import DAY
from growfolio.record.metrics import Confusion, confusions, losses, matthews, right_side

RESAMPLES = 400
LEAST_BLOCKS = 20


def intervals(
    probabilities: FloatArray, labels: IntArray, bar_close: CloseTimes, prior: FloatArray, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return 90 % intervals of mcc, gain, lift and direction when whole days are drawn again.

    gain is the prior's log-loss less the model's, lift the accuracy less that of the most frequent class.
    bar_close (rows,) is in seconds.
    """
    days = np.unique(bar_close // DAY, return_inverse=True)[1]
    count = int(days.max()) + 1
    cells = confusions(probabilities, labels, days, count).reshape(count, 9)
    gained = losses(np.broadcast_to(prior, probabilities.shape), labels) - losses(probabilities, labels)
    gain = np.bincount(days, gained, count)
    moved = labels != HOLD
    moves = np.bincount(days, moved, count)
    sides = np.bincount(days, moved & right_side(probabilities, labels), count)
    draws = _draws(count, RESAMPLES, seed)
    drawn = (draws @ cells).reshape(-1, 3, 3)
    rows = drawn.sum(axis=(1, 2))
    found = {
        "mcc": _matthews_of(drawn),
        "gain": draws @ gain / rows,
        "lift": (np.trace(drawn, axis1=1, axis2=2) - drawn.sum(axis=2).max(axis=1)) / rows,
        "direction": draws @ sides / np.maximum(draws @ moves, 1),
    }
    return {name: interval(values) for name, values in found.items()}


def paired_differences(
    one: FloatArray, other: FloatArray, labels: IntArray, bar_close: CloseTimes, draws: int, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return one less other in log-loss and in MCC, (draws,) each, with the same blocks drawn for both.

    one and other are probabilities (rows, 3) of the same rows. Blocks are days; a shorter time is cut into
    LEAST_BLOCKS.
    """
    when = bar_close - bar_close.min()
    length = min(DAY, int(when.max()) // LEAST_BLOCKS + 1)
    _, block = np.unique(when // length, return_inverse=True)
    blocks = int(block.max()) + 1
    drawn = _draws(blocks, draws, seed)
    lost = losses(one, labels) - losses(other, labels)
    total = drawn @ np.bincount(block, lost, minlength=blocks)
    loss = total / (drawn @ np.bincount(block, minlength=blocks))
    mcc = [
        _matthews_of(np.einsum("sb,bij->sij", drawn, confusions(given, labels, block, blocks)))
        for given in (one, other)
    ]
    return np.asarray(loss), np.asarray(mcc[0] - mcc[1])


def interval(values: FloatArray) -> tuple[float, float]:
    """Return the 5th and 95th percentile."""
    low, high = np.percentile(values, [5, 95])
    return float(low), float(high)


def _draws(blocks: int, draws: int, seed: int) -> IntArray:
    """How often each block comes up in each draw (draws, blocks)."""
    shares = np.full(blocks, 1 / blocks)
    return np.random.default_rng(seed).multinomial(blocks, shares, size=draws).astype(np.int64)


def _matthews_of(drawn: Confusion) -> FloatArray:
    """MCC (draws,) of confusions (draws, 3, 3)."""
    return np.array([matthews(counts) for counts in drawn])
