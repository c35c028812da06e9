"""What context inputs are made of: candles, their sessions, and the moves of the whole market.

Training, serving, replay and backtest make the market's moves by the same function, market_series.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Candles, CloseTimes, FloatArray, IntArray
from growfolio.domain.calendar import sessions_between
from growfolio.domain.times import DAY

LARGEST_MOVES: Final = {Market.STOCKS: 0.1, Market.CRYPTO: 0.3}
"""Log returns of one bar that count in the market's: of all real bars none was above 0.071 and 0.262.

A wrong price of one asset must not become a move of the whole market.
"""
LONGEST_CLOSURE: Final = 10 * DAY
"""More than any market has been closed in the calendar."""
LEADERS: Final = {Market.CRYPTO: "BTC"}
"""By market: the asset whose moves the others follow."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketSeries:
    """The moves of one market at its closes (bars,): log returns within the bar's own session."""

    close_time: CloseTimes
    """Seconds since the epoch, rising."""
    market_move: FloatArray
    """The mean of the assets that traded in the bar; 0 where none did."""
    leader_move: FloatArray
    """The market's leader; the market's own move where it has no leader or the leader did not trade."""


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """Candles of some assets of one market, and around each bar its session and its market's moves.

    The fields beside candles have the candles' shape (assets, bars); what is given as (bars,) holds for
    all assets. Times are seconds since the epoch.
    """

    candles: Candles
    market: Market
    session_open: IntArray
    session_close: IntArray
    market_move: FloatArray
    leader_move: FloatArray

    def __post_init__(self) -> None:
        for name in ("session_open", "session_close", "market_move", "leader_move"):
            object.__setattr__(self, name, np.broadcast_to(getattr(self, name), self.candles.close.shape))

    @property
    def timeframe(self) -> Timeframe:
        return self.candles.timeframe


def moves(candles: Candles) -> FloatArray:
    """Log returns (assets, bars) from close to close; from a bar's own open where no bar came right before.

    So nights and breaks in trading are no moves.
    """
    close = candles.close
    began = candles.open.copy()
    follows = np.diff(candles.times, axis=1) == candles.timeframe.seconds
    began[:, 1:] = np.where(follows, close[:, :-1], began[:, 1:])
    return np.log(close / began)


def market_series(candles: Iterable[Candles]) -> MarketSeries:
    """The moves of a market from all candles of it that there are, of one timeframe.

    Bars without trades count nothing, nor do moves beyond LARGEST_MOVES, so that one asset's trouble reaches
    the others through the mean alone, and only as far as real prices move.
    """
    times, values, leads = [np.empty(0, np.int64)], [np.empty(0)], [np.empty(0, np.bool_)]
    for some in candles:
        moved = moves(some)
        largest = np.array([LARGEST_MOVES[asset.market] for asset in some.assets]).reshape(-1, 1)
        traded = ~some.filled & (np.abs(moved) <= largest)
        leading = np.array([_leads(asset) for asset in some.assets], dtype=np.bool_)[:, None] & traded
        times.append(some.times[traded])
        values.append(moved[traded])
        leads.append(leading[traded])
    of_leader = np.concatenate(leads)
    all_values = np.concatenate(values)
    closes, at = np.unique(np.concatenate(times), return_inverse=True)
    mean = np.bincount(at, all_values, len(closes)) / np.maximum(np.bincount(at, minlength=len(closes)), 1)
    leader = mean.copy()
    leader[at[of_leader]] = all_values[of_leader]
    return MarketSeries(CloseTimes(closes), mean, leader)


def scene_of(candles: Candles, market: Market, series: MarketSeries) -> Scene:
    """The scene of these candles: each bar with its session and its market's moves, else 0."""
    opens, closes = _sessions(candles.times, market)
    at = np.searchsorted(series.close_time, candles.times)
    known = np.append(series.close_time, -1)[at] == candles.times
    market_move, leader_move = (
        np.where(known, np.append(moved, 0.0)[at], 0.0) for moved in (series.market_move, series.leader_move)
    )
    return Scene(candles, market, opens, closes, market_move, leader_move)


def _leads(asset: Asset) -> bool:
    return LEADERS.get(asset.market) == asset.symbol


def _sessions(times: IntArray, market: Market) -> tuple[IntArray, IntArray]:
    """The open and close of each bar's session; its UTC day where the calendar has no session before it."""
    day = (times - 1) // DAY * DAY
    if market is Market.CRYPTO or not times.size:
        return day, day + DAY
    # Far enough back for the session before any bar, so that what a bar sees does not depend on earlier bars.
    sessions = sessions_between(market, int(times.min()) - LONGEST_CLOSURE, int(times.max()) + DAY)
    opens = np.array([0, *(session.open for session in sessions)], dtype=np.int64)
    closes = np.array([0, *(session.close for session in sessions)], dtype=np.int64)
    at = np.searchsorted(opens, times - 1, side="right") - 1
    return np.where(at > 0, opens[at], day), np.where(at > 0, closes[at], day + DAY)
