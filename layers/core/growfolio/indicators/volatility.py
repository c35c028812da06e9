"""Context inputs of volatility: how the last hour moved against the day, and the day against the window."""

import numpy as np

from growfolio.domain.assets import Market
from growfolio.domain.bars import FloatArray
from growfolio.domain.features import MOST_BARS
from growfolio.domain.rolling import moving_mean
from growfolio.domain.times import DAY, HOUR
from growfolio.indicators.registry import context_input
from growfolio.indicators.scene import Scene, moves

TRADING_DAY = {Market.STOCKS: 390 * 60, Market.CRYPTO: DAY}
"""Seconds of trading in a whole session."""
WINDOW_MOVES = MOST_BARS - 1
"""The first bar that serving holds has no close before it to move from."""
FURTHEST = 3.0
"""Logarithms of ratios end here: twenty times as much, or a twentieth."""


@context_input(name="volatility_ratios", bars=MOST_BARS, width=2)
def volatility_ratios(scene: Scene) -> FloatArray:
    """Logarithms: last hour against last day, and last day against all bars that serving holds.

    A day is a whole session's bars, but at most half of what serving holds; 0 where nothing moved.
    """
    squares = moves(scene.candles) ** 2
    hour = max(1, HOUR // scene.timeframe.seconds)
    day = min(TRADING_DAY[scene.market] // scene.timeframe.seconds, WINDOW_MOVES // 2)
    last_hour, last_day, everything = (moving_mean(squares, bars) for bars in (hour, day, WINDOW_MOVES))
    return np.stack([_log_ratio(last_hour, last_day), _log_ratio(last_day, everything)], axis=-1)


def _log_ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Half the logarithm of a ratio of mean squares, within FURTHEST; 0 where either is 0."""
    some = (part > 0) & (whole > 0)
    ratio = np.divide(part, whole, out=np.ones_like(part), where=some)
    return np.asarray(np.clip(np.log(ratio) / 2, -FURTHEST, FURTHEST))
