"""What models see of a bar: sixteen numbers without units, the same in training and in serving.

Each is written against the close, against its own average, or from 0 to 1, so that a model does not
age with the price level. A changed formula needs a new FEATURES_VERSION: models are bound to it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Timeframe
from growfolio.domain.bars import BoolArray, Candles, FloatArray, IntArray
from growfolio.domain.forecast import WINDOW
from growfolio.domain.indicators import Indicators, indicators
from growfolio.domain.rolling import moving_mean

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
Formula = Callable[[Candles, Indicators], FloatArray]

FORMULAS: Final[Mapping[str, Formula]] = {
    "open": lambda candles, _: candles.open / candles.close - 1,
    "high": lambda candles, _: candles.high / candles.close - 1,
    "low": lambda candles, _: candles.low / candles.close - 1,
    "close": lambda candles, _: candles.close / moving_mean(candles.close, CLOSE_BARS) - 1,
    "volume": lambda candles, known: _log_ratio(candles.volume, known.volume_ma),
    "rsi_14": lambda _, known: known.rsi_14 / 100,
    "macd": lambda candles, known: known.macd / candles.close,
    "ema_9": lambda candles, known: known.ema_9 / candles.close - 1,
    "ema_21": lambda candles, known: known.ema_21 / candles.close - 1,
    "ema_50": lambda candles, known: known.ema_50 / candles.close - 1,
    "atr_14": lambda candles, known: known.atr_14 / candles.close,
    "bollinger": lambda _, known: known.bollinger,
    "vwap": lambda candles, known: known.vwap / candles.close - 1,
    "volume_ma": lambda candles, known: _log_ratio(
        known.volume_ma, moving_mean(candles.volume, LONG_VOLUME_BARS)
    ),
    "price_change": lambda _, known: known.price_change,
    "hl_spread": lambda _, known: known.hl_spread,
}
"""Each feature's name and what it is of candles and their indicators, in the order that models take them.

Log ratios are 0 where nothing traded; close and vwap are distances from a mean, bollinger is %B.
"""
FEATURES: Final = tuple(FORMULAS)


def features(candles: Candles, known: Indicators | None = None) -> FeatureArray:
    """Array (assets, bars, features), float32: FORMULAS in their order, finite at every bar.

    A feature at a bar is made of that bar and earlier ones only. known saves computing the
    indicators of these same candles again.
    """
    ind = indicators(candles) if known is None else known
    out = np.empty((*candles.close.shape, len(FORMULAS)), dtype=np.float32)
    for position, formula in enumerate(FORMULAS.values()):
        out[..., position] = formula(candles, ind)
    return out


def windows(table: FeatureArray, rows: Indexes, ends: Indexes) -> FeatureArray:
    """The windows that models take, (n, WINDOW, 16): of asset rows[i] of table, up to and with bar ends[i].

    table is what features() gave, (assets, bars, features). One row stands for all ends. Only what is asked
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
