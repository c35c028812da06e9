"""Cuts an asset's history at long gaps, into stretches that serving would have accepted."""

import numpy as np
from growfolio.domain.alignment import MAX_FILLED_IN_A_ROW, align
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, BoolArray, Candles, IntArray
from growfolio.domain.grid import slots_between
from growfolio.domain.times import BAR

Stretch = Candles
"""Candles of one asset, bar after bar on its market's grid, with no gap that serving would refuse."""


def stretches(asset: Asset, bars: Bars, timeframe: Timeframe) -> list[Stretch]:
    """The candles between gaps of more than MAX_FILLED_IN_A_ROW 5m slots, oldest stretch first.

    Serving fills shorter gaps flat and refuses longer ones; so does this, through the same function.
    Raises BadCandles for bars that no market prints.
    """
    if not len(bars):
        return []
    start, end = int(bars.open_time.min()), int(bars.open_time.max()) + BAR
    fine = slots_between(asset.market, start, end, Timeframe.M5)
    present = fine[np.isin(fine, bars.open_time + BAR)]
    at = np.searchsorted(fine, present)
    breaks = np.flatnonzero(np.diff(at) > MAX_FILLED_IN_A_ROW + 1) + 1
    grid = slots_between(asset.market, start, end, timeframe)
    found = []
    for run in np.split(present, breaks):
        slots = _whole_bars(grid, run, timeframe)
        if len(slots):
            candles, refused = align({asset: bars}, slots, timeframe)
            if refused:
                raise refused[asset]
            found.append(candles)
    return found


def _whole_bars(grid: IntArray, run: IntArray, timeframe: Timeframe) -> IntArray:
    """The bars of the grid inside a run of 5m closes, whose first and last slot traded."""
    first_slot = grid - timeframe.seconds + BAR
    inside: BoolArray = (first_slot >= run[0]) & (grid <= run[-1])
    begins = np.flatnonzero(inside & np.isin(first_slot, run))
    ends = np.flatnonzero(inside & np.isin(grid, run))
    if not len(begins) or not len(ends):
        return grid[:0]
    return grid[begins[0] : ends[-1] + 1]
