"""How much of what readers should be served is current, market by market.

Measured apart from refresh, from the table and our own calendar: a refresh that has stopped running
still has its measure.
"""

from typing import Protocol

from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import judge
from growfolio.domain.health import market_health
from growfolio.domain.signals import SignalRecord


class SignalRecords(Protocol):
    """The part of SignalStore that the watch reads."""

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]: ...


def fresh_shares(store: SignalRecords, now: int) -> dict[Market, float]:
    """Of the signals that are due at now (seconds since the epoch), the share that is current, 0 to 1.

    A market without an entry owes its readers nothing now: it is closed, or its first bar is still open.
    """
    stored = {
        (record.asset, record.timeframe): record
        for timeframe in Timeframe
        for record in store.signals(timeframe)
    }
    shares = {}
    for market in Market:
        hours = market_hours(market, now)
        owed = [(asset, timeframe) for asset in assets_of(market) for timeframe in Timeframe]
        records = [stored.get(key, SignalRecord(*key, None, None)) for key in owed]
        share = market_health(hours, [judge(record, hours, now) for record in records], now).fresh_share
        if share is not None:
            shares[market] = share
    return shares
