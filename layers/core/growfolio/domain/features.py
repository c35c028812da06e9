"""What models see of a bar: sixteen numbers without units, the same in training and in serving.

Each is written against the close, against its own average, or from 0 to 1, so that a model does not
age with the price level. Whoever changes a formula raises FEATURES_VERSION: models are bound to it.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Timeframe
from growfolio.domain.bars import BoolArray, Candles, FloatArray, IntArray
from growfolio.domain.forecast import WINDOW
from growfolio.domain.indicators import Indicators, indicators
from growfolio.domain.rolling import moving_mean

FEATURES: Final = (
    "open", "high", "low", "close", "volume", "rsi_14", "macd", "ema_9", "ema_21", "ema_50",
    "atr_14", "bollinger", "vwap", "volume_ma", "price_change", "hl_spread",
)  # fmt: skip
FEATURES_VERSION: Final = 1

BARS_NEEDED: Final = dict.fromkeys(Timeframe, 320)
"""Bars that a refresh needs so that the probabilities are those of the whole history to 1e-4.

tests/integration/domain/test_bars_needed.py finds 180 for the models shipped; at 320 they differ by 1e-6,
which leaves room for models that are more sensitive.
"""

LONG_VOLUME_BARS: Final = 100
CLOSE_BARS: Final = 20

FeatureArray = npt.NDArray[np.float32]
Indexes = int | Sequence[int] | IntArray


def features(candles: Candles, known: Indicators | None = None) -> FeatureArray:
    """Array (assets, bars, 16) in the order of FEATURES, finite at every bar.

    - open, high, low: x / close - 1
    - close: close / mean close of 20 bars - 1
    - volume: log(1 + volume / mean volume of 20 bars); 0 where nothing traded in them
    - rsi_14: RSI / 100
    - macd: MACD / close
    - ema_9, ema_21, ema_50: EMA / close - 1
    - atr_14: ATR / close
    - bollinger: %B
    - vwap: VWAP of 14 bars / close - 1
    - volume_ma: log(1 + mean volume of 20 bars / mean of 100); 0 where nothing traded in them
    - price_change: close / close before - 1
    - hl_spread: (high - low) / close

    A feature at a bar is made of that bar and earlier ones only. known saves computing the
    indicators of these same candles again.
    """
    ind = indicators(candles) if known is None else known
    close, volume = candles.close, candles.volume
    columns = (
        candles.open / close - 1,
        candles.high / close - 1,
        candles.low / close - 1,
        close / moving_mean(close, CLOSE_BARS) - 1,
        _log_ratio(volume, ind.volume_ma),
        ind.rsi_14 / 100,
        ind.macd / close,
        ind.ema_9 / close - 1,
        ind.ema_21 / close - 1,
        ind.ema_50 / close - 1,
        ind.atr_14 / close,
        ind.bollinger,
        ind.vwap / close - 1,
        _log_ratio(ind.volume_ma, moving_mean(volume, LONG_VOLUME_BARS)),
        ind.price_change,
        ind.hl_spread,
    )
    out = np.empty((*close.shape, len(FEATURES)), dtype=np.float32)
    for position, column in enumerate(columns):
        out[..., position] = column
    return out


def windows(table: FeatureArray, rows: Indexes, ends: Indexes) -> FeatureArray:
    """The windows that models take, (n, WINDOW, 16): of asset rows[i] of table, up to and with bar ends[i].

    table is what features() gave, (assets, bars, 16). One row stands for all ends. Only what is asked
    for is copied. Raises ValueError where an end has too few bars before it.
    """
    at, last = np.asarray(ends, dtype=np.int64), table.shape[1] - 1
    if at.size and not WINDOW - 1 <= at.min() <= at.max() <= last:
        raise ValueError(f"windows end at bars {WINDOW - 1} to {last}, not {at.min()} to {at.max()}")
    picked: FeatureArray = table[np.asarray(rows)[..., None], at[..., None] + np.arange(1 - WINDOW, 1)]
    return picked


def _log_ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    some: BoolArray = whole > 0
    return np.log1p(np.divide(part, whole, out=np.zeros_like(part), where=some))
