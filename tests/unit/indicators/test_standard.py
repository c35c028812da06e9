"""What a model sees of a bar: the formulas, and the bars on which a formula could break."""

from dataclasses import fields

import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, Timeframe, find_asset
from growfolio.domain.bars import PRICES
from growfolio.domain.indicators import Indicators, indicators
from growfolio.indicators.standard import FEATURES, features

from tests.synthetic import candles_of, first, flat_candles, synthetic_candles

AAPL, BTC, SHIB = (find_asset(name) for name in ("AAPL", "BTC", "SHIB"))


def feature(table: np.ndarray, name: str) -> np.ndarray:
    return table[..., FEATURES.index(name)]


def test_there_are_sixteen_features_for_every_bar_of_every_asset() -> None:
    table = features(synthetic_candles(bars=130))
    assert table.shape == (len(ASSETS), 130, 16)
    assert table.dtype == np.float32


def test_features_are_the_same_at_any_price_level_and_any_size_of_volume() -> None:
    candles = synthetic_candles([BTC], seed=1)
    opened, high, low, close = (getattr(candles, name) * 1e-9 for name in PRICES[:4])
    rescaled = candles_of([SHIB], candles.timeframe, opened, high, low, close, candles.volume * 1e6)
    np.testing.assert_allclose(features(rescaled), features(candles), rtol=1e-5, atol=1e-9)


def test_an_asset_has_the_same_features_alone_and_among_others() -> None:
    together = synthetic_candles(ASSETS)
    for row, asset in enumerate(ASSETS):
        columns = (
            getattr(together, name)[row : row + 1] for name in ("open", "high", "low", "close", "volume")
        )
        alone = candles_of([asset], together.timeframe, *columns)
        np.testing.assert_allclose(features(alone)[0], features(together)[row], rtol=1e-6, atol=1e-12)


def test_features_stay_within_a_few_units() -> None:
    table = features(synthetic_candles(bars=2000))
    assert np.abs(table).max() < 5


@pytest.mark.parametrize("bars", [1, 2, 13, 14, 15, 20, 21, 60, 100])
def test_every_feature_is_finite_from_the_first_bar_on(bars: int) -> None:
    assert np.isfinite(features(synthetic_candles(bars=bars))).all()


@pytest.mark.parametrize("price", [1e-8, 1.3456e-5, 1.0, 150.1, 60_000.01])
@pytest.mark.parametrize("volume", [0.0, 1000.0])
def test_a_market_in_which_nothing_moves_is_neutral(price: float, volume: float) -> None:
    table = features(flat_candles([AAPL], 150, price, volume))[0, -1]
    traded = np.log(2) if volume else 0
    neutral = {"rsi_14": 0.5, "bollinger": 0.5, "volume": traded, "volume_ma": traded}
    np.testing.assert_allclose(table, [neutral.get(name, 0) for name in FEATURES], atol=1e-12, rtol=1e-6)


def test_bars_filled_flat_after_real_ones_keep_every_feature_finite() -> None:
    real = synthetic_candles([SHIB], 200, seed=3)
    columns = [getattr(real, name).copy() for name in ("open", "high", "low", "close", "volume")]
    for column in columns[:4]:
        column[:, 150:] = columns[3][:, 149:150]
    columns[4][:, 150:] = 0
    candles = candles_of([SHIB], real.timeframe, *columns)
    values, table = indicators(candles), features(candles)
    assert np.isfinite(table).all()
    assert values.vwap[0, -1] == candles.close[0, -1], "no trade in its window leaves the close"
    assert values.bollinger[0, -1] == 0.5, "bands of no width have the price in their middle"
    assert feature(table, "volume")[0, -1] == 0
    assert 0 < feature(table, "volume_ma")[0, 168] < np.log(2), "the last of 20 bars that still traded"


def test_no_trade_for_longer_than_any_window_then_a_huge_one_is_finite_and_bounded() -> None:
    candles = synthetic_candles([BTC], 300)
    candles.volume[:, :] = 0
    candles.volume[:, 250] = 1e15
    table = features(candles)
    assert np.isfinite(table).all()
    assert feature(table, "volume")[0, 250] == pytest.approx(np.log(21))
    assert feature(table, "volume_ma")[0, 250] == pytest.approx(np.log(6))


def test_prices_that_only_rise_have_an_rsi_of_100_and_only_fall_of_0() -> None:
    rising = np.linspace(100, 120, 150)[None]
    for close, expected in ((rising, 100), (rising[:, ::-1].copy(), 0)):
        candles = candles_of([AAPL], Timeframe.M5, close, close, close, close, np.ones_like(close))
        assert indicators(candles).rsi_14[0, -1] == pytest.approx(expected, abs=1e-12)


def test_indicators_are_finite_float64_of_all_assets_and_bars() -> None:
    values = indicators(synthetic_candles(bars=30))
    for field in fields(Indicators):
        column = getattr(values, field.name)
        assert column.shape == (len(ASSETS), 30), field.name
        assert column.dtype == np.float64, field.name
        assert np.isfinite(column).all(), field.name


def test_known_indicators_are_not_computed_again() -> None:
    candles = synthetic_candles([AAPL], 130)
    other = indicators(synthetic_candles([AAPL], 130, seed=9))
    table = features(candles, other)
    np.testing.assert_array_equal(feature(table, "rsi_14"), (other.rsi_14 / 100).astype(np.float32))


def test_no_assets_have_no_features() -> None:
    assert features(synthetic_candles([], bars=100)).shape == (0, 100, 16)


def test_the_last_bar_of_a_shorter_history_has_the_features_it_has_in_a_longer_one() -> None:
    candles = synthetic_candles(ASSETS[:4], 400)
    for bars in (1, 5, 40, 129, 399):
        earlier = features(first(candles, bars))
        np.testing.assert_allclose(features(candles)[:, :bars], earlier, rtol=1e-5, atol=1e-9)
