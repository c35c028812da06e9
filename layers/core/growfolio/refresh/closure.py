"""Tells a market that does not trade, though the calendar has a session, from a provider that fails."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, closes_of
from growfolio.domain.calendar import Session, sessions_between
from growfolio.domain.grid import last_slots, slots_of
from growfolio.domain.signals import Price
from growfolio.domain.times import BAR, DAY, utc_minute
from growfolio.market.ports import Fetched, MarketIndex

log = logging.getLogger(__name__)

SILENT_SLOTS = 6
"""5-minute slots without any bar, before a market may be closed: a halt of all trading takes 15 minutes."""
HEALTHY_SHARE = 0.8
"""Of the assets asked for, those that a healthy source answers for; one may be delisted."""
LATEST_PRINT = 3 * BAR
"""Official closing prices come so long after the last trade; a later quote says that the market trades."""
INDEX_PAST = 10 * DAY
"""The index is asked for earlier sessions too: only beside their bars is the lack of later ones a sign."""


@dataclass(frozen=True, slots=True)
class Closure:
    """A market that closed at a moment for which the calendar has a session: its open if it never opened."""

    since: int
    witness: str

    @property
    def reason(self) -> str:
        return f"no session since {utc_minute(self.since)}: nothing is traded, and {self.witness} agrees"


def closure(
    market: Market, fetched: Fetched, quotes: Mapping[Asset, Price], index: MarketIndex | None, now: int
) -> Closure | None:
    """The closure that the source and its index agree on; None while anything speaks against one.

    The source must have answered for nearly every asset, and no quote may be of a later time. The index is
    asked only where all assets have been silent for SILENT_SLOTS.
    """
    newest = int(last_slots(market, now, Timeframe.M5, 1)[0])
    [session] = sessions_between(market, newest - 1, newest)
    answers = [answer for answer in fetched.values() if isinstance(answer, Bars)]
    healthy = len(answers) >= HEALTHY_SHARE * len(fetched) and answers
    if index is None or market is Market.CRYPTO or not healthy:
        return None
    since = _last_close(answers, session)
    silent = slots_of(session, Timeframe.M5)
    if ((silent > since) & (silent <= newest)).sum() < SILENT_SLOTS:
        return None
    if any(quote.time > since + LATEST_PRINT for quote in quotes.values()):
        return None
    try:
        witness = index.index(session.open - INDEX_PAST, now)
    except Exception as fault:  # an optional witness: without it nothing is confirmed
        log.warning("no witness for a closure of %s: %s", market, fault, exc_info=True)
        return None
    agrees = len(witness) > 0 and abs(_last_close([witness], session) - since) <= BAR
    return Closure(since, index.index_name) if agrees else None


def _last_close(answers: Iterable[Bars], session: Session) -> int:
    """When the newest bar of the session closed, traded or not; the session's open where there is none."""
    closes = (closes_of(bars.open_time) for bars in answers)
    return max(
        int(own[(own > session.open) & (own <= session.close)].max(initial=session.open)) for own in closes
    )
