"""When each market trades, and what is open now.

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

from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.times import DAY, day_of

NEW_YORK = ZoneInfo("America/New_York")
ANNOUNCED = 180 * DAY
"""How long before its end the calendar is announced to end."""


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
        """The session under way at now; at the second of its close it is over."""
        return next((s for s in self.sessions if s.open <= now < s.close), None)

    def next_open(self, now: int) -> int | None:
        """When the next session after now opens; None when it is not known."""
        return next((s.open for s in self.sessions if s.open > now), None)

    def known_at(self, now: int) -> bool:
        """Whether these hours say anything about now."""
        return bool(self.sessions) and self.sessions[0].open <= now < self.sessions[-1].close


def sessions_between(market: Market, start: int, end: int) -> list[Session]:
    """The sessions that overlap [start, end), oldest first. Crypto's are whole UTC days.

    There are none outside the years that sessions.json covers: calendar_notice says so in time.
    """
    if market is Market.CRYPTO:
        first = start - start % DAY
        return [Session(day, day + DAY) for day in range(first, end, DAY)]
    first_day = datetime.fromtimestamp(start, NEW_YORK).date()
    last_day = datetime.fromtimestamp(end, NEW_YORK).date()
    days = (first_day + timedelta(n) for n in range((last_day - first_day).days + 1))
    found = (_stock_session(day) for day in days)
    return [s for s in found if s is not None and s.close > start and s.open < end]


def market_hours(market: Market, now: int) -> MarketHours:
    """The session under way or last closed at now, and those of the week ahead."""
    week = sessions_between(market, now - 10 * DAY, now + 8 * DAY)
    past = [s for s in week if s.open <= now]
    return MarketHours(market, tuple(past[-1:] + [s for s in week if s.open > now]))


def calendar_end(market: Market) -> int | None:
    """When the last known session of a market closes, in seconds; None where it trades always."""
    if market is Market.CRYPTO:
        return None
    _, last, _, _ = _calendar()
    midnight = _new_york(last + timedelta(days=1), time(0))
    return sessions_between(market, midnight - 10 * DAY, midnight)[-1].close


def calendar_notice(market: Market, now: int) -> str | None:
    """What to do about a calendar that ends within ANNOUNCED, or has ended; None while it does not."""
    end = calendar_end(market)
    if end is None or now < end - ANNOUNCED:
        return None
    verb = "ends" if now < end else "ended"
    return f"the calendar of {market} {verb} on {day_of(end)}: run `make sessions`, then deploy"


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


@cache
def _calendar() -> tuple[date, date, frozenset[date], frozenset[date]]:
    data = json.loads(files("growfolio.domain").joinpath("sessions.json").read_text())
    holidays = frozenset(map(date.fromisoformat, data["holidays"]))
    half_days = frozenset(map(date.fromisoformat, data["half_days"]))
    return date.fromisoformat(data["from"]), date.fromisoformat(data["until"]), holidays, half_days


@cache
def _stock_session(day: date) -> Session | None:
    first, last, holidays, half_days = _calendar()
    if not first <= day <= last or day.weekday() >= 5 or day in holidays:
        return None
    closing = time(13) if day in half_days else time(16)
    return Session(_new_york(day, time(9, 30)), _new_york(day, closing))


def _new_york(day: date, at: time) -> int:
    return int(datetime.combine(day, at, NEW_YORK).astimezone(UTC).timestamp())
