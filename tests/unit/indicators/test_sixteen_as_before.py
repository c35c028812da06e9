"""The sixteen are, byte for byte, what the product's first models were trained on."""

from collections.abc import Callable

import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, Timeframe, find_asset
from growfolio.domain.bars import Candles, FloatArray
from growfolio.domain.indicators import Indicators, indicators
from growfolio.domain.rolling import moving_mean
from growfolio.indicators.standard import FEATURES, features

from tests.synthetic import flat_candles, synthetic_candles


def log_ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    return np.log1p(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


AS_BEFORE: dict[str, Callable[[Candles, Indicators], FloatArray]] = {
    "open": lambda candles, _: candles.open / candles.close - 1,
    "high": lambda candles, _: candles.high / candles.close - 1,
    "low": lambda candles, _: candles.low / candles.close - 1,
    "close": lambda candles, _: candles.close / moving_mean(candles.close, 20) - 1,
    "volume": lambda candles, known: log_ratio(candles.volume, known.volume_ma),
    "rsi_14": lambda _, known: known.rsi_14 / 100,
    "macd": lambda candles, known: known.macd / candles.close,
    "ema_9": lambda candles, known: known.ema_9 / candles.close - 1,
    "ema_21": lambda candles, known: known.ema_21 / candles.close - 1,
    "ema_50": lambda candles, known: known.ema_50 / candles.close - 1,
    "atr_14": lambda candles, known: known.atr_14 / candles.close,
    "bollinger": lambda _, known: known.bollinger,
    "vwap": lambda candles, known: known.vwap / candles.close - 1,
    "volume_ma": lambda candles, known: log_ratio(known.volume_ma, moving_mean(candles.volume, 100)),
    "price_change": lambda _, known: known.price_change,
    "hl_spread": lambda _, known: known.hl_spread,
}


@pytest.mark.parametrize(
    "candles",
    [
        synthetic_candles(ASSETS, 400),
        synthetic_candles(ASSETS, 333, timeframe=Timeframe.M15, seed=7),
        flat_candles([find_asset("SHIB")], 150, 1.3456e-5),
        synthetic_candles(ASSETS[:2], 1),
    ],
    ids=["5m", "15m", "flat", "one bar"],
)
def test_the_sixteen_have_the_bytes_that_they_always_had(candles: Candles) -> None:
    known = indicators(candles)
    assert tuple(AS_BEFORE) == FEATURES
    before = np.stack([formula(candles, known).astype(np.float32) for formula in AS_BEFORE.values()], axis=-1)
    assert features(candles).tobytes() == before.tobytes()
