"""Fewer rows, of every slot of the hour and of the session alike, and whole moments of all assets."""

import numpy as np
import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.bars import CloseTimes
from growfolio.domain.times import DAY, HOUR

from training.data.thinning import thinned


def closes(timeframe: Timeframe, days: int, assets: int, session: slice) -> CloseTimes:
    """Of a session of these bars of each day, one asset after another."""
    bars = np.arange(timeframe.seconds, DAY + 1, timeframe.seconds)[session]
    one = (np.arange(days)[:, None] * DAY + bars).ravel()
    return CloseTimes(np.tile(one, assets))


@pytest.mark.parametrize("part", [2, 3, 4, 6, 7, 8, 9, 11, 12, 20])
@pytest.mark.parametrize(("timeframe", "session"), [
    (Timeframe.M5, slice(None)),
    (Timeframe.M5, slice(162, 162 + 77)),
    (Timeframe.M15, slice(54, 54 + 25)),
])  # fmt: skip
def test_every_slot_of_the_hour_and_of_the_session_keeps_its_share(
    timeframe: Timeframe, session: slice, part: int
) -> None:
    bar_close = closes(timeframe, days=300, assets=3, session=session)
    rows = np.arange(len(bar_close))
    some = thinned(rows, bar_close, timeframe, len(rows) // part)
    assert 0.3 * len(rows) / part < len(some) <= 1.05 * len(rows) / part
    for period in (HOUR, DAY):
        before, after = (
            np.bincount(bar_close[own] % period // timeframe.seconds) / len(own) for own in (rows, some)
        )
        np.testing.assert_allclose(after, before, atol=0.003 if period == DAY else 0.01)


def test_all_assets_of_a_moment_stay_or_go_together() -> None:
    bar_close = closes(Timeframe.M5, days=10, assets=4, session=slice(None))
    some = thinned(np.arange(len(bar_close)), bar_close, Timeframe.M5, 700)
    _, counts = np.unique(bar_close[some], return_counts=True)
    assert (counts == 4).all()


def test_few_rows_stay_as_they_are_and_some_row_always_stays() -> None:
    bar_close = closes(Timeframe.M5, days=1, assets=1, session=slice(0, 10))
    rows = np.arange(3, 9)
    assert thinned(rows, bar_close, Timeframe.M5, 6) is rows
    assert len(thinned(rows, bar_close, Timeframe.M5, 1)) >= 1
