"""What a label says, and where there is none."""

from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import PRICES, Bars, Candles, CloseTimes, closes_of
from growfolio.domain.forecast import BUY, HOLD, SELL
from growfolio.domain.grid import session_number
from growfolio.domain.label import LABEL_KINDS, Label
from growfolio.domain.labels import UNKNOWN, labels_of
from growfolio.domain.times import BAR, DAY

from tests.training.conftest import simulated
from training.data.history import stretches


def closes(*prices: float, symbol: str = "BTC") -> Candles:
    close = np.array([prices])
    times = CloseTimes(1_750_000_000 // DAY * DAY + BAR * np.arange(1, len(prices) + 1))
    return Candles(
        (find_asset(symbol),), Timeframe.M5, times, close, close, close, close, np.ones_like(close), close < 0
    )


def test_a_move_beyond_the_threshold_is_buy_or_sell_and_one_within_is_hold() -> None:
    labels, _ = labels_of(closes(100.0, 100.2, 100.25, 100.1, 100.1), Label(threshold=0.001))
    assert labels.tolist() == [BUY, HOLD, SELL, HOLD, UNKNOWN]


class LabelOfEachAsset(Label):
    """What a label with an own threshold for each asset would answer."""

    def threshold_for(self, asset: Asset) -> float:
        return 0.01 if asset.symbol == "BTC" else self.threshold


@pytest.mark.parametrize(("symbol", "first"), [("BTC", HOLD), ("ETH", BUY)])
def test_the_threshold_is_that_of_the_asset(symbol: str, first: int) -> None:
    labels, _ = labels_of(closes(100.0, 100.2, symbol=symbol), LabelOfEachAsset())
    assert labels.tolist() == [first, UNKNOWN]


def test_a_label_looks_as_many_bars_ahead_as_its_horizon_and_says_when_it_is_decided() -> None:
    candles = closes(100.0, 100.0, 100.0, 101.0, 101.0)
    labels, decided = labels_of(candles, Label(horizon_bars=3))
    assert labels.tolist() == [BUY, BUY, UNKNOWN, UNKNOWN, UNKNOWN]
    assert (decided[:2] - candles.close_time[:2]).tolist() == [900, 900]


def test_a_history_shorter_than_the_horizon_has_no_labels() -> None:
    labels, _ = labels_of(closes(1.0, 2.0, 3.0), Label(horizon_bars=5))
    assert (labels == UNKNOWN).all()


@pytest.mark.parametrize("horizon", [1, 4])
@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_a_label_of_a_stock_never_crosses_a_close(horizon: int, timeframe: Timeframe) -> None:
    (candles,) = stretches(find_asset("AAPL"), simulated("AAPL", 21), timeframe)
    labels, decided = labels_of(candles, Label("fixed", horizon, 1e-6))
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
    label = Label()
    assert (labels_of(candles, label)[0] == labels_of(jumped, label)[0]).all()


def test_coins_have_no_close_to_cross() -> None:
    (candles,) = stretches(find_asset("BTC"), simulated("BTC", 5), Timeframe.M15)
    labels, _ = labels_of(candles, Label())
    assert (labels[:-1] != UNKNOWN).all()
    assert labels[-1] == UNKNOWN


def _raised_each_night(asset: Asset, bars: Bars) -> Bars:
    session = session_number(closes_of(bars.open_time), asset.market)
    factor = 1.03 ** (session - session[0])
    opened, high, low, close = (getattr(bars, name) * factor for name in PRICES[:4])
    return Bars(bars.open_time, opened, high, low, close, bars.volume)


def bars_of(close: list[float], high: list[float], low: list[float]) -> Candles:
    """Sixty quiet bars with an ATR of about 1, then these."""
    quiet = [100.0] * 60
    candles = closes(*quiet, *close)
    return replace(candles, high=np.array([[100.5] * 60 + high]), low=np.array([[99.5] * 60 + low]))


def test_with_barriers_a_bar_is_buy_where_the_sell_target_is_reached_before_the_stop() -> None:
    label = Label("triple_barrier", 3, 1.0 - 1e-9)
    up = bars_of([101.0, 102.0, 102.0], [101.2, 102.5, 102.1], [100.0, 101.0, 102.0])
    assert labels_of(up, label)[0][59] == BUY
    stopped_first = bars_of([98.6, 102.0, 102.0], [100.0, 102.5, 102.1], [98.4, 98.6, 102.0])
    assert labels_of(stopped_first, label)[0][59] == HOLD
    down = bars_of([99.0, 98.0, 98.0], [100.0, 99.0, 98.2], [98.8, 97.5, 97.9])
    assert labels_of(down, label)[0][59] == SELL
    neither = bars_of([100.0, 100.5, 100.2], [100.6, 100.9, 100.6], [99.6, 99.9, 100.0])
    assert labels_of(neither, label)[0][59] == HOLD


def test_a_threshold_scaled_by_volatility_asks_more_of_a_wild_market() -> None:
    label = Label("volatility", 1, 0.5)
    calm = closes(*(100 * (1 + 0.0005 * (-1) ** n) for n in range(70)), 100.1)
    wild = closes(*(100 * (1 + 0.01 * (-1) ** n) for n in range(70)), 99.1)
    assert labels_of(calm, label)[0][69] == BUY
    assert labels_of(wild, label)[0][69] == HOLD


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_no_kind_of_label_looks_across_a_close_or_past_its_horizon(
    kind: str, market: dict[Asset, Bars]
) -> None:
    asset = find_asset("AAPL")
    (candles, *_) = stretches(asset, market[asset], Timeframe.M5)
    label = Label(kind, 4, 0.4)
    labels, decided = labels_of(candles, label)
    session = session_number(candles.close_time, asset.market)
    known = np.flatnonzero(labels != UNKNOWN)
    assert (session[known] == session[known + 4]).all()
    assert (decided[known] == candles.close_time[known + 4]).all()
    later = np.arange(len(labels)) > 204
    moved = {name: np.where(later, getattr(candles, name) * 1.1, getattr(candles, name)) for name in PRICES}
    assert (labels_of(replace(candles, **moved), label)[0][:201] == labels[:201]).all()
