"""The ports to what is stored, one for each use. Writing twice, late or concurrently changes nothing."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import Attempt, Signal, SignalRecord
from growfolio.limits import Deadline
from growfolio.storage.records import (
    Completion,
    Explanation,
    HistoryPage,
    MarketRecord,
    Outcomes,
    StoredRecord,
)


class SignalReader(Protocol):
    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        """All assets that have a record, by one Query.

        A signal that cannot be read counts as absent, with the reason in the record's last attempt.
        """


class RefreshStore(SignalReader, Protocol):
    """What a refresh reads and writes."""

    def put_signal(self, signal: Signal) -> bool:
        """Store a good signal, then its history entry; False where a newer or equal one holds.

        It replaces an older bar, a failure of the same bar, or the same bar from another model
        revision that had not decided later, nothing else. A failed attempt at a newer bar stays noted.
        The history entry is the signal that readers were given; a refused signal only fills a gap.
        """

    def put_history(self, signal: Signal, *, shown: bool = False) -> None:
        """Store only the history entry: where its bar has none, or where readers were shown this signal."""

    def note_attempt(self, asset: Asset, timeframe: Timeframe, attempt: Attempt) -> bool:
        """Note a failed attempt beside the last good signal, which it never touches.

        False where an attempt or good signal of the same or a newer bar is already there.
        """

    def put_market(self, record: MarketRecord) -> None:
        """Nothing changes where a newer price is already there."""

    def put_hours(self, hours: MarketHours) -> None: ...

    def completions(self, market: Market, timeframe: Timeframe, limit: int) -> list[Completion]:
        """Those of the newest bars, newest first."""

    def put_completion(self, completion: Completion) -> bool:
        """Say that a bar is stored; False where a later run has said so of the same bar."""


class HistoryReader(Protocol):
    def history(
        self, asset: Asset, timeframe: Timeframe, limit: int, before: int | None = None
    ) -> HistoryPage:
        """At most limit signals whose bar closed before `before` (seconds since the epoch), newest first."""


class MarketReader(Protocol):
    def markets(self, assets: Sequence[Asset]) -> list[MarketRecord]:
        """Those that have a record, in the order asked for."""

    def hours(self, market: Market) -> MarketHours | None: ...


class ExplanationReader(Protocol):
    def explanations(self, timeframe: Timeframe) -> list[Explanation]: ...


class RecordReader(Protocol):
    def record(self, market: Market, timeframe: Timeframe) -> StoredRecord | None:
        """What the signals of a market and timeframe were worth; None before the first hour."""


class OutcomeReader(Protocol):
    def outcomes(self, market: Market, timeframe: Timeframe, start: int, end: int) -> Outcomes:
        """What is known of signals whose bars closed from start to end, in seconds; maybe of others too."""


class RecordStore(RecordReader, Protocol):
    def put_outcomes(self, market: Market, timeframe: Timeframe, hour: int, outcomes: Outcomes) -> bool:
        """Store what is known of all signals of an hour, its start in seconds; False where more is known."""

    def put_record(self, record: StoredRecord) -> bool:
        """False where one of a newer bar is there."""


class ReaderStore(
    SignalReader, HistoryReader, MarketReader, ExplanationReader, RecordReader, OutcomeReader, Protocol
):
    """What the API reads."""


class Store(RefreshStore, HistoryReader, RecordStore, Protocol):
    """What a refresh and its settlement read and write."""

    def retrying_until(self, deadline: Deadline) -> AbstractContextManager[None]:
        """Within the block, no refused request is tried again that could then outlast the deadline."""


class CallBudget(Protocol):
    def count_call(self, budget: str, window: int, limit: int) -> bool:
        """Count one more call in a window of time (its start, in seconds); False where limit are counted.

        Holds across all processes that share the table.
        """


class ExplanationStore(ExplanationReader, Protocol):
    def put_explanation(self, explanation: Explanation) -> bool:
        """False where an explanation of a newer bar, or a later one of the same bar, is already there."""
