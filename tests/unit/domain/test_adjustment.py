"""Splits: found by a common ratio or a reported event, never by the size of one step."""

from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.adjustment import adjusted, common_ratio, contradicts, remarkable
from growfolio.domain.alignment import align
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes, Split
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.slots import SETTLED
from growfolio.domain.times import BAR, DAY
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import changed, moment, on_slots, scaled

AAPL = find_asset("AAPL")
NOW = moment("2024-09-05 18:00")
MORNING = moment("2024-09-05 13:30")
GRID = last_slots(Market.STOCKS, NOW, Timeframe.M5, 400)
BARS = on_slots(AAPL, GRID)
RATIOS = st.one_of(st.floats(1.05, 20), st.floats(1.05, 20).map(lambda ratio: 1 / ratio))


def split_over_night(ratio: float, *, reported: bool = True) -> Bars:
    """The past in old prices, today in new ones."""
    old = BARS.open_time < MORNING
    past = scaled(BARS.where(old), ratio)
    past = replace(past, volume=past.volume / ratio)
    bars = past.followed_by(BARS.where(~old))
    return replace(bars, splits=(Split(MORNING, ratio),)) if reported else bars


@given(ratio=RATIOS)
def test_a_reported_split_is_worked_into_the_bars_before_it(ratio: float) -> None:
    for bars in (split_over_night(ratio), replace(BARS, splits=(Split(MORNING, ratio),))):
        candles, refused = align({AAPL: bars}, GRID, Timeframe.M5)
        assert refused == {}
        np.testing.assert_allclose(candles.close[0], BARS.close, rtol=1e-12)
        np.testing.assert_allclose(candles.volume[0], BARS.volume, rtol=1e-12)


@given(ratio=RATIOS.filter(lambda ratio: abs(np.log(ratio)) > 0.2))
def test_an_unreported_split_beyond_the_assets_own_nights_is_refused_or_marked(ratio: float) -> None:
    candles, refused = align({AAPL: split_over_night(ratio, reported=False)}, GRID, Timeframe.M5)
    assert AAPL in refused or candles.after_step[0].any()
    assert not align({AAPL: BARS}, GRID, Timeframe.M5)[0].after_step.any()


@pytest.mark.parametrize("ratio", [2, 3, 4, 5, 10, 1 / 2, 1 / 4])
def test_a_step_of_a_split_ratio_is_refused(ratio: float) -> None:
    _, refused = align({AAPL: split_over_night(ratio, reported=False)}, GRID, Timeframe.M5)
    assert "a split that the provider has not worked" in str(refused[AAPL])


@pytest.mark.parametrize("ratio", [2, 3, 1 / 2, 1 / 4])
def test_a_step_of_a_split_ratio_that_nobody_takes_back_for_a_session_was_traded(ratio: float) -> None:
    bars = split_over_night(ratio, reported=False)
    older = bars.where(bars.open_time < MORNING)
    after = slots_between(Market.STOCKS, MORNING, MORNING + 2 * DAY, Timeframe.M5)
    later = older.followed_by(on_slots(AAPL, after))
    for count, refusals in ((SETTLED - 1, 1), (SETTLED, 0)):
        grid = last_slots(Market.STOCKS, int(after[count - 1]), Timeframe.M5, 300)
        candles, refused = align({AAPL: later}, grid, Timeframe.M5)
        assert len(refused) == refusals
        assert not len(candles.assets) or candles.times[0][candles.after_step[0]].tolist() == [MORNING + BAR]


@pytest.mark.parametrize("ratio", [2, 1 / 4])
def test_a_step_of_a_split_ratio_that_another_source_bears_out_is_served_at_once_and_marked(
    ratio: float,
) -> None:
    bars = split_over_night(ratio, reported=False)
    candles, refused = align({AAPL: bars}, GRID, Timeframe.M5, believed={AAPL})
    assert refused == {}
    assert candles.times[0][candles.after_step[0]].tolist() == [MORNING + BAR]


@pytest.mark.parametrize("ratio", [1.2, 1.4, 1.75, 2.4, 1 / 1.75, 1 / 2.4])
def test_any_other_step_beyond_the_assets_own_nights_is_served_and_marked(ratio: float) -> None:
    candles, refused = align({AAPL: split_over_night(ratio, reported=False)}, GRID, Timeframe.M5)
    assert refused == {}
    assert candles.times[0][candles.after_step[0]].tolist() == [MORNING + 300]


@given(ratio=RATIOS, shared=st.integers(3, 40))
def test_a_rewritten_past_is_found_by_the_ratio_that_is_common_to_the_overlap(
    ratio: float, shared: int
) -> None:
    newer = scaled(BARS.where(np.arange(400) >= 400 - shared), ratio)
    found = common_ratio(BARS, newer)
    assert found == pytest.approx(ratio)


@given(data=st.data())
def test_revised_bars_are_no_split(data: st.DataObject) -> None:
    revised = data.draw(st.sets(st.integers(394, 399), max_size=2))
    newer = BARS.where(np.arange(400) >= 394)
    for at in revised:
        newer.close[at - 394] *= data.draw(st.floats(0.2, 5))
    assert common_ratio(BARS, newer) is None


def test_too_few_shared_bars_say_nothing() -> None:
    assert common_ratio(BARS, scaled(BARS.where(np.arange(400) >= 398), 0.5)) is None
    assert common_ratio(BARS, Bars.of([])) is None


def test_a_split_outside_the_bars_changes_nothing() -> None:
    for time in (MORNING - 10**7, MORNING + 10**7):
        bars = replace(BARS, splits=(Split(time, 4.0),))
        np.testing.assert_array_equal(adjusted(bars).close, BARS.close)


def test_a_night_is_remarkable_beside_the_assets_own_nights() -> None:
    calm = np.array([0.004, -0.006, 0.002, 0.005])
    assert not remarkable(calm).any()
    assert remarkable(np.append(calm, np.log(1 / 1.05))).tolist() == [False] * 4 + [True]
    assert not remarkable(np.append(10 * calm, np.log(1 / 1.05))).any()


def test_a_revised_bar_or_two_do_not_contradict_what_is_known_and_shifted_bars_do() -> None:
    revised = changed(changed(BARS, -1, close=float(BARS.close[-1]) * 1.01), -2, close=1.0)
    assert not contradicts(BARS, revised.where(np.arange(len(BARS)) >= len(BARS) - 24))
    assert not contradicts(BARS, Bars.of([]))
    assert contradicts(BARS, Bars(OpenTimes(BARS.open_time[1:]), *(getattr(BARS, n)[:-1] for n in PRICES)))
