"""What a refresh has to do: bars without a signal, and what an earlier run left unfinished."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import CloseTimes
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.grid import last_slots
from growfolio.domain.signals import Signal
from growfolio.storage.ports import RefreshStore
from growfolio.storage.records import Completion

BACKLOG = 12
"""Bars that a refresh catches up on: an hour of 5m bars. A signal older than that helps nobody."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a run has to do on one timeframe."""

    timeframe: Timeframe
    newest: int
    """The close of the newest bar."""
    unhandled: Mapping[Asset, CloseTimes]
    """For each asset that lacks any, the close times of the bars that have no signal yet, oldest first."""
    unrecorded: Mapping[Asset, Signal]
    """Stored signals of bars that no run completed: their history entries may be missing."""
    completion: Completion | None
    """The newest bar's, where a run with the same models completed it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the table holds of one timeframe before a refresh."""

    timeframe: Timeframe
    slots: CloseTimes
    """The close times of the newest bars."""
    completed: Sequence[Completion]
    signals: Mapping[Asset, Signal]

    @property
    def newest(self) -> int:
        return int(self.slots[-1])

    def due(self, market: Market) -> list[Asset]:
        """The assets that a refresh must ask for, whichever models serve."""
        if not any(completion.bar_close == self.newest for completion in self.completed):
            return list(assets_of(market))
        signals = self.signals
        return [a for a in assets_of(market) if a not in signals or signals[a].bar_close < self.newest]


def stored(store: RefreshStore, market: Market, timeframe: Timeframe, now: int) -> Stored:
    """What there is at now (seconds since the epoch). Raises StoreError where the store cannot be read."""
    slots = last_slots(market, now, timeframe, BACKLOG)
    completed = store.completions(market, timeframe, BACKLOG + 1)
    signals = {
        record.asset: record.signal
        for record in store.signals(timeframe)
        if record.signal and record.asset.market is market
    }
    return Stored(timeframe, slots, completed, signals)


def work_of(found: Stored, market: Market, revision: str) -> Work:
    """What is to be done with the models of a revision."""
    slots, newest = found.slots, found.newest
    unhandled: dict[Asset, CloseTimes] = {}
    for asset in assets_of(market):
        signal = found.signals.get(asset)
        if signal is None:
            unhandled[asset] = CloseTimes(slots[-1:])
        elif signal.bar_close < newest:
            unhandled[asset] = CloseTimes(slots[slots > signal.bar_close])
        elif signal.bar_close == newest and signal.model.revision != revision:
            unhandled[asset] = CloseTimes(slots[-1:])
    bars = {completion.bar_close for completion in found.completed}
    known = (done for done in found.completed if (done.bar_close, done.revision) == (newest, revision))
    completion = next(known, None)
    unrecorded = {
        asset: signal
        for asset, signal in found.signals.items()
        if signal.bar_close not in bars or (signal.bar_close == newest and completion is None)
    }
    return Work(found.timeframe, newest, unhandled, unrecorded, completion)


def first_open(market: Market, now: int) -> int:
    """When the oldest bar opened that any timeframe's window and backlog needs."""
    grids = (last_slots(market, now, tf, BARS_NEEDED[tf] + BACKLOG)[0] - tf.seconds for tf in Timeframe)
    return int(min(grids))
