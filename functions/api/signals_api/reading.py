"""What the table says, judged at the moment of reading."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from aws_lambda_powertools import Logger
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours, market_hours
from growfolio.domain.freshness import Judged, judge
from growfolio.domain.signals import SignalRecord
from growfolio.errors import ConfigurationError
from growfolio.storage.ports import Explanation, MarketRecord, SignalStore

from signals_api import SERVICE
from signals_api.caching import AWAITED_SECONDS, Kept, changes_at
from signals_api.explaining import follows_soon, is_awaited

Clock = Callable[[], int]
"""Seconds since the epoch."""

logger = Logger(service=SERVICE)


class Reader:
    """Reads a timeframe by one Query and keeps what it read until it may change.

    So readers, however many, cost a Query for each timeframe and bar, and one every few seconds while a
    bar is awaited.
    """

    def __init__(self, store: SignalStore, clock: Clock, longest: int) -> None:
        """longest is how many seconds anything is kept at most; 0 reads the table for every request."""
        self.store = store
        self.clock = clock
        self._hours: dict[Market, MarketHours] = {}
        self._signals: Kept[dict[Asset, Judged]] = Kept(longest)
        self._explanations: Kept[dict[Asset, Explanation]] = Kept(longest)
        self._markets: Kept[MarketRecord | None] = Kept(longest)

    def signals(self, timeframe: Timeframe, assets: Sequence[Asset], now: int) -> list[Judged]:
        """One judgement for each asset, in the order asked, whether or not anything is stored for it."""
        judged = self._signals.get(
            timeframe,
            now,
            read=lambda: self._judged(timeframe, now),
            until=lambda found: self.changes_at(found.values(), now),
        )
        return [judged[asset] for asset in assets]

    def _judged(self, timeframe: Timeframe, now: int) -> dict[Asset, Judged]:
        stored = {record.asset: record for record in self.store.signals(timeframe)}
        nothing = (SignalRecord(asset, timeframe, None, None) for asset in ASSETS)
        return {record.asset: self.judge(stored.get(record.asset, record), now) for record in nothing}

    def judge(self, record: SignalRecord, now: int) -> Judged:
        return judge(record, self.hours(record.asset.market, now), now)

    def changes_at(self, signals: Iterable[Judged], now: int) -> int:
        """When the first of them may become another, in seconds since the epoch."""
        return min(changes_at(one, self.hours(one.asset.market, now), now) for one in signals)

    def explanations(self, timeframe: Timeframe, now: int) -> Mapping[Asset, Explanation]:
        """What is stored about each asset's signal or an earlier one."""
        return self._explanations.get(
            timeframe,
            now,
            read=lambda: {one.asset: one for one in self.store.explanations(timeframe)},
            until=lambda found: self.explained_until(self.signals(timeframe, ASSETS, now), found, now),
        )

    def explained_until(
        self, signals: Collection[Judged], stored: Mapping[Asset, Explanation], now: int
    ) -> int:
        """When the explanation of any of these signals may become another."""
        if any(is_awaited(one, stored.get(one.asset), now) for one in signals):
            return now + AWAITED_SECONDS
        return self.changes_at(signals, now)

    def market(self, asset: Asset, now: int) -> MarketRecord | None:
        """The last price and bars of an asset."""
        return self._markets.get(
            asset,
            now,
            read=lambda: next(iter(self.store.markets([asset])), None),
            until=lambda found: self.market_until(asset, found, now),
        )

    def market_until(self, asset: Asset, record: MarketRecord | None, now: int) -> int:
        """When the price or bars may become others. A refresh writes them after the asset's 5m signal."""
        (judged,) = self.signals(Timeframe.M5, [asset], now)
        newest = record.bars[-1][0] if record and record.bars else 0
        if judged.signal and newest < judged.signal.bar_close and follows_soon(judged.signal, now):
            return now + AWAITED_SECONDS
        return self.changes_at([judged], now)

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
