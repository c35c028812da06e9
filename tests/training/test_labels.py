"""What a label says, and where there is none."""

import numpy as np
import pytest
from growfolio.assets import Asset, Market, Timeframe, find_asset
from growfolio.candles import PRICES, Bars, Candles
from growfolio.grid import session_number

from tests.training.conftest import simulated
from training.history import stretches
from training.labels import BUY, HOLD, SELL, UNKNOWN, LabelRule


def closes(*prices: float, symbol: str = "BTC") -> Candles:
    close = np.array([prices])
    times = 1_750_000_000 // 86_400 * 86_400 + 300 * np.arange(1, len(prices) + 1)
    return Candles(
        (find_asset(symbol),), Timeframe.M5, times, close, close, close, close, np.ones_like(close), close < 0
    )


def test_a_move_beyond_the_threshold_is_buy_or_sell_and_one_within_is_hold() -> None:
    labels, _ = LabelRule(threshold=0.001).labels(closes(100.0, 100.2, 100.25, 100.1, 100.1))
    assert labels.tolist() == [BUY, HOLD, SELL, HOLD, UNKNOWN]


def test_a_label_looks_as_many_bars_ahead_as_its_horizon_and_says_when_it_is_decided() -> None:
    candles = closes(100.0, 100.0, 100.0, 101.0, 101.0)
    labels, decided = LabelRule(horizon_bars=3).labels(candles)
    assert labels.tolist() == [BUY, BUY, UNKNOWN, UNKNOWN, UNKNOWN]
    assert (decided[:2] - candles.close_time[:2]).tolist() == [900, 900]


def test_a_history_shorter_than_the_horizon_has_no_labels() -> None:
    labels, _ = LabelRule(horizon_bars=5).labels(closes(1.0, 2.0, 3.0))
    assert (labels == UNKNOWN).all()


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_a_label_of_a_stock_never_crosses_a_close(horizon: int, timeframe: Timeframe) -> None:
    (candles,) = stretches(find_asset("AAPL"), simulated("AAPL", 21), timeframe)
    labels, decided = LabelRule(horizon, threshold=1e-6).labels(candles)
    known = labels != UNKNOWN
    session = session_number(candles.close_time, Market.STOCKS)
    assert (session_number(decided[known], Market.STOCKS) == session[known]).all()
    of_each_session = np.bincount(session - session[0])
    assert (np.bincount((session - session[0])[~known]) == horizon).all()
    assert len(of_each_session) >= 14


def test_an_overnight_jump_labels_no_bar() -> None:
    asset, bars = find_asset("AAPL"), simulated("AAPL", 21)
    (candles,) = stretches(asset, bars, Timeframe.M5)
    jumped = stretches(asset, _raised_each_night(asset, bars), Timeframe.M5)[0]
    rule = LabelRule()
    assert (rule.labels(candles)[0] == rule.labels(jumped)[0]).all()


def test_coins_have_no_close_to_cross() -> None:
    (candles,) = stretches(find_asset("BTC"), simulated("BTC", 5), Timeframe.M15)
    labels, _ = LabelRule().labels(candles)
    assert (labels[:-1] != UNKNOWN).all()
    assert labels[-1] == UNKNOWN


def _raised_each_night(asset: Asset, bars: Bars) -> Bars:
    session = session_number(bars.open_time + 300, asset.market)
    factor = 1.03 ** (session - session[0])
    opened, high, low, close = (getattr(bars, name) * factor for name in PRICES[:4])
    return Bars(bars.open_time, opened, high, low, close, bars.volume)
