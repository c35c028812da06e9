"""Judges bars one by one: which a market can have printed, and which are quarantined. Pure.

A quarantined bar counts as a slot without trades, and so does a row whose prices are all null.
"""

from dataclasses import replace

import numpy as np

from growfolio.domain.adjustment import adjusted
from growfolio.domain.bars import PRICES, Bars, BoolArray, FloatArray
from growfolio.domain.signals import LARGEST_PRICE

LARGEST_MOVE = 5.0
"""A bar's high over its low, or its price over the median of the bars before: beyond, it is quarantined."""
CLIPPED = 1e-3
"""An open or close outside its high and low by up to this share is a tick of rounding, and is clipped."""
LARGEST_VOLUME = 1e18
"""Shares or coins in five minutes: more is an error. The cheapest coins trade 1e13."""
MAX_FILLED_IN_A_ROW = 3
"""5-minute slots without trades that are filled flat; a longer run is a break and leaves the grid."""
THIN = 0.05
"""An asset with this share of untraded slots is thin: its newest slots may be without trades."""
NEIGHBOURS = 8
"""Bars before, whose median close a bar is compared with: a lasting step is believed after half of them."""

NOT_A_NUMBER = "a value that is not a number"
"""The one fault that a bar has which is published in parts."""
Faults = dict[int, str]
"""What is wrong with a quarantined bar, by its opening time."""


def sound(bars: Bars) -> tuple[Bars, Faults]:
    """The bars that a market can have printed, oldest first, and the fault of each that none prints.

    Of the same bar sent twice one is left; of two different bars for one time, none. Each bar is judged
    by itself and the bars before it, so that no later bar changes a verdict. Bars before a reported split
    are given in the prices after it.
    """
    if not len(bars):
        return bars, {}
    if (np.diff(bars.open_time) <= 0).any():
        bars = bars.where(np.argsort(bars.open_time, kind="stable"))
    table = _table(bars)
    priced = ~np.isnan(table[:4]).all(axis=0)
    repeated = np.zeros(len(bars), dtype=np.bool_)
    repeated[1:] = (np.diff(bars.open_time) == 0) & (table[:, 1:] == table[:, :-1]).all(axis=0)
    left = priced & ~repeated
    if not left.all():
        bars, table = bars.where(left), table[:, left]
    faults: Faults = {}
    bad = np.zeros(len(bars), dtype=np.bool_)
    for fault, where in _impossible(bars, table).items():
        if where.any():
            faults |= dict.fromkeys(bars.open_time[where & ~bad].tolist(), fault)
            bad |= where
    if bad.any():
        bars = bars.where(~bad)
    # A split that is not worked in yet must not look like a jump.
    bars = adjusted(_clipped(bars))
    jumps = _jumps(bars.open, bars.close)
    if jumps.any():
        faults |= dict.fromkeys(bars.open_time[jumps].tolist(), "a price far from all bars before it")
        bars = bars.where(~jumps)
    return bars, faults


def untraded(bars: Bars) -> BoolArray:
    """Which of these sound bars say that nothing was traded: still with volume 0, or the last bar again.

    No two bars of a market have the same volume and prices: a feed that does not move repeats its last.
    """
    repeats = np.zeros(len(bars), dtype=np.bool_)
    repeats[1:] = np.all([(column := getattr(bars, name))[1:] == column[:-1] for name in PRICES], axis=0)
    return np.asarray((still(bars) & (bars.volume == 0)) | repeats | _frozen(bars))


def still(bars: Bars) -> BoolArray:
    """Which of these sound bars are flat at the close before them, whatever their volume says."""
    before = np.concatenate([bars.open[:1], bars.close[:-1]])
    return np.asarray((bars.high == bars.low) & (np.abs(bars.close - before) <= 1e-9 * before))


def _frozen(bars: Bars) -> BoolArray:
    """Bars in runs of more than MAX_FILLED_IN_A_ROW that stand still, of an asset that seldom does."""
    standing = still(bars)
    if not standing.any():
        return standing
    edges = np.flatnonzero(np.diff(standing, prepend=False, append=False)).reshape(-1, 2)
    runs = np.zeros(len(bars), dtype=np.bool_)
    for begin, end in edges[edges[:, 1] - edges[:, 0] > MAX_FILLED_IN_A_ROW]:
        runs[begin:end] = True
    others = standing[~runs]
    seldom = bool(len(others)) and float(others.mean()) < THIN
    return runs if seldom else np.zeros_like(runs)


def newest_published(bars: Bars) -> int | None:
    """When the newest bar opened that is whole; None without any. A half published bar has null prices.

    Providers publish a bar late, or in parts: both are worth waiting for.
    """
    whole = np.isfinite(_table(bars)).all(axis=0)
    return int(bars.open_time[whole].max()) if whole.any() else None


def _table(bars: Bars) -> FloatArray:
    """(5, bars): open, high, low, close, volume."""
    return np.stack([getattr(bars, name) for name in PRICES])


def _impossible(bars: Bars, table: FloatArray) -> dict[str, BoolArray]:
    """For each fault, the bars that have it."""
    same_time = np.diff(bars.open_time) == 0
    twice = np.zeros(len(bars), dtype=np.bool_)
    twice[1:] |= same_time
    twice[:-1] |= same_time
    high, low = bars.high, bars.low
    with np.errstate(invalid="ignore", over="ignore"):
        highest, lowest = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
        return {
            "two candles of one time": twice,
            NOT_A_NUMBER: np.asarray(np.isnan(table).any(axis=0)),
            "an infinite value": np.asarray(np.isinf(table).any(axis=0)),
            "a price of zero or less": np.asarray((table[:4] <= 0).any(axis=0)),
            "a negative volume": bars.volume < 0,
            "a high below its low": high < low,
            "an open or close outside its high and low": (
                (highest * (1 - CLIPPED) > high) | (lowest * (1 + CLIPPED) < low)
            ),
            f"a high more than {LARGEST_MOVE:g} times its low": high / LARGEST_MOVE > low,
            f"a price beyond {LARGEST_PRICE:g}": np.asarray((table[:4] > LARGEST_PRICE).any(axis=0)),
            f"a volume beyond {LARGEST_VOLUME:g}": bars.volume > LARGEST_VOLUME,
        }


def _clipped(bars: Bars) -> Bars:
    """Opens and closes within high and low, which they miss by a tick at most."""
    opened, closed = (np.clip(prices, bars.low, bars.high) for prices in (bars.open, bars.close))
    return replace(bars, open=opened, close=closed)


def _jumps(opened: FloatArray, close: FloatArray) -> BoolArray:
    """The bars whose open or close lies more than LARGEST_MOVE from the median close of those before them."""
    jumps = np.zeros(len(close), dtype=np.bool_)
    logs = np.log(close)
    limit = np.log(LARGEST_MOVE)
    if len(close) < 2 or max(np.ptp(logs), np.abs(np.log(opened) - logs).max()) <= limit:
        return jumps
    padded = np.concatenate([np.full(NEIGHBOURS, np.nan), logs])
    before = np.lib.stride_tricks.sliding_window_view(padded, NEIGHBOURS)[1:-1]
    usual = np.nanmedian(before, axis=1)
    away = np.maximum(np.abs(logs[1:] - usual), np.abs(np.log(opened[1:]) - usual))
    jumps[1:] = away > limit
    return jumps
