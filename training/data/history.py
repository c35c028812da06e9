"""Cuts an asset's history where serving would not reach across, and makes candles of it as serving does."""

import numpy as np
from growfolio.domain.alignment import REACH, history
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, BoolArray, Candles, CloseTimes, closes_of, opens_of
from growfolio.domain.grid import slots_between
from growfolio.domain.quarantine import sound, untraded
from growfolio.domain.times import BAR

Stretch = Candles
"""Candles of one asset, bar after bar on its market's grid, without the slots of breaks in trading."""


def stretches(asset: Asset, bars: Bars, timeframe: Timeframe) -> list[Stretch]:
    """The candles between gaps of more than REACH 5-minute slots, oldest stretch first.

    What serving fills, leaves out and quarantines, so does this, through the same function.
    """
    if not len(bars):
        return []
    start, end = int(bars.open_time.min()), int(bars.open_time.max()) + BAR
    fine = slots_between(asset.market, start, end, Timeframe.M5)
    good, _ = sound(bars)
    present = CloseTimes(fine[np.isin(fine, closes_of(good.open_time)[~untraded(good)])])
    at = np.searchsorted(fine, present)
    breaks = np.flatnonzero(np.diff(at) > REACH + 1) + 1
    grid = slots_between(asset.market, start, end, timeframe)
    found = []
    for run in np.split(present, breaks):
        slots = _whole_bars(grid, CloseTimes(run), timeframe)
        if len(slots):
            found.append(history(asset, bars, slots, timeframe))
    return found


def _whole_bars(grid: CloseTimes, run: CloseTimes, timeframe: Timeframe) -> CloseTimes:
    """The bars of the grid inside a run of 5m closes, whose first and last slot traded."""
    first_slot = closes_of(opens_of(grid, timeframe.seconds))
    inside: BoolArray = (first_slot >= run[0]) & (grid <= run[-1])
    begins = np.flatnonzero(inside & np.isin(first_slot, run))
    ends = np.flatnonzero(inside & np.isin(grid, run))
    if not len(begins) or not len(ends):
        return CloseTimes(grid[:0])
    return CloseTimes(grid[begins[0] : ends[-1] + 1])
