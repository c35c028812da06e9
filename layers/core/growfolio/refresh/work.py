"""What a refresh has to do: bars without a signal, and what an earlier run left unfinished."""

from collections.abc import Mapping
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


def work_of(store: RefreshStore, market: Market, revision: str, timeframe: Timeframe, now: int) -> Work:
    """What is to be done at now (seconds since the epoch) with the models of a revision.

    Raises StoreError where the store cannot be read.
    """
    slots = last_slots(market, now, timeframe, BACKLOG)
    newest = int(slots[-1])
    completed = store.completions(market, timeframe, BACKLOG + 1)
    signals = {
        record.asset: record.signal
        for record in store.signals(timeframe)
        if record.signal and record.asset.market is market
    }
    unhandled: dict[Asset, CloseTimes] = {}
    for asset in assets_of(market):
        signal = signals.get(asset)
        if signal is None:
            unhandled[asset] = CloseTimes(slots[-1:])
        elif signal.bar_close < newest:
            unhandled[asset] = CloseTimes(slots[slots > signal.bar_close])
        elif signal.bar_close == newest and signal.model.revision != revision:
            unhandled[asset] = CloseTimes(slots[-1:])
    bars = {completion.bar_close for completion in completed}
    known = (done for done in completed if (done.bar_close, done.revision) == (newest, revision))
    completion = next(known, None)
    unrecorded = {
        asset: signal
        for asset, signal in signals.items()
        if signal.bar_close not in bars or (signal.bar_close == newest and completion is None)
    }
    return Work(timeframe, newest, unhandled, unrecorded, completion)


def first_open(market: Market, now: int) -> int:
    """When the oldest bar opened that any timeframe's window and backlog needs."""
    grids = (last_slots(market, now, tf, BARS_NEEDED[tf] + BACKLOG)[0] - tf.seconds for tf in Timeframe)
    return int(min(grids))
