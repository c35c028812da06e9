"""Which bars become candles, which slots are filled, and what is refused with which reason."""

import re
from datetime import UTC, datetime

import numpy as np
import pytest
from growfolio.domain.alignment import (
    LATE_SLOTS,
    MAX_FILLED_IN_A_ROW,
    MAX_QUARANTINED_A_DAY,
    align,
    history,
)
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import PRICES, Bars, Candles, CloseTimes, OpenTimes, closes_of, opens_of
from growfolio.domain.grid import last_slots, session_number, slots_between
from growfolio.domain.times import BAR, DAY
from growfolio.errors import BadCandles, GrowfolioError, MissingCandles
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import changed, in_order, moment, on_slots, printed, scaled, without

AAPL, MSFT, SHIB = find_asset("AAPL"), find_asset("MSFT"), find_asset("SHIB")
NOW = moment("2024-09-05 18:00")
GRID = last_slots(Market.STOCKS, NOW, Timeframe.M5, 200)
BARS = on_slots(AAPL, GRID)


def refusal(bars: Bars, asset: Asset = AAPL, timeframe: Timeframe = Timeframe.M5) -> GrowfolioError:
    grid = last_slots(asset.market, NOW, timeframe, 200 * BAR // timeframe.seconds)
    candles, refused = align({asset: bars}, grid, timeframe)
    assert candles.assets == ()
    return refused[asset]


def candles_of(bars: Bars, asset: Asset = AAPL) -> Candles:
    candles, refused = align({asset: bars}, last_slots(asset.market, NOW, Timeframe.M5, 200), Timeframe.M5)
    assert refused == {}
    return candles


def utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def test_bars_that_cover_the_grid_come_through_unchanged() -> None:
    candles = candles_of(BARS)
    assert candles.close_time.tolist() == GRID.tolist()
    for name in PRICES:
        np.testing.assert_array_equal(getattr(candles, name)[0], getattr(BARS, name))
    assert not candles.filled.any()


IMPOSSIBLE = [
    ({"close": np.nan}, "a value that is not a number"),
    ({"volume": np.nan}, "a value that is not a number"),
    ({"high": np.inf}, "an infinite value"),
    ({"low": 0.0, "open": 0.0}, "a price of zero or less"),
    ({"open": -1.0}, "a price of zero or less"),
    ({"volume": -1.0}, "a negative volume"),
    ({"high": 1.0}, "a high below its low"),
    ({"close": 1e6}, "an open or close outside its high and low"),
    ({"open": 1e-3}, "an open or close outside its high and low"),
    ({"high": 1e30}, "a high more than 5 times its low"),
]


@pytest.mark.parametrize("columns", [columns for columns, _ in IMPOSSIBLE])
def test_a_bar_that_no_market_prints_is_a_slot_without_trades(columns: dict[str, float]) -> None:
    candles = candles_of(changed(BARS, 150, **columns))
    expected = candles_of(without(BARS, 150))
    for name in (*PRICES, "filled"):
        np.testing.assert_array_equal(getattr(candles, name), getattr(expected, name))
    assert np.flatnonzero(candles.quarantined[0]).tolist() == [150]


@pytest.mark.parametrize(("columns", "reason"), IMPOSSIBLE[2:])
def test_an_impossible_newest_bar_refuses_the_asset_with_its_fault(
    columns: dict[str, float], reason: str
) -> None:
    error = refusal(changed(BARS, 199, **columns))
    assert isinstance(error, BadCandles)
    assert str(error) == f"{reason} in the candle of {utc(int(BARS.open_time[199]))}"


@pytest.mark.parametrize("columns", [{"close": np.nan}, {"volume": np.nan}, dict.fromkeys(PRICES, np.nan)])
def test_a_half_published_newest_bar_is_a_late_one(columns: dict[str, float]) -> None:
    error = refusal(changed(BARS, 199, **columns))
    assert isinstance(error, MissingCandles)
    assert str(error) == f"the candle that closed {utc(NOW)} is not published yet"


def test_the_same_bar_sent_twice_is_one_bar_and_two_different_ones_are_none() -> None:
    twice = in_order(BARS, np.sort(np.append(np.arange(200), 50)))
    np.testing.assert_array_equal(candles_of(twice).close[0], BARS.close)
    candles = candles_of(changed(twice, 50, volume=7.0))
    assert np.flatnonzero(candles.quarantined[0]).tolist() == [50]


def test_bars_out_of_order_are_put_in_order() -> None:
    order = np.random.default_rng(1).permutation(200)
    np.testing.assert_array_equal(candles_of(in_order(BARS, order)).close[0], BARS.close)


def test_more_impossible_bars_than_slips_refuse_the_asset() -> None:
    few = [199 - 3 * n for n in range(1, MAX_QUARANTINED_A_DAY + 2)]
    spoiled = BARS
    for at in few[:-1]:
        spoiled = changed(spoiled, at, low=-1.0)
    assert candles_of(spoiled).quarantined.sum() == MAX_QUARANTINED_A_DAY
    error = refusal(changed(spoiled, few[-1], low=-1.0))
    assert isinstance(error, BadCandles)
    assert str(error).startswith("7 impossible candles within a day, at most 6")


def test_one_assets_bad_candles_leave_the_others_served() -> None:
    bars = {AAPL: changed(BARS, 199, low=-1.0), MSFT: on_slots(MSFT, GRID)}
    candles, refused = align(bars, GRID, Timeframe.M5)
    assert candles.assets == (MSFT,)
    assert list(refused) == [AAPL]
    np.testing.assert_array_equal(candles.close[0], bars[MSFT].close)


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


@pytest.mark.parametrize("factor", [0.5, 0.1, 4.0])
def test_a_split_that_the_provider_has_not_worked_in_is_refused(factor: float) -> None:
    this_morning = moment("2024-09-05 13:30")
    before, after = BARS.where(BARS.open_time < this_morning), BARS.where(BARS.open_time >= this_morning)
    error = refusal(scaled(before, factor).followed_by(after))
    assert isinstance(error, BadCandles)
    assert re.search("in the night before 2024-09-05 13:.. UTC: a split", str(error))
    assert candles_of(scaled(BARS, factor)).assets == (AAPL,)


def test_coins_have_no_nights_to_judge() -> None:
    bars = on_slots(SHIB, last_slots(Market.CRYPTO, NOW, Timeframe.M5, 200))
    crash = bars.where(np.arange(200) < 100).followed_by(scaled(bars.where(np.arange(200) >= 100), 0.4))
    assert candles_of(crash, SHIB).assets == (SHIB,)


@pytest.mark.parametrize("factor", [1e-300, 1 / 6, 6.0, 1e30])
def test_a_bar_far_from_those_before_it_is_quarantined(factor: float) -> None:
    bars = on_slots(SHIB, last_slots(Market.CRYPTO, NOW, Timeframe.M5, 200))

    def slip(at: int) -> Bars:
        return changed(bars, at, **{name: float(getattr(bars, name)[at] * factor) for name in PRICES[:4]})

    candles = candles_of(slip(120), SHIB)
    assert np.flatnonzero(candles.quarantined[0]).tolist() == [120]
    assert candles.close[0, 120] == bars.close[119]
    error = refusal(slip(199), SHIB)
    assert isinstance(error, BadCandles)
    assert str(error).startswith("a price far from all bars before it")


def test_a_step_of_price_that_lasts_is_believed_after_a_few_bars() -> None:
    bars = on_slots(SHIB, last_slots(Market.CRYPTO, NOW, Timeframe.M5, 200))
    crash = bars.where(np.arange(200) < 100).followed_by(scaled(bars.where(np.arange(200) >= 100), 0.1))
    candles, refused = align({SHIB: crash}, closes_of(bars.open_time), Timeframe.M5, 190)
    assert refused == {}
    np.testing.assert_array_equal(candles.close[0, -90:], crash.close[-90:])


@pytest.mark.parametrize("day", ["2024-09-05", "2024-07-03", "2024-11-29"])
def test_a_15m_candle_is_three_slots_of_one_session_also_on_half_days(day: str) -> None:
    start, end = moment(f"{day} 00:00"), moment(f"{day} 23:59")
    grid = slots_between(Market.STOCKS, start, end, Timeframe.M15)
    bars = on_slots(AAPL, slots_between(Market.STOCKS, start, end, Timeframe.M5))
    candles, refused = align({AAPL: bars}, grid, Timeframe.M15)
    assert refused == {}
    assert len(bars) == 3 * len(grid) in (78, 42)
    for n in range(len(grid)):
        three = bars.where((bars.open_time >= grid[n] - 900) & (bars.open_time < grid[n]))
        assert len(three) == 3
        assert candles.open[0, n] == three.open[0]
        assert candles.high[0, n] == three.high.max()
        assert candles.low[0, n] == three.low.min()
        assert candles.close[0, n] == three.close[-1]
        assert candles.volume[0, n] == pytest.approx(three.volume.sum())


def test_no_15m_candle_spans_a_close() -> None:
    grid = last_slots(Market.STOCKS, moment("2024-07-08 18:00"), Timeframe.M15, 400)
    first_slot = closes_of(opens_of(grid, Timeframe.M15.seconds))
    opened, closed = session_number(first_slot, Market.STOCKS), session_number(grid, Market.STOCKS)
    np.testing.assert_array_equal(opened, closed)


def test_a_15m_candle_counts_as_filled_only_where_nothing_of_it_traded() -> None:
    bars = without(BARS, 151, 152, 153)
    grid = last_slots(Market.STOCKS, NOW, Timeframe.M15, 60)
    candles, _ = align({AAPL: bars}, grid, Timeframe.M15)
    fine = candles_of(bars).filled[0, -180:].reshape(60, 3)
    np.testing.assert_array_equal(candles.filled[0], fine.all(axis=1))


ANY_VALUE = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True), st.floats(-1, 500), st.sampled_from([0.0, -0.0, 1e-300])
)


@given(at=st.integers(0, 199), name=st.sampled_from(PRICES), value=ANY_VALUE)
def test_whatever_a_provider_sends_candles_hold_only_what_a_market_can_print(
    at: int, name: str, value: float
) -> None:
    candles, refused = align({AAPL: changed(BARS, at, **{name: value})}, GRID, Timeframe.M5)
    assert (AAPL in refused) != (AAPL in candles.assets)
    table = np.stack([getattr(candles, column) for column in PRICES])
    assert np.isfinite(table).all()
    assert (table[:4] > 0).all()
    assert (candles.volume >= 0).all()
    assert (candles.high >= candles.low).all()


@given(gone=st.sets(st.integers(1, 198), max_size=10), at=st.integers(100, 199), factor=st.floats(0.9, 1.1))
def test_no_candle_depends_on_a_later_bar(gone: set[int], at: int, factor: float) -> None:
    present = without(BARS, *gone) if gone else BARS
    later = present.open_time >= BARS.open_time[at]
    other = present.where(~later).followed_by(scaled(present.where(later), factor))
    pair = [align({AAPL: bars}, GRID, Timeframe.M5) for bars in (present, other)]
    if not any(refused for _, refused in pair):
        (first, _), (second, _) = pair
        for name in (*PRICES, "after_break", "quarantined"):
            np.testing.assert_array_equal(getattr(first, name)[:, :at], getattr(second, name)[:, :at])


def test_bars_that_close_after_the_grid_are_not_seen() -> None:
    longer = printed(AAPL, int(GRID[0]) - BAR, NOW + 3600)
    assert len(longer) == len(BARS) + 12
    np.testing.assert_array_equal(candles_of(longer).close[0], BARS.close)
