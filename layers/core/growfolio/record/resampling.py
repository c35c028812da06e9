"""Block bootstrap of metrics (Künsch, 1989): what they would be if other weeks had happened.

Bars of a day hang together, so do assets at one moment, and calm or wild markets last for days: a block is
up to BLOCK_DAYS whole days of all assets. On five times two months of coins the daily means of confidence
less accuracy correlate by 0.2 to 0.4 from one day to the next, and sums over a week vary up to three times as
much as those of seven days by themselves; beyond a week they do not grow further. Stocks show little of it.
"""

import numpy as np

from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.forecast import HOLD
from growfolio.domain.times import DAY
from growfolio.record.metrics import (
    Confusion,
    confusions,
    losses,
    matthews,
    most_decided,
    right_side,
    split_losses,
)

RESAMPLES = 400
BLOCK_DAYS = 7
"""Days with bars that make a block, where there are enough for LEAST_BLOCKS."""
LEAST_BLOCKS = 8
"""Under this many a bootstrap says little: blocks get shorter first, down to a day, and under LEAST_BLOCKS
days to pieces of the whole time."""


def blocks(bar_close: CloseTimes) -> tuple[IntArray, int]:
    """Return the block of each row (rows,), counted from 0 by time, and how many blocks there are.

    bar_close (rows,) is in seconds; a bar that closes at midnight UTC is of the day before. Two months have
    eight blocks of seven days, a month of coins has ten of three.
    """
    days, day = np.unique((bar_close - 1) // DAY, return_inverse=True)
    if len(days) < LEAST_BLOCKS:
        when = bar_close - bar_close.min()
        pieces, piece = np.unique(when * LEAST_BLOCKS // (int(when.max()) + 1), return_inverse=True)
        return np.asarray(piece, dtype=np.int64), len(pieces)
    count = len(days) // min(BLOCK_DAYS, len(days) // LEAST_BLOCKS)
    return np.asarray(day * count // len(days), dtype=np.int64), count


def draws_of(count: int, draws: int, seed: int) -> IntArray:
    """Return how often each block comes up in each draw (draws, count)."""
    shares = np.full(count, 1 / count)
    return np.random.default_rng(seed).multinomial(count, shares, size=draws).astype(np.int64)


def intervals(
    probabilities: FloatArray, labels: IntArray, bar_close: CloseTimes, prior: FloatArray, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return 90 % intervals of these metrics when whole blocks are drawn again.

    mcc; gain, the prior's log-loss less the model's; lift, the accuracy less that of the most frequent class;
    log_loss and its two parts, move_log_loss and side_log_loss; direction, over all moves and in the most
    decided tenth. bar_close (rows,) is in seconds.
    """
    block, count = blocks(bar_close)
    draws = draws_of(count, RESAMPLES, seed)

    def drawn(values: FloatArray) -> FloatArray:
        return np.asarray(draws @ np.bincount(block, values, count))

    lost = losses(probabilities, labels)
    move, side = split_losses(probabilities, labels)
    gained = losses(np.broadcast_to(prior, probabilities.shape), labels) - lost
    moved = (labels != HOLD).astype(np.float64)
    right = moved * right_side(probabilities, labels)
    top = most_decided(probabilities)
    cells = (draws @ confusions(probabilities, labels, block, count).reshape(count, 9)).reshape(-1, 3, 3)
    rows = cells.sum(axis=(1, 2))
    found = {
        "mcc": _matthews_of(cells),
        "gain": drawn(gained) / rows,
        "lift": (np.trace(cells, axis1=1, axis2=2) - cells.sum(axis=2).max(axis=1)) / rows,
        "log_loss": drawn(lost) / rows,
        "move_log_loss": drawn(move) / rows,
        "side_log_loss": drawn(side) / np.maximum(drawn(moved), 1),
        "direction": drawn(right) / np.maximum(drawn(moved), 1),
        "direction_of_most_decided": drawn(right * top) / np.maximum(drawn(moved * top), 1),
    }
    return {name: interval(values) for name, values in found.items()}


def paired_differences(
    one: FloatArray, other: FloatArray, labels: IntArray, bar_close: CloseTimes, draws: int, seed: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Return one less other in log-loss and in MCC, (draws,) each, with the same blocks drawn for both.

    one and other are probabilities (rows, 3) of the same rows.
    """
    block, count = blocks(bar_close)
    drawn = draws_of(count, draws, seed)
    lost = losses(one, labels) - losses(other, labels)
    loss = (drawn @ np.bincount(block, lost, count)) / (drawn @ np.bincount(block, minlength=count))
    mcc = [
        _matthews_of(np.einsum("sb,bij->sij", drawn, confusions(given, labels, block, count)))
        for given in (one, other)
    ]
    return np.asarray(loss), np.asarray(mcc[0] - mcc[1])


def interval(values: FloatArray) -> tuple[float, float]:
    """Return the 5th and 95th percentile."""
    low, high = np.percentile(values, [5, 95])
    return float(low), float(high)


def _matthews_of(drawn: Confusion) -> FloatArray:
    """MCC (draws,) of confusions (draws, 3, 3)."""
    return np.array([matthews(counts) for counts in drawn])
