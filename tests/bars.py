"""Bars as a faultless provider prints them, and ways to spoil them."""

from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from growfolio.domain.assets import Asset
from growfolio.domain.bars import PRICES, Bars, CloseTimes, IntArray, OpenTimes, closes_of
from growfolio.domain.times import BAR
from growfolio.market.simulated import SimulatedSource


def moment(text: str) -> int:
    """Seconds since the epoch of a UTC time like 2024-09-05 18:00."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@lru_cache(maxsize=512)
def printed(asset: Asset, since: int, until: int) -> Bars:
    """All bars of the asset that opened at or after since and had closed by until. Not to be changed."""
    bars = SimulatedSource(seed=5).fetch({asset: since}, until)[asset]
    assert isinstance(bars, Bars)
    for name in ("open_time", *PRICES):
        getattr(bars, name).flags.writeable = False
    return bars


def on_slots(asset: Asset, close_time: CloseTimes) -> Bars:
    """The bars that closed at exactly these times."""
    bars = printed(asset, int(close_time[0]) - BAR, int(close_time[-1]))
    return bars.where(np.isin(closes_of(bars.open_time), close_time))


def changed(bars: Bars, at: int, **columns: float) -> Bars:
    """With other values in the bar at a position, e.g. close=nan."""
    copy = bars.where(np.ones(len(bars), dtype=np.bool_))
    for name, value in columns.items():
        getattr(copy, name)[at] = value
    return copy


def without(bars: Bars, *positions: int) -> Bars:
    """Without the bars at some positions, which may count from the end."""
    keep = np.ones(len(bars), dtype=np.bool_)
    keep[list(positions)] = False
    return bars.where(keep)


def in_order(bars: Bars, positions: IntArray) -> Bars:
    """The bars in another order, or some of them twice."""
    prices = [getattr(bars, name)[positions] for name in PRICES]
    return Bars(OpenTimes(bars.open_time[positions]), *prices)


def scaled(bars: Bars, factor: float) -> Bars:
    """At other prices: what a split does, or another listing."""
    opened, high, low, close = (column * factor for column in (bars.open, bars.high, bars.low, bars.close))
    return Bars(bars.open_time, opened, high, low, close, bars.volume)
