"""The port to what is stored."""

from collections.abc import Sequence
from typing import Protocol

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import Attempt, Signal, SignalRecord
from growfolio.storage.records import Explanation, HistoryPage, MarketRecord


class SignalStore(Protocol):
    """Reads and writes of the one table. Writing twice, late or concurrently changes nothing."""

    def put_signal(self, signal: Signal) -> bool:
        """Store a good signal and its history entry; False where a newer or equal one holds.

        It replaces an older bar, a failure of the same bar, or the same bar from another model
        revision that had not decided later, nothing else. A failed attempt at a newer bar stays noted.
        The history entry is the signal that readers were given; a refused signal only fills a gap.
        """

    def put_history(self, signal: Signal) -> None:
        """Store only the history entry, where its bar has none: for a bar that was handled late."""

    def note_attempt(self, asset: Asset, timeframe: Timeframe, attempt: Attempt) -> bool:
        """Note a failed attempt beside the last good signal, which it never touches.

        False where an attempt or good signal of the same or a newer bar is already there.
        """

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        """All assets that have a record, by one Query.

        A signal that cannot be read counts as absent, with the reason in the record's last attempt.
        """

    def put_market(self, record: MarketRecord) -> None:
        """Nothing changes where a newer price is already there."""

    def markets(self, assets: Sequence[Asset]) -> list[MarketRecord]: ...

    def put_hours(self, hours: MarketHours) -> None: ...

    def hours(self, market: Market) -> MarketHours | None: ...

    def put_explanation(self, explanation: Explanation) -> bool:
        """False where an explanation of a newer bar, or a later one of the same bar, is already there."""

    def explanations(self, timeframe: Timeframe) -> list[Explanation]: ...

    def count_call(self, budget: str, window: int, limit: int) -> bool:
        """Count one more call in a window of time (its start, in seconds); False where limit are counted.

        Holds across all processes that share the table.
        """

    def history(
        self, asset: Asset, timeframe: Timeframe, limit: int, before: int | None = None
    ) -> HistoryPage:
        """At most limit signals whose bar closed before `before` (seconds since the epoch), newest first."""
