"""When each market trades: sessions, the grid of bar slots, and what is open now.

Stocks trade 09:30 to 16:00 in New York (13:00 on half days); holidays and half days are data in
sessions.json, written from the exchange_calendars library by `make sessions` and tested against it,
so that no function carries a calendar library. Crypto trades always.
"""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

import numpy as np

from growfolio.assets import Market, Timeframe
from growfolio.candles import IntArray
from growfolio.errors import ConfigurationError

NEW_YORK = ZoneInfo("America/New_York")
GRACE_SECONDS = 90
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Session:
    """One stretch of trading, in seconds since the epoch: from open to close."""

    open: int
    close: int


@dataclass(frozen=True, slots=True)
class MarketHours:
    """What readers need to judge a signal without a calendar: the sessions of the week ahead.

    sessions holds the one under way or last closed, then those to come.
    """

    market: Market
    sessions: tuple[Session, ...]

    def current(self, now: int) -> Session | None:
        """The session under way at now; a bar that closes with the session belongs to it."""
        return next((s for s in self.sessions if s.open <= now < s.close), None)

    def next_open(self, now: int) -> int | None:
        """When the next session after now opens; None when it is not known."""
        return next((s.open for s in self.sessions if s.open > now), None)

    def known_at(self, now: int) -> bool:
        """Whether these hours say anything about now."""
        return bool(self.sessions) and self.sessions[0].open <= now < self.sessions[-1].close


def sessions_between(market: Market, start: int, end: int) -> list[Session]:
    """The sessions that overlap [start, end), oldest first. Crypto's are whole UTC days.

    Raises ConfigurationError past the years that sessions.json covers.
    """
    if market is Market.CRYPTO:
        first = start - start % _DAY
        return [Session(day, day + _DAY) for day in range(first, end, _DAY)]
    first_day = datetime.fromtimestamp(start, NEW_YORK).date()
    last_day = datetime.fromtimestamp(end, NEW_YORK).date()
    days = (first_day + timedelta(n) for n in range((last_day - first_day).days + 1))
    found = (_stock_session(day) for day in days)
    return [s for s in found if s is not None and s.close > start and s.open < end]


def market_hours(market: Market, now: int) -> MarketHours:
    """The session under way or last closed at now, and those of the week ahead."""
    week = sessions_between(market, now - 10 * _DAY, now + 8 * _DAY)
    past = [s for s in week if s.open <= now]
    return MarketHours(market, tuple(past[-1:] + [s for s in week if s.open > now]))


def slots_of(session: Session, timeframe: Timeframe) -> IntArray:
    """The close times of a session's bars."""
    step = timeframe.seconds
    return np.arange(session.open + step, session.close + 1, step, dtype=np.int64)


def slots_between(market: Market, start: int, end: int, timeframe: Timeframe) -> IntArray:
    """The close times of all bars that open at or after start and close at or before end."""
    slots = [slots_of(session, timeframe) for session in sessions_between(market, start, end)]
    grid = np.concatenate(slots) if slots else np.empty(0, dtype=np.int64)
    return grid[(grid - timeframe.seconds >= start) & (grid <= end)]


def last_slots(market: Market, now: int, timeframe: Timeframe, bars: int) -> IntArray:
    """The close times of the last bars that had closed at now, oldest first."""
    span = bars * timeframe.seconds
    while True:
        grid = slots_between(market, now - span - 5 * _DAY, now, timeframe)
        if len(grid) >= bars:
            return grid[-bars:]
        span *= 2


def expiry(market: Market, bar_close: int, timeframe: Timeframe) -> int:
    """When a signal made from the bar that closed at bar_close is no longer current.

    The close of the next bar of the same session plus a grace for the refresh; after the last bar
    of a stock session, its own close plus the grace. Seconds since the epoch.
    """
    following = bar_close + timeframe.seconds
    if market is Market.CRYPTO:
        return following + GRACE_SECONDS
    session = sessions_between(market, bar_close - 1, bar_close)
    within = bool(session) and following <= session[0].close
    return (following if within else bar_close) + GRACE_SECONDS


def session_number(close_time: IntArray, market: Market) -> IntArray:
    """A number that is equal for bars of the same session; 0 everywhere for crypto, which never closes."""
    if market is Market.CRYPTO or not len(close_time):
        return np.zeros(len(close_time), dtype=np.int64)
    sessions = sessions_between(market, int(close_time[0]) - _DAY, int(close_time[-1]) + _DAY)
    opens = np.array([s.open for s in sessions], dtype=np.int64)
    return np.searchsorted(opens, close_time - 1, side="right").astype(np.int64)


@cache
def _calendar() -> tuple[date, date, frozenset[date], frozenset[date]]:
    data = json.loads(files("growfolio").joinpath("sessions.json").read_text())
    holidays = frozenset(map(date.fromisoformat, data["holidays"]))
    half_days = frozenset(map(date.fromisoformat, data["half_days"]))
    return date.fromisoformat(data["from"]), date.fromisoformat(data["until"]), holidays, half_days


@cache
def _stock_session(day: date) -> Session | None:
    first, last, holidays, half_days = _calendar()
    if not first <= day <= last:
        raise ConfigurationError(f"no stock calendar for {day}: run `make sessions`, then deploy")
    if day.weekday() >= 5 or day in holidays:
        return None
    closing = time(13) if day in half_days else time(16)
    return Session(_new_york(day, time(9, 30)), _new_york(day, closing))


def _new_york(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).astimezone(UTC).timestamp())
