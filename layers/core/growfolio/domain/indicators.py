"""Technical indicators of all assets at once, in the units of the price.

The library `ta` is the reference: after its warm-up each indicator it has is equal to `ta`'s to a
relative 1e-9. Before that, where `ta` has no value, the indicator is taken over the bars there are.

One that models are to see is added in growfolio/indicators: a file there with a decorated formula, and
`python -m pytest tests/unit/indicators` proves that it sees no later bar and no price level.
"""

from dataclasses import dataclass

import numpy as np

from growfolio.domain.bars import Candles, FloatArray
from growfolio.domain.rolling import ema, moving_deviation, moving_mean, moving_sum, wilder

VOLUME_BARS = 20
BOLLINGER_BARS = 20
WILDER_BARS = 14
VWAP_BARS = 14


@dataclass(frozen=True, slots=True, eq=False)
class Indicators:
    """Each of shape (assets, bars), float64, finite at every bar; prices in the asset's own units."""

    rsi_14: FloatArray
    """0 to 100; 50 while the price has never moved."""
    macd: FloatArray
    """EMA of 12 bars less EMA of 26."""
    ema_9: FloatArray
    ema_21: FloatArray
    ema_50: FloatArray
    atr_14: FloatArray
    """Wilder's average true range, seeded with the mean of the first 14."""
    bollinger: FloatArray
    """%B, 20 bars and 2 standard deviations: 0 on the lower band, 1 on the upper, 0.5 if they are equal."""
    vwap: FloatArray
    """Over the last 14 bars; the close where nothing traded in them."""
    volume_ma: FloatArray
    """Mean volume of 20 bars."""
    price_change: FloatArray
    """Close against the close before, a fraction; 0 at the first bar."""
    hl_spread: FloatArray
    """High less low against the close, a fraction."""


def indicators(candles: Candles) -> Indicators:
    """All indicators at every bar, each from that bar and earlier ones only."""
    close = candles.close
    previous = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    return Indicators(
        rsi_14=_rsi(close - previous),
        macd=ema(close, 12) - ema(close, 26),
        ema_9=ema(close, 9),
        ema_21=ema(close, 21),
        ema_50=ema(close, 50),
        atr_14=_atr(candles, previous),
        bollinger=_percent_b(close),
        vwap=_vwap(candles),
        volume_ma=moving_mean(candles.volume, VOLUME_BARS),
        price_change=close / previous - 1,
        hl_spread=(candles.high - candles.low) / close,
    )


def _rsi(change: FloatArray) -> FloatArray:
    gains = wilder(np.maximum(change, 0), WILDER_BARS)
    moves = gains + wilder(np.maximum(-change, 0), WILDER_BARS)
    return np.divide(100 * gains, moves, out=np.full_like(moves, 50.0), where=moves > 0)


def _atr(candles: Candles, previous_close: FloatArray) -> FloatArray:
    """Wilder, New Concepts in Technical Trading Systems (1978), as `ta` seeds it."""
    true_range = np.maximum(candles.high, previous_close) - np.minimum(candles.low, previous_close)
    true_range[:, 0] = candles.high[:, 0] - candles.low[:, 0]
    seed = WILDER_BARS - 1
    so_far = moving_mean(true_range[:, : seed + 1], WILDER_BARS)
    smoothed = wilder(np.concatenate([so_far[:, -1:], true_range[:, seed + 1 :]], axis=1), WILDER_BARS)
    return np.concatenate([so_far[:, :-1], smoothed], axis=1)


def _percent_b(close: FloatArray) -> FloatArray:
    mean, deviation = moving_mean(close, BOLLINGER_BARS), moving_deviation(close, BOLLINGER_BARS)
    # Equal prices leave a deviation of rounding errors, not of 0.
    wide = deviation > 1e-12 * close
    return np.divide(close - mean, 4 * deviation, out=np.zeros_like(close), where=wide) + 0.5


def _vwap(candles: Candles) -> FloatArray:
    typical = (candles.high + candles.low + candles.close) / 3
    traded = moving_sum(candles.volume, VWAP_BARS)
    value = moving_sum(typical * candles.volume, VWAP_BARS)
    return np.divide(value, traded, out=candles.close.copy(), where=traded > 0)
