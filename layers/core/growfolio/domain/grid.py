"""The grid of bar slots that sessions lay down: every candle lies on one of them."""

import numpy as np

from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import CloseTimes, IntArray, opens_of
from growfolio.domain.calendar import Session, sessions_between
from growfolio.domain.times import DAY


def slots_of(session: Session, timeframe: Timeframe) -> CloseTimes:
    """The close times of a session's bars."""
    step = timeframe.seconds
    return CloseTimes(np.arange(session.open + step, session.close + 1, step, dtype=np.int64))


def slots_between(market: Market, start: int, end: int, timeframe: Timeframe) -> CloseTimes:
    """The close times of all bars that open at or after start and close at or before end."""
    slots = [slots_of(session, timeframe) for session in sessions_between(market, start, end)]
    grid = CloseTimes(np.concatenate(slots) if slots else np.empty(0, dtype=np.int64))
    return CloseTimes(grid[(opens_of(grid, timeframe.seconds) >= start) & (grid <= end)])


def last_slots(market: Market, now: int, timeframe: Timeframe, bars: int) -> CloseTimes:
    """The close times of the last bars that had closed at now, oldest first; fewer before the calendar."""
    span = bars * timeframe.seconds
    while True:
        grid = slots_between(market, now - span - 5 * DAY, now, timeframe)
        if len(grid) >= bars or span > now:
            return CloseTimes(grid[-bars:])
        span *= 2


def session_number(close_time: CloseTimes, market: Market) -> IntArray:
    """A number that is equal for bars of one unbroken stretch of trading, and rises from one to the next.

    A stretch ends with the session, and where slots are left out of the grid: a break in trading.
    """
    if len(close_time) < 2:
        return np.zeros(len(close_time), dtype=np.int64)
    session = np.zeros(len(close_time), dtype=np.int64)
    if market is Market.STOCKS:
        sessions = sessions_between(market, int(close_time[0]) - DAY, int(close_time[-1]) + DAY)
        opens = np.array([s.open for s in sessions], dtype=np.int64)
        session += np.searchsorted(opens, close_time - 1, side="right")
    steps = np.diff(close_time)
    session[1:] += np.cumsum((steps > steps.min()) & (np.diff(session) == 0))
    return session
