"""Finds prices that were rewritten for a split, and adjusts those that were not. Pure.

A split changes all prices before it by one ratio. What tells it from trading is that the ratio is
common to all bars, or that the provider reports the event. A night's step alone proves nothing, unless
no market makes it and its size is a usual split's.
"""

from dataclasses import replace

import numpy as np

from growfolio.domain.bars import Bars, BoolArray, FloatArray

OVERLAP = 6
"""The oldest bars that two answers share and are compared by."""
LEAST_OVERLAP = 3
COMMON = 1e-3
"""Relative scatter of a common ratio: prices are rounded to ticks after the division."""
REVISED = 1e-4
"""By more than this share a close differs only where it is another bar's."""
LARGEST_NIGHT = 1.6
"""A stock's open over its last close, or the inverse: earnings move large stocks by up to a third."""
SPLIT_RATIOS = (1.5, 2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50)
"""A step beyond LARGEST_NIGHT that is one of these, or the inverse, is taken for a split."""
LEAST_STEP = 0.02
"""A night's step of less is never remarkable, however calm the asset's other nights were."""
USUAL_STEPS = 4.0
"""How many times the median of its other nights an asset's step must be to be remarkable."""


def common_ratio(known: Bars, newer: Bars) -> float | None:
    """Newer prices over known ones, where one ratio other than 1 holds for the oldest bars of both.

    None where they agree, where too few bars are shared, or where they differ bar by bar: a revision.
    """
    _, ours, theirs = np.intersect1d(known.open_time, newer.open_time, return_indices=True)
    if len(ours) < LEAST_OVERLAP:
        return None
    ours, theirs = ours[:OVERLAP], theirs[:OVERLAP]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = newer.close[theirs] / known.close[ours]
    ratio = float(np.median(ratios))
    if not np.isfinite(ratio) or ratio <= 0:
        return None
    agreed = np.abs(ratios / ratio - 1) <= COMMON
    return ratio if agreed.mean() > 0.5 and abs(ratio - 1) > 5 * COMMON else None


def contradicts(known: Bars, newer: Bars) -> bool:
    """Whether newer prices differ from known ones in most of the bars that they share, of OVERLAP at least.

    Providers revise a bar or two. An answer that is shifted in time, or of another pair, differs in most.
    """
    _, ours, theirs = np.intersect1d(known.open_time, newer.open_time, return_indices=True)
    if len(ours) < OVERLAP:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(newer.close[theirs] / known.close[ours] - 1)
    return bool((apart > REVISED).mean() > 0.5)


def rescaled(bars: Bars, ratio: float) -> Bars:
    """The bars in prices times ratio, and volumes in the shares of then."""
    prices = {name: getattr(bars, name) * ratio for name in ("open", "high", "low", "close")}
    return replace(bars, **prices, volume=bars.volume / ratio)


def adjusted(bars: Bars) -> Bars:
    """The bars in today's prices, by the splits that the provider reported with them.

    The bars before a split are divided by its ratio, unless the provider has done so already: the step
    at the split is nearer to 1 then than to the ratio. bars are sound and in order of time.
    """
    for split in bars.splits:
        before = bars.open_time < split.time
        if not before.any() or before.all():
            continue
        step = np.log(bars.open[~before][0] / bars.close[before][-1])
        if abs(step + np.log(split.ratio)) < abs(step):
            bars = rescaled(bars.where(before), 1 / split.ratio).followed_by(bars.where(~before))
    return bars


def remarkable(steps: FloatArray) -> BoolArray:
    """Which nightly steps (nights,), as log ratios, lie beyond the range of the asset's other nights."""
    sizes = np.abs(steps)
    return np.asarray((sizes > _range_of_others(sizes)) | (sizes > np.log(LARGEST_NIGHT)))


def like_a_split(steps: FloatArray) -> BoolArray:
    """Which nightly steps are beyond LARGEST_NIGHT and a common split ratio, give or take a usual night."""
    sizes = np.abs(steps)
    away = np.abs(sizes[:, None] - np.log(SPLIT_RATIOS)).min(axis=1)
    return np.asarray((sizes > np.log(LARGEST_NIGHT)) & (away <= _range_of_others(sizes)))


def _range_of_others(sizes: FloatArray) -> FloatArray:
    """For each night, how far the asset's other nights let its price move, as a log ratio."""
    usual = np.array([np.median(np.delete(sizes, at)) if len(sizes) > 1 else 0.0 for at in range(len(sizes))])
    return np.maximum(LEAST_STEP, USUAL_STEPS * usual)
