"""The store on DynamoDB: all ports of ports.py over one table."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import Attempt, Signal, SignalRecord, Status
from growfolio.domain.times import HOUR
from growfolio.errors import BadItem, ConfigurationError, UnknownAsset
from growfolio.limits import Deadline
from growfolio.storage import conditions as ordering
from growfolio.storage import items
from growfolio.storage.attributes import Item, number
from growfolio.storage.client import dynamodb_client, retrying_until
from growfolio.storage.records import (
    Completion,
    Explanation,
    HistoryPage,
    MarketRecord,
    Outcomes,
    StoredRecord,
)
from growfolio.storage.retention import BUDGET_SECONDS
from growfolio.storage.table_requests import TableRequests

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

FAILURES = (Status.NO_DATA, Status.BAD_DATA, Status.NO_MODEL, Status.MARKET_CLOSED)
_Stored = TypeVar("_Stored")
_Record = TypeVar("_Record")


class DynamoStore:
    """One DynamoDB table behind every port of ports.py, which one instance may serve to many threads.

    All methods raise TemporaryStoreError or PermanentStoreError when the table refuses. Reads are
    eventually consistent: they never decide a write, the conditions of conditions.py do.
    An item that cannot be read is logged and left out, it takes no other with it.
    """

    def __init__(
        self, table: str, client: DynamoDBClient | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        if not table:
            raise ConfigurationError("no table: set GROWFOLIO_TABLE to the DynamoDB table's name")
        self._client = client or dynamodb_client()
        self._requests = TableRequests(table, self._client)
        self._clock = clock
        self._hours: dict[Market, MarketHours] = {}

    def retrying_until(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Within the block, no refused request is tried again that could then outlast the deadline."""
        return retrying_until(self._client, deadline)

    def put_signal(self, signal: Signal) -> bool:
        """See RefreshStore. A refused signal still fills its bar's gap in the history, if there is one:
        so the retry of a run that was cut off between the two writes mends it.
        """
        stored = items.signal_value(signal)
        given = self._requests.set(
            items.signal_key(signal.asset, signal.timeframe),
            "signal",
            stored,
            ordering.NEWER_SIGNAL,
            stored["M"],
        )
        condition = ordering.SHOWN_LATER if given else ordering.ABSENT
        self._requests.put(self._history_item(signal), condition, stored["M"])
        return given

    def put_history(self, signal: Signal, *, shown: bool = False) -> None:
        item = self._history_item(signal)
        condition = ordering.SHOWN_LATER if shown else ordering.ABSENT
        self._requests.put(item, condition, item["signal"]["M"])

    def note_attempt(self, asset: Asset, timeframe: Timeframe, attempt: Attempt) -> bool:
        """See RefreshStore. Raises ValueError for an attempt that did not fail."""
        if attempt.status not in FAILURES:
            raise ValueError(f"an attempt with status {attempt.status} is not a failed one")
        noted = items.attempt_value(attempt)
        item_key = items.signal_key(asset, timeframe)
        return self._requests.set(item_key, "attempt", noted, ordering.NEWER_ATTEMPT, noted["M"])

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        stored = self._requests.query(items.signal_partition(timeframe))
        return _readable(items.record_from, stored)

    def put_market(self, record: MarketRecord) -> None:
        item = items.market_item(record)
        self._requests.put(item, ordering.NEWER_MARKET, {**item, **item["price"]["M"]})

    def markets(self, assets: Sequence[Asset]) -> list[MarketRecord]:
        """Those that have a record, in the order asked for."""
        wanted = {asset.symbol: asset for asset in assets}
        stored = {item["sk"]["S"]: item for item in self._requests.batch(items.MARKET, list(wanted))}

        def read(symbol: str) -> MarketRecord:
            return items.market_record_from(wanted[symbol], stored[symbol])

        return _readable(read, [symbol for symbol in wanted if symbol in stored])

    def put_hours(self, hours: MarketHours) -> None:
        """See RefreshStore. What this process has written already is not written again: it costs as much."""
        if self._hours.get(hours.market) != hours:
            item = items.hours_item(hours)
            self._requests.put(item, ordering.NEWER_HOURS, item)
            self._hours[hours.market] = hours

    def hours(self, market: Market) -> MarketHours | None:
        item = self._requests.get(items.key(items.SESSION, market))
        found = _readable(lambda stored: items.hours_from(market, stored), [item] if item else [])
        return found[0] if found else None

    def completions(self, market: Market, timeframe: Timeframe, limit: int) -> list[Completion]:
        stored = self._requests.query(items.completion_partition(market, timeframe), newest=limit)
        return _readable(lambda item: items.completion_from(market, timeframe, item), islice(stored, limit))

    def put_completion(self, completion: Completion) -> bool:
        item = items.completion_item(completion, int(self._clock()))
        return self._requests.put(item, ordering.NEWER_COMPLETION, item)

    def record(self, market: Market, timeframe: Timeframe) -> StoredRecord | None:
        stored = self._requests.query(items.record_partition(market, timeframe), newest=1)
        found = _readable(lambda item: items.stored_record_from(market, timeframe, item), islice(stored, 1))
        return found[0] if found else None

    def put_record(self, record: StoredRecord) -> bool:
        item = items.record_item(record)
        return self._requests.put(item, ordering.NEWER_RECORD, item)

    def outcomes(self, market: Market, timeframe: Timeframe, start: int, end: int) -> Outcomes:
        partition = items.outcomes_partition(market, timeframe)
        span = items.history_sort(start - start % HOUR), items.history_sort(end)
        stored = self._requests.query(partition, between=span)
        found = _readable(lambda item: items.outcomes_from(market, timeframe, item), stored)
        return {one: outcome for each in found for one, outcome in each.items()}

    def put_outcomes(self, market: Market, timeframe: Timeframe, hour: int, outcomes: Outcomes) -> bool:
        item = items.outcomes_item(market, timeframe, hour, outcomes, int(self._clock()))
        return self._requests.put(item, ordering.MORE_KNOWN, item)

    def put_explanation(self, explanation: Explanation) -> bool:
        item = items.explanation_item(explanation)
        return self._requests.put(item, ordering.NEWER_EXPLANATION, item)

    def explanations(self, timeframe: Timeframe) -> list[Explanation]:
        def read(item: Item) -> Explanation:
            return items.explanation_from(find_asset(item["sk"]["S"]), timeframe, item)

        return _readable(read, self._requests.query(items.explanation_partition(timeframe)))

    def count_call(self, budget: str, window: int, limit: int) -> bool:
        if limit < 1:
            return False
        fields = {"limit": number(limit), "ttl": number(int(self._clock()) + BUDGET_SECONDS)}
        return self._requests.count(items.budget_key(budget, window), ordering.CALLS_LEFT, fields)

    def history(
        self, asset: Asset, timeframe: Timeframe, limit: int, before: int | None = None
    ) -> HistoryPage:
        """See HistoryReader. Raises ValueError for a limit below 1."""
        if limit < 1:
            raise ValueError(f"a page holds at least one signal, not {limit}")

        def read(item: Item) -> Signal:
            return items.signal_from(asset, timeframe, item.get("signal", {}))

        entries = self._requests.query(
            items.history_partition(asset, timeframe),
            before=None if before is None else items.history_sort(before),
            newest=limit + 1,
        )
        page = list(islice(entries, limit + 1))
        following = int(page[limit - 1]["sk"]["S"]) if len(page) > limit else None
        return HistoryPage(tuple(_readable(read, page[:limit])), following)

    def _history_item(self, signal: Signal) -> Item:
        return items.history_item(signal, int(self._clock()))


def _readable(read: Callable[[_Stored], _Record], stored: Iterable[_Stored]) -> list[_Record]:
    """What can be read; the rest is logged."""
    records = []
    for item in stored:
        try:
            records.append(read(item))
        except (BadItem, UnknownAsset) as fault:
            log.warning("%s", fault)
    return records
