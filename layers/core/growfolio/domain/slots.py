"""One asset's bars on the 5-minute slots of a grid: which were traded, which lie in breaks, which are odd."""

from dataclasses import dataclass

import numpy as np

from growfolio.domain.adjustment import like_a_split, remarkable
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import (
    PRICES,
    Bars,
    BoolArray,
    CloseTimes,
    FloatArray,
    IntArray,
    SessionCount,
    among,
    closes_of,
    opens_of,
)
from growfolio.domain.moves import doubtful
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, Faults, sound, still, untraded
from growfolio.domain.times import BAR, utc_minute
from growfolio.errors import BadCandles, MissingCandles

SETTLED = 78
"""Slots of a session, in which a split that explains a night's step would be reported or worked in."""


@dataclass(frozen=True, slots=True, eq=False)
class AssetSlots:
    """One asset on the 5-minute slots (slots,) of a grid; values (5, slots): open to volume."""

    times: CloseTimes
    values: FloatArray
    traded: BoolArray
    broken: BoolArray
    """Slots of breaks in trading, and those before the first bar."""
    quarantined: BoolArray
    after_step: BoolArray
    doubtful: BoolArray
    still: BoolArray
    """Slots whose trades left the price where it was."""
    counts: tuple[SessionCount, ...]
    """Of sessions before these slots, and of some of these."""


def five_minute_slots(grid: CloseTimes, timeframe: Timeframe) -> CloseTimes:
    steps = np.arange(timeframe.seconds - BAR, -1, -BAR, dtype=np.int64)
    return CloseTimes((grid[:, None] - steps).ravel())


def place(
    bars: Bars, slots: CloseTimes, market: Market, settled: float = np.inf
) -> tuple[AssetSlots, Faults]:
    """The bars on these slots, and the quarantined among them. Raises BadCandles or MissingCandles.

    settled is how many slots after a night's step that is like a split it is believed to be none.
    """
    start = int(slots[0]) - BAR
    # Bars outside the regular session (pre-market, after hours) are no part of the grid.
    known, faults = sound(bars.where((bars.open_time < start) | among(closes_of(bars.open_time), slots)))
    within = known.where(known.open_time >= start)
    within = within.where(~untraded(known)[len(known) - len(within) :])
    if not len(within) and faults:
        newest = max(faults)
        raise BadCandles(f"{faults[newest]} in the candle of {utc_minute(newest)}, and no good one")
    if not len(within):
        raise MissingCandles(f"no candles between {utc_minute(start)} and {utc_minute(int(slots[-1]))}")
    at = np.searchsorted(slots, closes_of(within.open_time))
    before = known.close[known.open_time < start][-1:]
    traded = np.zeros(len(slots), dtype=np.bool_)
    traded[at] = True
    # A slot without trades repeats the close before it, never one after it.
    last_close = np.concatenate([before if len(before) else within.open[:1], within.close])
    values = np.concatenate([np.tile(last_close[np.cumsum(traded)], (4, 1)), np.zeros((1, len(slots)))])
    values[:, at] = [getattr(within, name) for name in PRICES]
    broken = _breaks(at, len(slots), known_before=bool(len(before)))
    quarantined = among(opens_of(slots), faults)
    steps = _night_steps(within, at, slots, settled) if market is Market.STOCKS else np.zeros_like(traded)
    unusual = np.zeros_like(traded)
    unusual[at] = doubtful(within)
    unmoved = np.zeros_like(traded)
    unmoved[at] = still(within)
    return AssetSlots(
        slots, values, traded, broken, quarantined, steps, unusual, unmoved, bars.counts
    ), faults


def _breaks(at: IntArray, slots: int, *, known_before: bool) -> BoolArray:
    """Which slots lie in runs of more than MAX_FILLED_IN_A_ROW without trades; at are those with trades."""
    broken = np.zeros(slots, dtype=np.bool_)
    before = np.concatenate([[-1], at[:-1]])
    for last, following in zip(before, at, strict=True) if (np.diff(at) > 1).any() or at[0] else ():
        if following - last - 1 > (MAX_FILLED_IN_A_ROW if known_before or last >= 0 else 0):
            broken[last + 1 : following] = True
    return broken


def _night_steps(within: Bars, at: IntArray, slots: CloseTimes, settled: float) -> BoolArray:
    """Slots after nights of a step beyond the asset's range; BadCandles where it may yet be a split."""
    marks = np.zeros(len(slots), dtype=np.bool_)
    session = np.cumsum(np.diff(slots, prepend=slots[0]) > BAR)[at]
    nights = np.flatnonzero(np.diff(session)) + 1
    if not len(nights):
        return marks
    opened, close = within.open[nights], within.close[nights - 1]
    steps = np.log(opened / close)
    splits = np.flatnonzero(like_a_split(steps) & (len(slots) - at[nights] < settled))
    if len(splits):
        newest = int(splits[-1])
        raise BadCandles(
            f"{close[newest]:g} became {opened[newest]:g} in the night before "
            f"{utc_minute(int(slots[at[nights[newest]]]))}: "
            "a split that the provider has not worked into the candles before it?"
        )
    marks[at[nights[remarkable(steps)]]] = True
    return marks
