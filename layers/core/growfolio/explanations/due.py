"""Which signals need an explanation. Time is passed in."""

from collections.abc import Iterable

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.signals import Signal, SignalRecord
from growfolio.domain.times import HOUR
from growfolio.storage.records import Explanation


def is_due(signal: Signal, stored: Explanation | None, now: int) -> bool:
    """Whether a signal needs an explanation: it has none, or one of another action, or of an hour ago."""
    if stored is None:
        return True
    if signal.bar_close < stored.bar_close:
        return False
    return signal.action is not stored.action or now - stored.written_at >= HOUR


def newest_signals(records: Iterable[SignalRecord]) -> list[Signal]:
    """The newest signal of each asset and timeframe, by timeframe."""
    newest: dict[tuple[Asset, Timeframe], Signal] = {}
    signals = [record.signal for record in records if record.signal]
    for signal in sorted(signals, key=lambda signal: (signal.bar_close, signal.generated_at)):
        newest[signal.asset, signal.timeframe] = signal
    return sorted(newest.values(), key=lambda signal: signal.timeframe.seconds)
