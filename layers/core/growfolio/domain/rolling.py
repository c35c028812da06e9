"""Moving sums and averages along the bar axis, for all assets at once and without a loop over bars.

Everything here looks back only: a value at one bar never depends on a later bar.
"""

from functools import lru_cache

import numpy as np

from growfolio.domain.bars import FloatArray

_BLOCK = 32


def ema(values: FloatArray, span: int) -> FloatArray:
    """Exponential moving average with weight 2 / (span + 1), seeded with the first bar."""
    return _smoothed(values, 2 / (span + 1))


def wilder(values: FloatArray, bars: int) -> FloatArray:
    """Wilder's moving average: weight 1 / bars, seeded with the first bar."""
    return _smoothed(values, 1 / bars)


def moving_sum(values: FloatArray, bars: int) -> FloatArray:
    """Sum of the last `bars` values; of those there are, before that many.

    Adds sums of 1, 2, 4, 8 ... bars instead of subtracting what left the window, so that a small
    volume after a huge one keeps all its digits.
    """
    total = np.zeros_like(values)
    power, width, done = values, 1, 0
    while True:
        if bars & width:
            total[..., done:] += power[..., : values.shape[-1] - done]
            done += width
        if done >= min(bars, values.shape[-1]):
            return total
        doubled = power.copy()
        doubled[..., width:] += power[..., :-width]
        power, width = doubled, 2 * width


def moving_mean(values: FloatArray, bars: int) -> FloatArray:
    """Mean of the last `bars` values; of those there are, before that many."""
    return moving_sum(values, bars) / np.minimum(np.arange(1, values.shape[-1] + 1), bars)


def moving_deviation(values: FloatArray, bars: int) -> FloatArray:
    """Standard deviation (of the population) of the last `bars` values, measured from their own mean."""
    mean = moving_mean(values, bars)
    squares = np.zeros_like(values)
    for lag in range(min(bars, values.shape[-1])):
        away = values[..., : values.shape[-1] - lag] - mean[..., lag:]
        squares[..., lag:] += away * away
    return np.sqrt(squares / np.minimum(np.arange(1, values.shape[-1] + 1), bars))


def _smoothed(values: FloatArray, weight: float) -> FloatArray:
    pushes = values * weight
    pushes[..., 0] = values[..., 0]
    return _decaying_sum(pushes, 1 - weight)


def _decaying_sum(values: FloatArray, decay: float) -> FloatArray:
    """y[t] = decay * y[t-1] + values[t] along the last axis, from y = 0.

    Inside blocks as one matrix product; what blocks hand to the next is the same recursion again,
    over as many values as there are blocks. Only sums of positive weights: as exact as the loop.
    """
    bars = values.shape[-1]
    if bars <= _BLOCK:
        summed: FloatArray = values @ _powers(decay, bars)
        return summed
    count = -(-bars // _BLOCK)
    padded = np.zeros((*values.shape[:-1], count * _BLOCK))
    padded[..., -bars:] = values
    blocks = padded.reshape(-1, _BLOCK) @ _powers(decay, _BLOCK)
    blocks = blocks.reshape(*values.shape[:-1], count, _BLOCK)
    states = _decaying_sum(blocks[..., -1], decay**_BLOCK)
    blocks[..., 1:, :] += states[..., :-1, None] * decay ** np.arange(1, _BLOCK + 1)
    return blocks.reshape(padded.shape)[..., -bars:]


@lru_cache(maxsize=256)
def _powers(decay: float, bars: int) -> FloatArray:
    """Upper triangular (bars, bars): the weight of value i in sum j is decay ** (j - i)."""
    lag = np.arange(bars)[None, :] - np.arange(bars)[:, None]
    powers = np.where(lag >= 0, decay ** np.maximum(lag, 0), 0.0)
    powers.flags.writeable = False
    return powers
