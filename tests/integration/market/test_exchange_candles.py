"""Candles that come late, twice, out of order, in part or not at all, through the real ccxt."""

import threading

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import PRICES
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY

from tests.bars import changed, in_order, printed, scaled, without
from tests.fakes.candle_server import Fault
from tests.fakes.exchange import BinanceServer, KrakenServer
from tests.integration.market.answers import NOW, served
from tests.integration.market.exchanges import COINS, SHIB, SINCE, candles, fetch, source


@pytest.mark.parametrize(("timeframe", "bars"), [(Timeframe.M5, 700), (Timeframe.M15, 432)])
def test_krakens_720_bars_are_enough_for_both_timeframes_at_once(
    kraken: KrakenServer, timeframe: Timeframe, bars: int
) -> None:
    """Its 15-minute bars reach back where its 5-minute bars do not; they are the same as whole history's."""
    since = NOW - 4 - 5 * DAY
    grid = last_slots(Market.CRYPTO, NOW, timeframe, bars)
    mine, refused = align(served(fetch(source(kraken), since=since)), grid, timeframe)
    assert refused == {}
    whole, _ = align({asset: scaled(printed(asset, since, NOW), 1.01) for asset in COINS}, grid, timeframe)
    for name in PRICES:
        np.testing.assert_allclose(getattr(mine, name), getattr(whole, name), rtol=1e-12)


def test_a_bar_published_late_is_waited_for(binance: BinanceServer) -> None:
    for symbol, bars in candles(until=NOW).items():
        binance.candles[symbol] = bars
    binance.withheld["DOGEUSDT"] = 3  # two requests the first time: the second asks whether there is more
    answers = served(fetch(source(binance)))
    assert {int(bars.open_time[-1]) for bars in answers.values()} == {NOW - 4 - BAR}


SLOTS = last_slots(Market.CRYPTO, NOW, Timeframe.M5, 100)


@pytest.mark.parametrize(
    "columns", [{"close": 0.0}, {"high": 1e-9}, {"volume": -5.0}, {"low": np.nan}], ids=str
)
def test_a_bad_candle_of_one_coin_becomes_a_slot_without_trades(
    binance: BinanceServer, columns: dict[str, float]
) -> None:
    whole = printed(SHIB, SINCE, NOW)
    binance.candles["SHIBUSDT"] = changed(whole, -10, **columns)
    candles, refused = align(served(fetch(source(binance))), SLOTS, Timeframe.M5)
    assert refused == {}
    row = candles.assets.index(SHIB)
    assert np.flatnonzero(candles.filled[row]).tolist() == [90]
    assert candles.close[row, 90] == pytest.approx(whole.close[-11])


def test_a_gap_of_one_coin_leaves_its_grid_and_a_double_is_one_candle(binance: BinanceServer) -> None:
    whole = printed(SHIB, SINCE, NOW)
    binance.candles["SHIBUSDT"] = without(whole, *range(-40, -35))
    candles, refused = align(served(fetch(source(binance))), SLOTS, Timeframe.M5, 95)
    assert refused == {}
    assert candles.times[candles.assets.index(SHIB)].tolist() == [*SLOTS[:60], *SLOTS[65:]]
    binance.candles["SHIBUSDT"] = in_order(whole, np.sort(np.append(np.arange(len(whole)), len(whole) - 9)))
    candles, refused = align(served(fetch(source(binance))), SLOTS, Timeframe.M5)
    assert refused == {}
    np.testing.assert_allclose(candles.close[candles.assets.index(SHIB)], whole.close[-100:])


def test_rows_that_are_cut_short_never_reach_a_signal(binance: BinanceServer) -> None:
    rows = b",".join(b"[%d000, 1, 1]" % (SINCE + n * BAR) for n in range(288))
    binance.meet("SHIBUSDT", Fault(200, b"[" + rows + b"]"))
    grid = last_slots(Market.CRYPTO, NOW, Timeframe.M5, 100)
    candles, refused = align(served(fetch(source(binance))), grid, Timeframe.M5)
    assert set(candles.assets) == set(COINS) - {SHIB}
    assert str(refused[SHIB]).startswith("a value that is not a number")


def test_candles_that_ccxt_received_out_of_order_come_in_order(binance: BinanceServer) -> None:
    whole = printed(SHIB, SINCE, NOW)
    binance.candles["SHIBUSDT"] = in_order(whole, np.arange(len(whole))[::-1])
    np.testing.assert_array_equal(served(fetch(source(binance)))[SHIB].close, whole.close)


def test_all_coins_are_asked_for_at_once(binance: BinanceServer) -> None:
    """None is answered before all were asked for; tests/benchmarks measures the time."""
    binance.together = threading.Barrier(len(COINS))
    assert set(served(fetch(source(binance)))) == set(COINS)
