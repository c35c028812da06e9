"""What became of a signal: its class, its return, and which of its target prices came first. Pure.

A signal is settled from the same 5-minute bars that a refresh holds, by the rule that training makes its
classes by (domain/labels.py). Each part is settled once: bars that are revised later change nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import cached_property

import numpy as np

from growfolio.domain.alignment import history
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, Candles, CloseTimes, closes_of
from growfolio.domain.calendar import sessions_between
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.labels import UNKNOWN, Labels, labels_at
from growfolio.domain.quarantine import sound
from growfolio.domain.refusals import LATE_SLOTS
from growfolio.domain.signals import CLASSES, Action, loss_of
from growfolio.domain.times import BAR, utc_minute
from growfolio.errors import BadCandles, MissingCandles
from growfolio.record.entries import (
    BUY,
    NEITHER,
    NONE,
    NOT_SCORED,
    NOTHING_PROMISED,
    PENDING,
    REACHED,
    SCORED,
    SELL,
    SESSION_ENDED,
    STOP,
    STOPPED,
    UNSETTLED,
    Entry,
)

TARGET_BARS = 12
"""Bars of the signal's timeframe for which its targets and its stop are watched."""
PATIENCE = LATE_SLOTS * BAR
"""How long after a missing bar there must be others before it counts as missing for good."""
REDENOMINATED = {True: 0.005, False: 0.15}
"""A close of the signal's bar so far from its price is of other shares. By whether the price was a close."""


class Aftermath:
    """The bars of one asset, as settlement sees them: candles of a timeframe, and which bars are there.

    oldest is the close of the first signal to settle, in seconds.
    """

    def __init__(self, asset: Asset, timeframe: Timeframe, bars: Bars, oldest: int) -> None:
        self.asset, self.timeframe = asset, timeframe
        good, self._faults = sound(bars)
        self._bars, self._oldest = bars, oldest
        self._closes = frozenset(closes_of(good.open_time).tolist())
        self.newest = max(self._closes, default=0)
        """The close of the newest good 5-minute bar."""
        self.first = min(self._closes, default=0)

    @cached_property
    def candles(self) -> Candles:
        """From long enough before oldest for an ATR. Raises BadCandles or MissingCandles."""
        market, timeframe = self.asset.market, self.timeframe
        before = last_slots(market, self._oldest, timeframe, BARS_NEEDED[timeframe])
        start = max(int(before[0]) - timeframe.seconds, self.first - BAR)
        grid = slots_between(market, start, self.newest, timeframe)
        if not len(grid):
            raise MissingCandles(f"no whole {timeframe} bar")
        return history(self.asset, self._bars, CloseTimes(grid), timeframe)

    @cached_property
    def _place(self) -> dict[int, int]:
        return {int(close): at for at, close in enumerate(self.candles.close_time.tolist())}

    def at(self, close_time: int) -> int | None:
        """The position of a bar among candles; None where it is not there."""
        return self._place.get(close_time)

    def fault(self, close_time: int) -> str:
        """Why a bar that should have closed then cannot be used; empty where it can."""
        for slot in range(close_time - self.timeframe.seconds + BAR, close_time + 1, BAR):
            if slot - BAR in self._faults:
                return f"the candle of {utc_minute(slot - BAR)} was left out: {self._faults[slot - BAR]}"
        if close_time not in self._closes:
            return f"there is no candle that closed {utc_minute(close_time)}"
        return "" if self.at(close_time) is not None else f"trading broke off before {utc_minute(close_time)}"

    def range(self, close_time: int) -> tuple[float, float]:
        """High and low of a bar that is there."""
        at = self._place[close_time]
        return float(self.candles.high[0, at]), float(self.candles.low[0, at])

    def labels(self, kind: str, horizon: int, threshold: float) -> Labels:
        return labels_at(self.candles, kind, horizon, threshold)[0]


def settled(entry: Entry, after: Aftermath) -> Entry:
    """The entry with all that these bars settle of it; the same entry where that is nothing."""
    end = session_end(after.asset.market, entry.bar_close)
    for part in (_with_class, _with_targets):
        # Candles that are not believed as a whole settle nothing: the next ones may.
        with suppress(BadCandles, MissingCandles):
            entry = part(entry, after, end)
    return entry


def session_end(market: Market, bar_close: int) -> int | None:
    """When the session of the bar closes; None where the market trades always."""
    if market is Market.CRYPTO:
        return None
    session = sessions_between(market, bar_close - 1, bar_close)
    return session[0].close if session else bar_close


def _with_class(entry: Entry, after: Aftermath, end: int | None) -> Entry:
    if entry.status != PENDING:
        return entry
    decided = entry.bar_close + entry.horizon_bars * after.timeframe.seconds
    if end is not None and decided > end:
        return replace(entry, status=NOT_SCORED, reason="the session ended before the signal's horizon")
    if entry.bar_close < after.first:
        return replace(entry, status=UNSETTLED, reason="there are no candles of its time any more")
    if after.newest < decided:
        return entry
    fault, at = after.fault(decided), after.at(entry.bar_close)
    if not fault and at is None:
        fault = f"there is no candle that closed {utc_minute(entry.bar_close)}"
    if not fault and at is not None:
        found = after.labels(entry.label, entry.horizon_bars, entry.threshold)[at]
        if found != UNKNOWN:
            return _scored(entry, int(found), after, at)
        fault = f"trading broke off before {utc_minute(decided)}"
    late = after.newest < decided + PATIENCE
    return entry if late else replace(entry, status=UNSETTLED, reason=fault)


def _scored(entry: Entry, found: int, after: Aftermath, at: int) -> Entry:
    close = after.candles.close[0]
    return replace(
        entry,
        status=SCORED,
        outcome=CLASSES[found].value,
        change=round(float(close[at + entry.horizon_bars] / close[at] - 1), 8),
        log_loss=loss_of(entry.probabilities[found]),
    )


def _with_targets(entry: Entry, after: Aftermath, end: int | None) -> Entry:
    """Follow the price bar by bar, for TARGET_BARS or until the session ends."""
    if entry.first and entry.promise:
        return entry
    if end is not None and entry.bar_close + after.timeframe.seconds > end:
        return _given_up(entry, SESSION_ENDED, NEITHER)
    if entry.bar_close < after.first:
        return _given_up(entry, UNSETTLED, UNSETTLED)
    at = after.at(entry.bar_close)
    if at is None:
        gone = after.newest >= entry.bar_close + TARGET_BARS * after.timeframe.seconds + PATIENCE
        return _given_up(entry, UNSETTLED, UNSETTLED) if gone else entry
    touches = _touches(entry, float(after.candles.close[0, at]))
    for ahead in range(1, TARGET_BARS + 1):
        slot = entry.bar_close + ahead * after.timeframe.seconds
        if end is not None and slot > end:
            return _given_up(entry, SESSION_ENDED, NEITHER)
        if slot > after.newest:
            return entry
        if after.fault(slot):
            return entry if after.newest < slot + PATIENCE else _given_up(entry, UNSETTLED, UNSETTLED)
        entry = _touched(entry, [name for name, touch in touches.items() if touch(*after.range(slot))], ahead)
        if entry.first and entry.promise:
            return entry
    return _given_up(entry, NONE, NEITHER)


def _touched(entry: Entry, names: list[str], ahead: int) -> Entry:
    """With what one bar, so many ahead, reaches: the one that hurts came first."""
    if names and not entry.first:
        entry = replace(entry, first=names[0], first_after=ahead)
    return entry if entry.promise else replace(entry, promise=_promise(entry.action, names))


def _given_up(entry: Entry, first: str, promise: str) -> Entry:
    """With these where nothing is known yet."""
    return replace(entry, first=entry.first or first, promise=entry.promise or _or_nothing(entry, promise))


def _or_nothing(entry: Entry, promise: str) -> str:
    return NOTHING_PROMISED if entry.action == Action.HOLD else promise


def _promise(action: str, touched: list[str]) -> str:
    if action == Action.HOLD:
        return NOTHING_PROMISED
    if STOP in touched:
        return STOPPED
    return REACHED if (SELL if action == Action.BUY else BUY) in touched else ""


def _touches(entry: Entry, close: float) -> dict[str, Callable[[float, float], bool]]:
    """For each price, whether a bar with this high and low reaches it; the one that hurts most first.

    Which of several one bar reached first nobody knows, so the order is the worst for who acts on the signal.
    close is the signal's bar's, in the shares of now: prices are turned into those after a split.
    """
    ratio = close / entry.price if entry.price > 0 else 1.0
    scale = ratio if abs(np.log(ratio)) > REDENOMINATED[entry.from_close] else 1.0

    def touch(level: float) -> Callable[[float, float], bool]:
        if level < entry.price:
            return lambda _, low: low <= level * scale
        return lambda high, _: high >= level * scale

    levels = {STOP: entry.stop_loss, BUY: entry.buy_target, SELL: entry.sell_target}
    worst = (STOP, SELL, BUY) if entry.action == Action.SELL else (STOP, BUY, SELL)
    return {name: touch(levels[name]) for name in worst}
