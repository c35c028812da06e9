"""Candles made up from a seed: what tests and benchmarks use where no provider is needed."""

from collections.abc import Sequence

import numpy as np
from growfolio.domain.assets import ASSETS, Asset, Timeframe
from growfolio.domain.bars import PRICES, Candles, CloseTimes, FloatArray

PRICE_LEVELS = {"SHIB": 1.3e-5, "DOGE": 0.1, "BTC": 60_000.0}
"""About what these cost; other assets start at 150."""


def synthetic_candles(
    assets: Sequence[Asset] = ASSETS,
    bars: int = 300,
    *,
    timeframe: Timeframe = Timeframe.M5,
    seed: int = 0,
    level: float | None = None,
) -> Candles:
    """Random walks with a spread around each bar and volumes that differ a thousandfold."""
    random = np.random.default_rng(seed)
    shape = (len(assets), bars)
    start = np.array([level or PRICE_LEVELS.get(asset.symbol, 150.0) for asset in assets])[:, None]
    close = start * np.exp(np.cumsum(random.normal(0, 1e-3, shape), axis=1))
    opened = np.concatenate([start, close[:, :-1]], axis=1) * np.exp(random.normal(0, 2e-4, shape))
    high = np.maximum(opened, close) * np.exp(random.exponential(5e-4, shape))
    low = np.minimum(opened, close) * np.exp(-random.exponential(5e-4, shape))
    volume = random.lognormal(np.log(1e4), 1.5, shape)
    return candles_of(assets, timeframe, opened, high, low, close, volume)


def flat_candles(assets: Sequence[Asset], bars: int, price: float, volume: float = 0.0) -> Candles:
    """Nothing moves."""
    prices = np.full((len(assets), bars), price)
    return candles_of(assets, Timeframe.M5, prices, prices, prices, prices, np.full_like(prices, volume))


def candles_of(
    assets: Sequence[Asset],
    timeframe: Timeframe,
    opened: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
) -> Candles:
    """From columns of shape (assets, bars), on a grid that starts in 2024."""
    grid = 1_717_200_000 + timeframe.seconds * np.arange(1, close.shape[1] + 1, dtype=np.int64)
    filled = np.zeros(close.shape, dtype=np.bool_)
    return Candles(tuple(assets), timeframe, CloseTimes(grid), opened, high, low, close, volume, filled)


def first(candles: Candles, bars: int) -> Candles:
    """The candles as they were when only so many bars had closed."""
    return Candles(
        candles.assets,
        candles.timeframe,
        CloseTimes(candles.close_time[:bars]),
        *(getattr(candles, name)[:, :bars] for name in (*PRICES, "filled")),
    )


def newest(candles: Candles, bars: int) -> Candles:
    """Only the newest bars."""
    columns = (getattr(candles, name)[:, -bars:] for name in (*PRICES, "filled"))
    return Candles(candles.assets, candles.timeframe, CloseTimes(candles.close_time[-bars:]), *columns)


def joined(past: Candles, future: Candles, bars: int) -> Candles:
    """The first bars of one history, and after them the other's."""
    columns = (
        np.concatenate([getattr(past, name)[:, :bars], getattr(future, name)[:, bars:]], axis=1)
        for name in (*PRICES, "filled")
    )
    return Candles(past.assets, past.timeframe, past.close_time, *columns)
