"""The sixteen indicators that a model sees unless it names others.

Each is written against the close, against its own average, or from 0 to 1, so that a model does not
age with the price level. Log ratios are 0 where nothing traded; close and vwap are distances from a mean,
bollinger is %B.
"""

from typing import Final

import numpy as np

from growfolio.domain.bars import BoolArray, Candles, FloatArray
from growfolio.domain.features import FeatureArray
from growfolio.domain.indicators import Indicators
from growfolio.domain.rolling import moving_mean
from growfolio.indicators.registry import indicator, sequence

FEATURES_VERSION: Final = 1
"""What manifests of models that see the sixteen have always named."""
LONG_VOLUME_BARS: Final = 100
CLOSE_BARS: Final = 20
SETTLED: Final = {9: 60, 14: 180, 21: 140, 26: 170, 50: 261}
"""Bars after which an average that never forgets has forgotten all but a thousandth of its usual size."""

FEATURES: Final = (
    "open", "high", "low", "close", "volume", "rsi_14", "macd", "ema_9", "ema_21", "ema_50", "atr_14",
    "bollinger", "vwap", "volume_ma", "price_change", "hl_spread",
)  # fmt: skip
"""Their names, in the order that models take them."""


def features(candles: Candles, known: Indicators | None = None) -> FeatureArray:
    """Array (assets, bars, 16), float32: the sixteen in their order, finite at every bar.

    known saves computing the indicators of these same candles again.
    """
    return sequence(FEATURES, candles, known)


@indicator(name="open", bars=1)
def open_against_close(candles: Candles, known: Indicators) -> FloatArray:
    return candles.open / candles.close - 1


@indicator(name="high", bars=1)
def high_against_close(candles: Candles, known: Indicators) -> FloatArray:
    return candles.high / candles.close - 1


@indicator(name="low", bars=1)
def low_against_close(candles: Candles, known: Indicators) -> FloatArray:
    return candles.low / candles.close - 1


@indicator(name="close", bars=CLOSE_BARS)
def close_against_mean(candles: Candles, known: Indicators) -> FloatArray:
    return candles.close / moving_mean(candles.close, CLOSE_BARS) - 1


@indicator(name="volume", bars=20)
def volume_against_mean(candles: Candles, known: Indicators) -> FloatArray:
    return _log_ratio(candles.volume, known.volume_ma)


@indicator(name="rsi_14", bars=SETTLED[14])
def rsi_14(candles: Candles, known: Indicators) -> FloatArray:
    return known.rsi_14 / 100


@indicator(name="macd", bars=SETTLED[26])
def macd(candles: Candles, known: Indicators) -> FloatArray:
    return known.macd / candles.close


@indicator(name="ema_9", bars=SETTLED[9])
def ema_9(candles: Candles, known: Indicators) -> FloatArray:
    return known.ema_9 / candles.close - 1


@indicator(name="ema_21", bars=SETTLED[21])
def ema_21(candles: Candles, known: Indicators) -> FloatArray:
    return known.ema_21 / candles.close - 1


@indicator(name="ema_50", bars=SETTLED[50])
def ema_50(candles: Candles, known: Indicators) -> FloatArray:
    return known.ema_50 / candles.close - 1


@indicator(name="atr_14", bars=SETTLED[14])
def atr_14(candles: Candles, known: Indicators) -> FloatArray:
    return known.atr_14 / candles.close


@indicator(name="bollinger", bars=20)
def bollinger(candles: Candles, known: Indicators) -> FloatArray:
    return known.bollinger


@indicator(name="vwap", bars=14)
def vwap(candles: Candles, known: Indicators) -> FloatArray:
    return known.vwap / candles.close - 1


@indicator(name="volume_ma", bars=LONG_VOLUME_BARS)
def volume_ma(candles: Candles, known: Indicators) -> FloatArray:
    return _log_ratio(known.volume_ma, moving_mean(candles.volume, LONG_VOLUME_BARS))


@indicator(name="price_change", bars=2)
def price_change(candles: Candles, known: Indicators) -> FloatArray:
    return known.price_change


@indicator(name="hl_spread", bars=1)
def hl_spread(candles: Candles, known: Indicators) -> FloatArray:
    return known.hl_spread


def _log_ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    some: BoolArray = whole > 0
    return np.log1p(np.divide(part, whole, out=np.zeros_like(part), where=some))
