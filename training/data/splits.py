"""Chronological train, validation and test split with purging and an embargo."""

from dataclasses import dataclass

import numpy as np
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import BoolArray, CloseTimes
from growfolio.domain.forecast import WINDOW
from growfolio.domain.grid import slots_between
from growfolio.domain.times import DAY


@dataclass(frozen=True, slots=True)
class Split:
    """Two moments, in seconds: training ends at the first, validation at the second, testing follows.

    A sample is a bar and the later bar that decides its label. It belongs to a part only when its
    label is decided by the part's end (the purge: a gap of the label's horizon) and when its bar
    closes EMBARGO bars or more after the part before it ended, so that its window holds no bar of
    that part either. Indicators look further back, as they do in serving; labels never overlap.
    """

    train_until: int
    validate_from: int
    validate_until: int
    test_from: int

    def train(self, bar_close: CloseTimes, decided: CloseTimes) -> BoolArray:
        """Select samples for fitting weights and normalisation."""
        return np.asarray((bar_close <= self.train_until) & (decided <= self.train_until))

    def validation(self, bar_close: CloseTimes, decided: CloseTimes) -> BoolArray:
        """Select samples for early stopping, calibration and choice between models."""
        return np.asarray((bar_close >= self.validate_from) & (decided <= self.validate_until))

    def test(self, bar_close: CloseTimes, decided: CloseTimes) -> BoolArray:  # noqa: ARG002  (one signature)
        """Select samples for the report alone."""
        return np.asarray(bar_close >= self.test_from)


EMBARGO = WINDOW
"""Bars between a part's end and the first bar of the next."""


def split_calendar(
    bar_close: CloseTimes, market: Market, timeframe: Timeframe, train: float = 0.7, validation: float = 0.15
) -> Split:
    """Cut at the moments before which these shares of all samples lie, whatever their asset.

    bar_close holds the close time of each usable sample of the calendar (dataset.calendar), in any order, at
    least one.
    """
    ordered = np.sort(bar_close)
    train_until = int(ordered[int(train * (len(ordered) - 1))])
    validate_until = int(ordered[int((train + validation) * (len(ordered) - 1))])
    return Split(
        train_until,
        bars_after(train_until, market, timeframe),
        validate_until,
        bars_after(validate_until, market, timeframe),
    )


def bars_after(moment: int, market: Market, timeframe: Timeframe) -> int:
    """Return the close of the bar EMBARGO bars after the one that closed at moment."""
    later = slots_between(market, moment, moment + 30 * DAY, timeframe)
    return int(later[EMBARGO - 1])
