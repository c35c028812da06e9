"""Indicator values in plain units, for the explanation and the reader."""

from decimal import Decimal

import numpy as np

from growfolio.domain.bars import Candles
from growfolio.domain.indicators import Indicators
from growfolio.domain.signals import Facts

VOLATILITY_BARS = 60


def facts(candles: Candles, ind: Indicators, row: int, bar: int = -1) -> Facts:
    """The facts of one asset (its row in candles) at one bar, made of that bar and earlier ones."""
    close, volume_ma = candles.close[row, bar], ind.volume_ma[row, bar]
    until = bar % candles.close.shape[1] + 1
    # The first bar has no bar before it, so no return.
    returns = ind.price_change[row, max(1, until - VOLATILITY_BARS) : until]
    return Facts(
        rsi=_rounded(ind.rsi_14[row, bar], 1),
        trend=_trend(close, [ema[row, bar] for ema in (ind.ema_9, ind.ema_21, ind.ema_50)]),
        atr_pct=_rounded(100 * ind.atr_14[row, bar] / close, 4),
        vwap_pct=_rounded(100 * (close / ind.vwap[row, bar] - 1), 3),
        volume_ratio=_rounded(candles.volume[row, bar] / volume_ma if volume_ma > 0 else 0.0, 2),
        volatility_pct=_rounded(100 * np.std(returns) if len(returns) else 0.0, 4),
    )


def _trend(close: float, averages: list[float]) -> str:
    """`up` above all EMAs, `down` below all, else `mixed`."""
    # What rounding leaves of flat prices is no trend.
    distances = [close / average - 1 for average in averages]
    if min(distances) > 1e-9:
        return "up"
    return "down" if max(distances) < -1e-9 else "mixed"


def _rounded(value: float | np.floating, places: int) -> Decimal:
    # Adding zero turns -0.00 into 0.00.
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places)) + 0
