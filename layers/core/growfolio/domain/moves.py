"""Tells which bars moved further, or traded more, than their asset's own do: errors, news, crashes. Pure."""

import numpy as np

from growfolio.domain.bars import Bars, BoolArray
from growfolio.domain.times import BAR

UNUSUAL = 25.0
"""A bar that moves so many times the median of the asset's own bars is doubtful."""
LEAST_UNUSUAL = 0.02
"""Less is never doubted. The largest of 605,000 bars was 0.06 for stocks, 0.22 for coins."""
LARGEST_STEP = 0.02
"""From a close to the next bar's open, in one session. Of 2,000,000 real bars none opened so far away."""

UNUSUAL_VOLUME = 1000.0
"""So many times the median volume of the asset's own bars is doubtful.

Of 2,800,000 real bars none had 350 times the median of the eight before it.
"""


def doubtful(bars: Bars) -> BoolArray:
    """The bars (bars,) that no trading of the asset's own kind explains; bars are in order of time."""
    with np.errstate(divide="ignore", invalid="ignore"):
        within = np.abs(np.log([bars.high / bars.low, bars.close / bars.open])).max(axis=0, initial=0.0)
        steps = np.abs(np.log(bars.open[1:] / bars.close[:-1]))
    known = within[np.isfinite(within)]
    usual = np.median(known) if len(known) else 0.0
    far = within > max(LEAST_UNUSUAL, UNUSUAL * usual)
    traded = bars.volume[bars.volume > 0]
    if len(traded):
        far |= bars.volume > UNUSUAL_VOLUME * np.median(traded)
    # A night or a gap explains any step.
    far[1:] |= (steps > LARGEST_STEP) & (np.diff(bars.open_time) == BAR)
    return np.asarray(far)
