"""Settles signals after a refresh: what became of those whose bars have closed by now.

An optional step: what it cannot do now the next refresh does, from the stored history and the bars.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.signals import Signal
from growfolio.domain.times import DAY, day_of
from growfolio.market.ports import Fetched
from growfolio.record.entries import Entry, entry_of
from growfolio.record.keeping import RecordKeeper
from growfolio.record.ledger import Entries, Ledger
from growfolio.record.outcomes import TARGET_BARS, Aftermath, settled
from growfolio.refresh.work import BACKLOG
from growfolio.storage.ports import HistoryReader

WATCHED = TARGET_BARS + BACKLOG
"""Bars in which a signal may be open, or come late."""
MOST_MENDED = 300
"""Signals of an asset and timeframe that one run fetches from the history: a day of 5m bars."""

KnownSignals = Mapping[Timeframe, Mapping[Asset, Signal]]
"""The stored signals that a refresh found before it wrote its own."""


class Settlement:
    """Settles the signals of one market into its ledger. Make one a function: it keeps what it read.

    Most signals come from the read that a refresh begins with: one bar later their horizon has closed. The
    history is asked only for bars that an earlier run left out of the ledger, because it was cut off.
    """

    def __init__(
        self, ledger: Ledger, past: HistoryReader, market: Market, keeper: RecordKeeper | None = None
    ) -> None:
        """keeper brings the record up to date with what was settled."""
        self._ledger = ledger
        self._past = past
        self._market = market
        self._keeper = keeper
        self._absent: set[tuple[int, str, str]] = set()
        """Bars for which the history holds no signal: an asset had none then."""

    def settle(self, known: KnownSignals, fetched: Fetched, now: int) -> list[Entry]:
        """Settle what these bars settle, and give what was added or completed.

        Raises ArchiveError or StoreError where the ledger or the history is out of reach.
        """
        closed = {asset: own.closed_by(now) for asset, own in fetched.items() if isinstance(own, Bars)}
        bars = {asset: own for asset, own in closed.items() if len(own)}
        if not bars:
            return []
        found: list[Entry] = []
        for timeframe, signals in known.items():
            held = self._held(timeframe, now)
            new = self._unrecorded(timeframe, signals, held, now)
            found += _changed(held, new, bars, timeframe)
        self._ledger.add(found)
        oldest = min(int(last_slots(self._market, now, timeframe, WATCHED)[0]) for timeframe in known)
        self._ledger.forget_before(day_of(min(oldest, now - DAY)))
        self._absent = {key for key in self._absent if key[0] >= oldest}
        if self._keeper:
            self._keeper.update(now, found)
        return found

    def _held(self, timeframe: Timeframe, now: int) -> Entries:
        """The entries of a timeframe in the days that the newest bars lie in."""
        slots = last_slots(self._market, now, timeframe, WATCHED)
        days = sorted({day_of(int(slot)) for slot in slots})
        entries = chain.from_iterable(self._ledger.day(day).values() for day in days)
        served = {asset.symbol for asset in assets_of(self._market)}
        return {
            entry.key: entry for entry in entries if entry.timeframe == timeframe and entry.symbol in served
        }

    def _unrecorded(
        self, timeframe: Timeframe, signals: Mapping[Asset, Signal], held: Entries, now: int
    ) -> Iterator[Entry]:
        """The entries of signals that the ledger has none of."""
        newest = int(last_slots(self._market, now, timeframe, 1)[-1])
        recorded = self._recorded_until(timeframe, held, now)
        start = int(last_slots(self._market, recorded, timeframe, BACKLOG)[0]) - timeframe.seconds
        slots = slots_between(self._market, start, newest, timeframe)[-MOST_MENDED:].tolist()
        for asset in assets_of(self._market):
            signal = signals.get(asset)
            if signal is None or signal.bar_close >= newest:
                continue
            own = entry_of(signal)
            if own.key not in held:
                yield own
            keys = ((bar, own.timeframe, own.symbol) for bar in slots if bar < own.bar_close)
            lacking = {key for key in keys if key not in held} - self._absent
            if lacking:
                yield from self._from_history(asset, timeframe, lacking, signal.bar_close)

    def _from_history(
        self, asset: Asset, timeframe: Timeframe, lacking: set[tuple[int, str, str]], before: int
    ) -> Iterator[Entry]:
        limit = (before - min(lacking)[0]) // timeframe.seconds
        page = self._past.history(asset, timeframe, min(limit, MOST_MENDED), before)
        entries = [entry_of(signal) for signal in page.signals]
        self._absent |= lacking - {entry.key for entry in entries}
        return (entry for entry in entries if entry.key in lacking)

    def _recorded_until(self, timeframe: Timeframe, held: Entries, now: int) -> int:
        """The newest bar of the timeframe in the ledger; now where the ledger is empty.

        Where only others are there, the oldest bar of their newest day.
        """
        if held:
            return max(bar_close for bar_close, _, _ in held)
        for day in reversed(self._ledger.days()):
            entries = self._ledger.day(day).values()
            own = [entry.bar_close for entry in entries if entry.timeframe == timeframe]
            if entries:
                return max(own) if own else min(entry.bar_close for entry in entries)
        return now


def _changed(
    held: Entries, new: Iterable[Entry], bars: Mapping[Asset, Bars], timeframe: Timeframe
) -> Iterator[Entry]:
    """Those that are new or of which these bars settle more."""
    waiting: dict[Asset, list[Entry]] = {}
    for entry in chain(new, (entry for entry in held.values() if not entry.settled)):
        waiting.setdefault(entry.asset, []).append(entry)
    for asset, entries in waiting.items():
        if asset not in bars:
            yield from (entry for entry in entries if entry.key not in held)
            continue
        after = Aftermath(asset, timeframe, bars[asset], min(entry.bar_close for entry in entries))
        for entry in entries:
            now_known = settled(entry, after)
            if now_known != held.get(entry.key):
                yield now_known
