"""Candles that come late, twice, out of order, in part or not at all, and splits, through the real client."""

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import PRICES, Split
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY

from tests.bars import changed, in_order, moment, printed, without
from tests.fakes.yahoo import YahooServer
from tests.integration.market.answers import NOW, served
from tests.integration.market.yahoo_stocks import AAPL, MSFT, SINCE, STOCKS, fetch


def test_a_bar_under_way_is_not_served(yahoo: YahooServer) -> None:
    for asset in STOCKS:
        running = without(yahoo.candles[asset.symbol], *range(-11, 0))
        assert running.open_time[-1] == NOW - 4
        yahoo.candles[asset.symbol] = running
    assert {int(bars.open_time[-1]) for bars in served(fetch(yahoo)).values()} == {NOW - 4 - BAR}


def test_a_bar_published_late_is_waited_for(yahoo: YahooServer) -> None:
    for asset in STOCKS:
        yahoo.candles[asset.symbol] = yahoo.candles[asset.symbol].closed_by(NOW)
    yahoo.withheld["MSFT"] = 2
    answers = served(fetch(yahoo))
    assert {int(bars.open_time[-1]) for bars in answers.values()} == {NOW - 4 - BAR}
    assert len(yahoo.requested("MSFT")) == 3
    assert len(yahoo.requested("AAPL")) == 1


def test_a_newest_row_that_comes_twice_is_one_bar(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    yahoo.candles["MSFT"] = in_order(whole, np.append(np.arange(len(whole)), len(whole) - 1))
    bars = served(fetch(yahoo))[MSFT]
    np.testing.assert_array_equal(bars.open_time, whole.open_time)


def test_an_older_row_that_comes_twice_is_not_taken_at_its_first_word(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    twice = in_order(whole, np.insert(np.arange(len(whole)), len(whole) - 20, len(whole) - 20))
    yahoo.candles["MSFT"] = changed(twice, -21, close=float(twice.high[-21]))
    candles, _ = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert np.flatnonzero(candles.quarantined[candles.assets.index(MSFT)]).tolist() == [len(GRID) - 20]


def test_split_events_come_with_the_bars(yahoo: YahooServer) -> None:
    yahoo.splits["MSFT"] = [(SINCE, 4, 1), (SINCE - 5 * DAY, 1, 10)]
    bars = served(fetch(yahoo))
    assert bars[MSFT].splits == (Split(SINCE - 5 * DAY, 0.1), Split(SINCE, 4.0))
    assert bars[AAPL].splits == ()


def test_a_split_event_without_a_ratio_is_left_out(yahoo: YahooServer) -> None:
    yahoo.splits["MSFT"] = [(SINCE, 4, 0), (SINCE, 0, 1)]
    assert served(fetch(yahoo))[MSFT].splits == ()


GRID = last_slots(Market.STOCKS, NOW, Timeframe.M5, 100)


def refused(yahoo: YahooServer) -> str:
    """Why MSFT gets no candles, once every other stock is seen to get its own."""
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert set(candles.assets) == set(STOCKS) - {MSFT}
    return str(reasons[MSFT])


IMPOSSIBLE = [{"low": -1.0}, {"high": 1.0}, {"volume": -5.0}]


@pytest.mark.parametrize("columns", [{"close": np.nan}, *IMPOSSIBLE])
def test_a_bad_candle_of_one_stock_becomes_a_slot_without_trades(
    yahoo: YahooServer, columns: dict[str, float]
) -> None:
    whole = printed(MSFT, SINCE, NOW)
    yahoo.candles["MSFT"] = changed(whole, -10, **columns)
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert reasons == {}
    row = candles.assets.index(MSFT)
    assert np.flatnonzero(candles.quarantined[row]).tolist() == [90]
    assert candles.close[row, 90] == whole.close[-11]


@pytest.mark.parametrize("columns", IMPOSSIBLE)
def test_a_bad_newest_candle_of_one_stock_never_reaches_a_signal(
    yahoo: YahooServer, columns: dict[str, float]
) -> None:
    yahoo.candles["MSFT"] = changed(printed(MSFT, SINCE, NOW), -1, **columns)
    assert "in the candle of" in refused(yahoo)


def test_candles_out_of_order_are_put_in_order(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    yahoo.candles["MSFT"] = in_order(whole, np.append(np.arange(len(whole))[::-1][1:], len(whole) - 1))
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert reasons == {}
    np.testing.assert_allclose(candles.close[candles.assets.index(MSFT)], whole.close[-100:])


def test_slots_without_trades_are_filled_and_a_long_gap_leaves_the_grid(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    nulls = dict.fromkeys(PRICES, np.nan)
    yahoo.candles["MSFT"] = changed(changed(whole, -20, **nulls), -21, **nulls)
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert reasons == {}
    row = candles.assets.index(MSFT)
    assert np.flatnonzero(candles.filled[row]).tolist() == [79, 80]
    assert candles.close[row, 80] == candles.close[row, 78]
    yahoo.candles["MSFT"] = without(whole, *range(-25, -19))
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5, 94)
    assert reasons == {}
    assert candles.times[row].tolist() == [*GRID[:75], *GRID[81:]]


def test_on_a_half_day_the_last_bar_is_that_of_1300(yahoo: YahooServer) -> None:
    now = moment("2024-07-03 17:00")
    for asset in STOCKS:
        yahoo.candles[asset.symbol] = printed(asset, moment("2024-07-01 00:00"), moment("2024-07-05 20:00"))
    # Yahoo shows trades after an early close although none were asked for.
    evening = in_order(yahoo.candles["MSFT"], np.arange(12))
    evening.open_time[:] = now + BAR * np.arange(12)
    yahoo.candles["MSFT"] = yahoo.candles["MSFT"].joined_with(evening)
    bars = served(fetch(yahoo, since=moment("2024-07-02 13:30"), now=moment("2024-07-03 21:00")))
    grid = last_slots(Market.STOCKS, moment("2024-07-03 21:00"), Timeframe.M5, 42 + 78)
    candles, reasons = align(bars, grid, Timeframe.M5)
    assert reasons == {}
    assert candles.close_time[-1] == now
    assert not candles.filled.any()
