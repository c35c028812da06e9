"""Made-up scenes that inputs are tried on: ordinary markets, and candles at which formulas break."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Final

import numpy as np

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import PRICES, Candles, CloseTimes, FloatArray
from growfolio.domain.features import MOST_BARS
from growfolio.domain.grid import last_slots
from growfolio.indicators.scene import LEADERS, Scene, market_series, scene_of

MOMENT: Final = 1_725_566_400
"""2024-09-05 20:00 UTC: the close of a session; the bars before it span a holiday."""
BARS: Final = 2 * MOST_BARS + 60

TRIED: Final = {
    market: (Asset(LEADERS.get(market, "AAA"), market, "leader"), Asset("BBB", market, "follower"))
    for market in Market
}


@cache
def ordinary_scenes() -> tuple[Scene, ...]:
    """Two assets of each market on each timeframe: walks whose volatility changes, with untraded bars."""
    return tuple(
        _scene(_walk(market, timeframe, seed=index))
        for index, (market, timeframe) in enumerate((m, t) for m in Market for t in Timeframe)
    )


@cache
def hard_scenes() -> tuple[Scene, ...]:
    """Candles at which formulas break: nothing moves, nothing trades, everything jumps, a single bar."""
    return tuple(
        _scene(candles) for market in Market for candles in _hard(_walk(market, Timeframe.M5, seed=9))
    )


def _hard(walk: Candles) -> Iterator[Candles]:
    flat = np.ones_like(walk.close)
    yield _with(walk, flat * 1e-8, volume=flat * 0)
    yield _with(walk, flat * 150, volume=flat)
    yield _with(walk, walk.close * 1e-9)
    yield _with(walk, walk.close * 1e9, volume=walk.volume * 1e12)
    jumps = np.where(np.arange(walk.close.shape[1]) // 50 % 2, 1.0, 5.0)
    yield _with(walk, walk.close * jumps)
    stopped = np.minimum(np.arange(walk.close.shape[1]), 200)
    yield replace(_with(walk, walk.close[:, stopped], volume=flat * 0), filled=flat > 0)
    yield _with(walk, walk.close, volume=np.where(np.arange(flat.shape[1]) == 300, 1e15, 0.0) * flat)
    for bars in (1, 2, 15, 61):
        yield _newest(walk, bars)
    yield _newest(replace(walk, times=_with_break(walk)), MOST_BARS)


def _walk(market: Market, timeframe: Timeframe, seed: int) -> Candles:
    random = np.random.default_rng(seed)
    grid = last_slots(market, MOMENT, timeframe, BARS)
    shape = (len(TRIED[market]), BARS)
    pace = 1e-3 * np.exp(np.cumsum(random.normal(0, 0.05, shape), axis=1) * 0.5)
    # One part of each move is the market's.
    moved = pace * (random.normal(0, 1, shape) + random.normal(0, 1, BARS)) / np.sqrt(2)
    close = np.array([[64_000.0], [1.3e-5]]) * np.exp(np.cumsum(moved, axis=1))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1) * np.exp(random.normal(0, 2e-4, shape))
    high = np.maximum(opened, close) * np.exp(random.exponential(5e-4, shape))
    low = np.minimum(opened, close) * np.exp(-random.exponential(5e-4, shape))
    volume = random.lognormal(9, 1.5, shape)
    filled = random.random(shape) < 0.02
    filled[:, 0] = False
    for bar in range(1, BARS):
        still = filled[:, bar]
        close[still, bar] = close[still, bar - 1]
    opened, high, low = (np.where(filled, close, column) for column in (opened, high, low))
    high, low = np.maximum(high, np.maximum(opened, close)), np.minimum(low, np.minimum(opened, close))
    return Candles(TRIED[market], timeframe, grid, opened, high, low, close, volume * ~filled, filled)


def _with(walk: Candles, close: FloatArray, volume: FloatArray | None = None) -> Candles:
    """The candles scaled to these closes; where closes are equal, flat bars."""
    factor = close / walk.close
    still = np.ptp(close) == 0
    opened, high, low = (close if still else column * factor for column in (walk.open, walk.high, walk.low))
    traded = walk.volume if volume is None else volume
    return replace(walk, open=opened, high=high, low=low, close=close, volume=traded)


def _newest(candles: Candles, bars: int) -> Candles:
    columns = {name: getattr(candles, name)[:, -bars:] for name in (*PRICES, "filled", "times")}
    return Candles(candles.assets, candles.timeframe, **columns)


def _with_break(candles: Candles) -> CloseTimes:
    """The second asset's trading broke off: its earlier bars are from ten bars further back."""
    times = candles.times.copy()
    times[1, :-100] -= 10 * candles.timeframe.seconds
    return CloseTimes(times)


def _scene(candles: Candles) -> Scene:
    """Read-only, so that an input that changes its candles is found out."""
    for name in PRICES:
        getattr(candles, name).flags.writeable = False
    return scene_of(candles, candles.assets[0].market, market_series([candles]))
