"""Fewer rows than there are, of every slot of the hour and every time of the day alike."""

from math import gcd

import numpy as np
from growfolio.domain.assets import Timeframe
from growfolio.domain.bars import CloseTimes, IntArray
from growfolio.domain.times import DAY


def thinned(rows: IntArray, bar_close: CloseTimes, timeframe: Timeframe, most: int) -> IntArray:
    """Return about `most` of these rows at most, in their order; all where they are no more.

    bar_close (samples,) is in seconds. Whole moments stay, for all assets the same: those of every n-th bar,
    where n shares no factor with the bars of a day. Every second or third row would see only some slots of
    the hour, and every seventh only some times of a stock's session of 77 labels.
    """
    if len(rows) <= most:
        return rows
    step = -(-len(rows) // most)
    while gcd(step, DAY // timeframe.seconds) > 1:
        step += 1
    bar = bar_close[rows] // timeframe.seconds
    return np.asarray(rows[bar % step == bar[0] % step])
