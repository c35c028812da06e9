"""Which bars become candles, which slots are filled, and what is refused with which reason."""

import re

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import PRICES, Bars, closes_of, opens_of
from growfolio.domain.grid import last_slots, session_number, slots_between
from growfolio.domain.refusals import MAX_QUARANTINED_A_DAY
from growfolio.domain.times import BAR
from growfolio.errors import BadCandles, MissingCandles
from hypothesis import example, given
from hypothesis import strategies as st

from tests.bars import changed, in_order, moment, on_slots, printed, scaled, without
from tests.unit.domain.aligned import AAPL, BARS, GRID, MSFT, NOW, SHIB, candles_of, refusal, utc


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
    (dict.fromkeys(PRICES[:4], 1e30), "a price beyond 1e+12"),
    ({"volume": 1e30}, "a volume beyond 1e+18"),
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


@pytest.mark.parametrize("factor", [1e-300, 1 / 6, 6.0, 1e12])
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
@example(at=100, name="open", value=1.7976e308)
@example(at=100, name="low", value=1.7976e308)
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
