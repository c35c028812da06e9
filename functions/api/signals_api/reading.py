"""What the table says, judged at the moment of reading."""

from collections.abc import Callable, Sequence

from aws_lambda_powertools import Logger
from growfolio.assets import Asset, Market, Timeframe
from growfolio.errors import ConfigurationError
from growfolio.judgement import Judged, judge
from growfolio.sessions import MarketHours, market_hours
from growfolio.signals import SignalRecord
from growfolio.store.port import SignalStore

from signals_api import SERVICE

Clock = Callable[[], int]
"""Seconds since the epoch."""

logger = Logger(service=SERVICE)


class Reader:
    """Reads signals by one Query a timeframe; the hours of markets are kept until they run out."""

    def __init__(self, store: SignalStore, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self._hours: dict[Market, MarketHours] = {}

    def signals(self, timeframe: Timeframe, assets: Sequence[Asset], now: int) -> list[Judged]:
        """One judgement for each asset, in the order asked, whether or not anything is stored for it."""
        stored = {record.asset: record for record in self.store.signals(timeframe)}
        nothing = (SignalRecord(asset, timeframe, None, None) for asset in assets)
        return [self.judge(stored.get(record.asset, record), now) for record in nothing]

    def judge(self, record: SignalRecord, now: int) -> Judged:
        return judge(record, self.hours(record.asset.market, now), now)

    def hours(self, market: Market, now: int) -> MarketHours:
        """The market's sessions around now: as stored; by our own calendar where none are stored for now."""
        hours = self._hours.get(market)
        if hours is None or not hours.known_at(now):
            hours = self.store.hours(market)
            if hours is None or not hours.known_at(now):
                hours = _own_calendar(market, now)
            self._hours[market] = hours
        return hours


def _own_calendar(market: Market, now: int) -> MarketHours:
    """The hours that this version of the code knows; none at all past the years of its calendar."""
    try:
        return market_hours(market, now)
    except ConfigurationError as outdated:
        logger.error("%s", outdated)
        return MarketHours(market, ())
