"""What the table says, judged at the moment of reading."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from aws_lambda_powertools import Logger
from fastapi import Depends, Request
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours, market_hours
from growfolio.domain.freshness import Judged, judge, judge_all
from growfolio.domain.signals import Signal, SignalRecord, Status
from growfolio.domain.times import BAR, utc_text
from growfolio.errors import ConfigurationError, StoreError
from growfolio.presentation import Json, past_signal_json
from growfolio.storage.ports import ReaderStore
from growfolio.storage.records import Explanation, MarketRecord, Outcomes, StoredRecord

from signals_api import SERVICE
from signals_api.caching import AWAITED_SECONDS, Found, Kept, changes_at
from signals_api.explaining import follows_soon, is_awaited

Clock = Callable[[], int]
"""Seconds since the epoch."""
HOLDING = {Status.OK, Status.MARKET_CLOSED}
"""What a signal may be worth that was read before the table fell silent; expired, it is worth nothing."""

logger = Logger(service=SERVICE)


@dataclass(frozen=True, slots=True)
class Reading:
    """Signals as they are worth at one moment."""

    signals: list[Judged]
    changes_at: int
    """When the first of them may become another, in seconds since the epoch."""
    fault: StoreError | None = None
    """Why the table could not be read: then these are the signals that were read last."""


class Reader:
    """Reads a timeframe by one Query and keeps what it read until it may change.

    So readers, however many, cost a Query for each timeframe and bar, and one every few seconds while a
    bar is awaited. While the table does not answer, what was read last is judged anew and served with a
    reason that says so, until it expires. All methods raise StoreError where nothing can be served.
    """

    def __init__(self, store: ReaderStore, clock: Clock, longest: int) -> None:
        """longest is how many seconds anything is kept at most; 0 reads the table for every request."""
        self.store = store
        self.clock = clock
        self._keeps = longest > 0
        self._hours: dict[Market, MarketHours] = {}
        self._records: Kept[dict[Asset, SignalRecord]] = Kept(longest)
        self._explanations: Kept[dict[Asset, Explanation]] = Kept(longest)
        self._markets: Kept[MarketRecord | None] = Kept(longest)
        self._pictures: Kept[dict[Asset, MarketRecord]] = Kept(longest)
        self._standing: Kept[StoredRecord | None] = Kept(longest)

    def signals(
        self, timeframe: Timeframe, assets: Sequence[Asset], now: int, fault: StoreError | None = None
    ) -> Reading:
        """One judgement for each asset, in the order asked, whether or not anything is stored for it.

        fault is what the table has just answered to this request: one wait for it is enough.
        """

        def read() -> dict[Asset, SignalRecord]:
            if fault:
                raise fault
            return {record.asset: record for record in self.store.signals(timeframe)}

        def until(records: dict[Asset, SignalRecord]) -> int:
            if not self._keeps:
                return now
            return self.changes_at(self._judged(timeframe, ASSETS, records, now), now)

        found = self._records.get(timeframe, now, read, until)
        signals = self._judged(timeframe, assets, found.value, now)
        if found.fault is None:
            return Reading(signals, self.changes_at(signals, now))
        if not any(signal.status in HOLDING for signal in signals):
            raise found.fault
        marked = f"the table does not answer, this is as it was read at {utc_text(found.read_at)}"
        signals = [replace(signal, reasons=(*signal.reasons, marked)) for signal in signals]
        return Reading(signals, found.until, found.fault)

    def all_timeframes(self, assets: Sequence[Asset], now: int) -> list[Reading]:
        """The signals of each timeframe."""
        readings: list[Reading] = []
        for timeframe in Timeframe:
            fault = readings[-1].fault if readings else None
            readings.append(self.signals(timeframe, assets, now, fault))
        return readings

    def _judged(
        self, timeframe: Timeframe, assets: Iterable[Asset], stored: Mapping[Asset, SignalRecord], now: int
    ) -> list[Judged]:
        owed = [(asset, timeframe) for asset in assets]
        return judge_all(stored.values(), owed, lambda market: self.hours(market, now), now)

    def judge(self, record: SignalRecord, now: int) -> Judged:
        return judge(record, self.hours(record.asset.market, now), now)

    def changes_at(self, signals: Iterable[Judged], now: int) -> int:
        """When the first of them may become another, in seconds since the epoch."""
        return min(changes_at(one, self.hours(one.asset.market, now), now) for one in signals)

    def explanations(
        self, timeframe: Timeframe, reading: Reading, now: int
    ) -> Found[dict[Asset, Explanation]]:
        """What is stored about each asset's signal or an earlier one; reading is of the same timeframe.

        Nothing where it cannot be read: the template explains without a table.
        """

        def read() -> dict[Asset, Explanation]:
            if reading.fault:
                raise reading.fault
            return {one.asset: one for one in self.store.explanations(timeframe)}

        def until(stored: dict[Asset, Explanation]) -> int:
            return self.explained_until(self.signals(timeframe, ASSETS, now), stored, now)

        try:
            return self._explanations.get(timeframe, now, read, until)
        except StoreError as fault:
            return Found({}, now, now + AWAITED_SECONDS, fault)

    def explained_until(self, reading: Reading, stored: Mapping[Asset, Explanation], now: int) -> int:
        """When the explanation of any of these signals may become another."""
        if any(is_awaited(one, stored.get(one.asset), now) for one in reading.signals):
            return now + AWAITED_SECONDS
        return reading.changes_at

    def market(self, asset: Asset, now: int) -> Found[MarketRecord | None]:
        """The last price and bars of an asset; those read last only while its signal holds too."""
        found = self._markets.get(
            asset,
            now,
            read=lambda: next(iter(self.store.markets([asset])), None),
            until=lambda record: self._market_until(asset, record, now),
        )
        if found.fault:
            self.signals(Timeframe.M5, [asset], now, found.fault)
        return found

    def pictures(self, reading: Reading, now: int) -> Found[dict[Asset, MarketRecord]]:
        """The bars of every asset's last session; reading is of any timeframe.

        None where they cannot be read: signals are worth showing without a picture.
        """

        def read() -> dict[Asset, MarketRecord]:
            if reading.fault:
                raise reading.fault
            return {record.asset: record for record in self.store.markets(ASSETS)}

        def until(records: dict[Asset, MarketRecord]) -> int:
            if not self._keeps:
                return reading.changes_at
            latest = self.signals(Timeframe.M5, ASSETS, now)
            late = any(_is_late(records.get(one.asset), one.signal, now) for one in latest.signals)
            return now + AWAITED_SECONDS if late else latest.changes_at

        try:
            return self._pictures.get("all", now, read, until)
        except StoreError as fault:
            return Found({}, now, now + AWAITED_SECONDS, fault)

    def record(self, market: Market, timeframe: Timeframe, now: int) -> Found[StoredRecord | None]:
        """What the signals of a market and timeframe were worth; written in the first refresh of an hour."""
        return self._standing.get(
            (market, timeframe),
            now,
            read=lambda: self.store.record(market, timeframe),
            until=lambda _: now - now % BAR + BAR,
        )

    def with_outcomes(self, asset: Asset, timeframe: Timeframe, signals: Sequence[Signal]) -> list[Json]:
        """Past signals with what became of them; with none where that cannot be read."""
        outcomes: Outcomes = {}
        if signals:
            span = signals[-1].bar_close, signals[0].bar_close
            try:
                outcomes = self.store.outcomes(asset.market, timeframe, *span)
            except StoreError as fault:
                logger.warning("a history without outcomes: %s", fault)
        return [past_signal_json(one, outcomes.get((asset.symbol, one.bar_close))) for one in signals]

    def _market_until(self, asset: Asset, record: MarketRecord | None, now: int) -> int:
        """When the price or bars may become others. A refresh writes them after the asset's 5m signal."""
        reading = self.signals(Timeframe.M5, [asset], now)
        late = _is_late(record, reading.signals[0].signal, now)
        return now + AWAITED_SECONDS if late else reading.changes_at

    def hours(self, market: Market, now: int) -> MarketHours:
        """The market's sessions around now: as stored; by our own calendar where none are stored for now."""
        hours = self._hours.get(market)
        if hours is not None and hours.known_at(now):
            return hours
        try:
            hours = self.store.hours(market)
        except StoreError as fault:
            logger.warning("the hours of %s by our own calendar: %s", market, fault)
            return _own_calendar(market, now)
        if hours is None or not hours.known_at(now):
            hours = _own_calendar(market, now)
        self._hours[market] = hours
        return hours


def _is_late(record: MarketRecord | None, signal: Signal | None, now: int) -> bool:
    """Whether the bars that a refresh writes after this 5m signal may show at any moment."""
    newest = record.bars[-1][0] if record and record.bars else 0
    return signal is not None and newest < signal.bar_close and follows_soon(signal, now)


def _own_calendar(market: Market, now: int) -> MarketHours:
    """The hours that this version of the code knows; none at all past the years of its calendar."""
    try:
        return market_hours(market, now)
    except ConfigurationError as outdated:
        logger.error("%s", outdated)
        return MarketHours(market, ())


async def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.reader
    return reader


From = Annotated[Reader, Depends(_reader)]
"""How a route gets the application's reader."""
