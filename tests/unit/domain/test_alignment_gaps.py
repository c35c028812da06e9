"""Slots without trades: which are filled, which break the grid, and which make candles too few or too old."""

import re

import numpy as np
import pytest
from growfolio.domain.alignment import align, history
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import PRICES, Bars, CloseTimes, OpenTimes
from growfolio.domain.grid import last_slots
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW
from growfolio.domain.refusals import LATE_SLOTS
from growfolio.domain.times import BAR, DAY
from growfolio.errors import BadCandles, MissingCandles
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import changed, in_order, moment, on_slots, printed, without
from tests.unit.domain.aligned import AAPL, BARS, GRID, MSFT, NOW, SHIB, candles_of, refusal, utc

UNTRADED = {
    "no row": lambda bars, at: without(bars, at),
    "null prices and volume": lambda bars, at: changed(bars, at, **dict.fromkeys(PRICES, np.nan)),
    "null prices, volume 0": lambda bars, at: changed(
        bars, at, **dict.fromkeys(PRICES[:4], np.nan), volume=0.0
    ),
    "null prices, some volume": lambda bars, at: changed(bars, at, **dict.fromkeys(PRICES[:4], np.nan)),
    "flat at the last close, volume 0": lambda bars, at: changed(
        bars, at, **dict.fromkeys(PRICES[:4], float(bars.close[at - 1])), volume=0.0
    ),
}


@pytest.mark.parametrize("kind", UNTRADED)
def test_all_ways_to_say_that_nothing_was_traded_mean_the_same(kind: str) -> None:
    candles = candles_of(UNTRADED[kind](BARS, 120))
    expected = candles_of(without(BARS, 120))
    for name in (*PRICES, "filled", "times"):
        np.testing.assert_array_equal(getattr(candles, name), getattr(expected, name))
    assert (
        str(refusal(UNTRADED[kind](BARS, 199))) == f"the candle that closed {utc(NOW)} is not published yet"
    )
    broken, whole = BARS, BARS
    for at in range(150, 155):
        broken, whole = UNTRADED[kind](broken, at if kind != "no row" else 150), whole
    longer = align({AAPL: broken}, GRID, Timeframe.M5, 195)[0]
    assert longer.times[0].tolist() == [*GRID[:150], *GRID[155:]]
    assert np.flatnonzero(longer.after_break[0]).tolist() == [150]


@pytest.mark.parametrize("missing", range(1, MAX_FILLED_IN_A_ROW + 1))
def test_up_to_three_slots_without_trades_repeat_the_close_before_them(missing: int) -> None:
    candles = candles_of(without(BARS, *range(100, 100 + missing)))
    for name in PRICES[:4]:
        assert (getattr(candles, name)[0, 100 : 100 + missing] == BARS.close[99]).all()
    assert (candles.volume[0, 100 : 100 + missing] == 0).all()
    assert np.flatnonzero(candles.filled[0]).tolist() == list(range(100, 100 + missing))


@given(at=st.integers(1, 150), gap=st.integers(4, 40), spare=st.integers(0, 60))
def test_a_longer_gap_is_a_break_whose_slots_leave_the_grid(at: int, gap: int, spare: int) -> None:
    bars = without(BARS, *range(at, at + gap))
    wanted = 200 - spare
    candles, refused = align({AAPL: bars, MSFT: on_slots(MSFT, GRID)}, GRID, Timeframe.M5, wanted)
    if gap > spare:
        assert isinstance(refused[AAPL], MissingCandles)
        assert str(refused[AAPL]) == f"too few candles: {200 - gap} of {wanted} needed"
        return
    assert refused == {}
    np.testing.assert_array_equal(candles.close[0], bars.close[-wanted:])
    np.testing.assert_array_equal(candles.times[0], bars.open_time[-wanted:] + BAR)
    np.testing.assert_array_equal(candles.times[1], GRID[-wanted:])
    assert not candles.filled.any()


@given(start=st.integers(0, 100), gap=st.integers(4, 40))
def test_on_longer_bars_a_break_leaves_out_those_in_which_nothing_traded(start: int, gap: int) -> None:
    grid = last_slots(Market.CRYPTO, NOW, Timeframe.M15, 60)
    bars = on_slots(SHIB, last_slots(Market.CRYPTO, NOW, Timeframe.M5, 180))
    broken = without(bars, *range(10 + start, 10 + start + gap))
    candles = history(SHIB, broken, grid, Timeframe.M15)
    traded = np.isin(bars.open_time, broken.open_time).reshape(60, 3)
    left = traded.any(axis=1)
    assert candles.times[0].tolist() == grid[left].tolist()
    for n, closed in enumerate(candles.times[0].tolist()):
        own = broken.where((broken.open_time >= closed - 900) & (broken.open_time < closed))
        assert (candles.open[0, n], candles.close[0, n]) == (own.open[0], own.close[-1])
        assert (candles.high[0, n], candles.low[0, n]) == (own.high.max(), own.low.min())
    first_after = np.searchsorted(candles.times[0], bars.open_time[10 + start + gap] + BAR)
    assert candles.after_break[0, first_after]


def test_too_few_real_bars_in_what_the_model_sees_are_refused() -> None:
    gone = sorted({at + n for at in range(70, 190, 5) for n in range(2)})
    error = refusal(without(BARS, *gone))
    assert isinstance(error, BadCandles)
    assert "without trades" in str(error)


def test_a_frozen_feed_is_told_from_a_thin_pair_by_the_assets_own_share() -> None:
    thin = without(BARS, *range(2, 199, 5))
    assert candles_of(thin).filled.mean() == pytest.approx(0.2)
    assert candles_of(without(thin, -1)).filled[0, -1]
    error = refusal(without(BARS, *(at for at in range(170, 199) if at % 3)))
    assert isinstance(error, BadCandles)
    assert str(error).endswith("0% before them: the feed is frozen?")


def test_a_feed_that_repeats_its_last_price_is_too_old() -> None:
    frozen = BARS
    for at in range(150, 200):
        frozen = changed(frozen, at, **dict.fromkeys(PRICES[:4], float(BARS.close[149])), volume=0.0)
    assert str(refusal(frozen)).startswith("too old: the newest candle closed")


def test_the_first_slots_are_filled_only_from_a_bar_before_them() -> None:
    earlier = printed(AAPL, int(GRID[0]) - 2 * DAY, NOW)
    start = int(np.searchsorted(earlier.open_time, GRID[0] - BAR))
    candles = candles_of(without(earlier, start, start + 1))
    assert (candles.close[0, :2] == earlier.close[start - 1]).all()
    error = refusal(without(BARS, 0, 1))
    assert isinstance(error, MissingCandles)
    assert str(error) == "too few candles: 198 of 200 needed"


@pytest.mark.parametrize("close", [np.nan, np.inf, 0.0, -1.0])
def test_a_close_that_no_market_prints_is_never_repeated(close: float) -> None:
    earlier = printed(AAPL, int(GRID[0]) - 2 * DAY, NOW)
    start = int(np.searchsorted(earlier.open_time, GRID[0] - BAR))
    candles = candles_of(without(changed(earlier, start - 1, close=close), start))
    assert candles.close[0, 0] == earlier.close[start - 2]


def test_too_few_candles_are_said_to_be_too_few() -> None:
    error = refusal(BARS.where(np.arange(200) >= 120))
    assert isinstance(error, MissingCandles)
    assert str(error) == "too few candles: 80 of 200 needed"


@pytest.mark.parametrize("bars", [Bars.of([]), printed(AAPL, NOW - 90 * DAY, NOW - 60 * DAY)])
def test_no_candle_of_the_wanted_time_is_said_so(bars: Bars) -> None:
    error = refusal(bars)
    assert isinstance(error, MissingCandles)
    assert str(error).startswith("no candles between")


@pytest.mark.parametrize("missing", range(1, LATE_SLOTS + 1))
def test_a_newest_bar_that_is_absent_may_still_be_published(missing: int) -> None:
    error = refusal(without(BARS, *range(-missing, 0)))
    assert isinstance(error, MissingCandles)
    assert str(error) == f"the candle that closed {utc(NOW)} is not published yet"


def test_bars_that_stopped_coming_are_too_old() -> None:
    error = refusal(without(BARS, -4, -3, -2, -1))
    assert isinstance(error, BadCandles)
    assert re.fullmatch(r"too old: the newest candle closed .* 17:40 UTC, 4 bars ago", str(error))


def test_where_nothing_of_a_market_is_traded_no_asset_is_blamed() -> None:
    bars = {asset: on_slots(asset, CloseTimes(GRID[:-5])) for asset in (AAPL, MSFT)}
    _, refused = align(bars, GRID, Timeframe.M5)
    assert [type(reason) for reason in refused.values()] == [MissingCandles, MissingCandles]
    bars[MSFT] = on_slots(MSFT, GRID)
    candles, refused = align(bars, GRID, Timeframe.M5)
    assert candles.assets == (MSFT,)
    assert isinstance(refused[AAPL], BadCandles)


def test_a_bars_age_is_counted_in_trading_time() -> None:
    """Friday's last bar is one bar old when the first of Monday has closed."""
    monday = moment("2024-09-09 13:35")
    grid = last_slots(Market.STOCKS, monday, Timeframe.M5, 200)
    friday = on_slots(AAPL, CloseTimes(grid[:-1]))
    _, refused = align({AAPL: friday}, grid, Timeframe.M5)
    assert str(refused[AAPL]) == "the candle that closed 2024-09-09 13:35 UTC is not published yet"


def test_bars_outside_the_session_are_left_out_whatever_they_say() -> None:
    evening = in_order(BARS, np.full(3, 100))
    evening.open_time[:] = moment("2024-09-04 20:00") + BAR * np.arange(3)
    evening.close[:] = [np.nan, -1, 1e9]
    at = int(np.searchsorted(BARS.open_time, evening.open_time[0]))
    parts = (BARS.where(np.arange(200) < at), evening, BARS.where(np.arange(200) >= at))
    columns = (np.concatenate([getattr(p, n) for p in parts]) for n in PRICES)
    mixed = Bars(OpenTimes(np.concatenate([p.open_time for p in parts])), *columns)
    np.testing.assert_array_equal(candles_of(mixed).close[0], BARS.close)
