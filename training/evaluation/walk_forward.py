"""Folds that walk forward through a pool's calendar, and a last part that is touched once."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from growfolio.domain.bars import CloseTimes, IntArray

from training.data.dataset import Part, Samples
from training.data.splits import Split, bars_after

LAST = 0.15
"""The share of a pool's samples, its newest, that no choice ever looks at."""
FIRST_TEST = 0.45
"""The share before the first fold's test: what its model is fitted and selected on."""
VALIDATION = 0.2
"""Of what lies before a fold's test, the newest share: for stopping and calibration."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """A pool's samples with the cuts of one fold; a test sample is decided by test_until, in seconds."""

    name: str
    samples: Samples
    test_until: int
    last: bool

    def rows(self, part: Part) -> IntArray:
        """As Samples.rows, the test ending where the next fold's begins."""
        rows = self.samples.rows(part)
        return rows[self.samples.decided[rows] <= self.test_until] if part is Part.TEST else rows


def folds_of(samples: Samples, count: int, calendar: CloseTimes) -> list[Fold]:
    """count folds whose tests lie one after another, then the last part, tested by a model of its own.

    calendar holds the closes whose shares set the cuts (dataset.calendar): a cut is a moment, the same for
    all assets and timeframes of a market. Every part begins an embargo after the one before it, and holds
    only samples whose label is decided within it (Split), so the purge is the horizon whatever that is
    (López de Prado, Advances in Financial Machine Learning, 2018, chapter 7).
    """
    ordered = np.sort(calendar)

    def moment(share: float) -> int:
        return int(ordered[int(share * (len(ordered) - 1))])

    starts = np.linspace(FIRST_TEST, 1 - LAST, count + 1)
    shares = [*pairwise(starts), (1 - LAST, 1.0)]
    found = []
    for number, (begin, end) in enumerate(shares):
        train_until, validate_until = moment(begin * (1 - VALIDATION)), moment(begin)
        split = Split(
            train_until,
            bars_after(train_until, samples.market, samples.timeframe),
            validate_until,
            bars_after(validate_until, samples.market, samples.timeframe),
        )
        last = number == count
        name = "last part" if last else f"fold {number + 1}"
        until = moment(end) if not last else int(samples.decided[samples.usable].max())
        found.append(Fold(name, replace(samples, split=split), until, last))
    return found
