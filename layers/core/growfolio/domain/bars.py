"""Bars of one asset as a provider gives them, and candles of many assets aligned on one grid."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NewType

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.times import BAR

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

OpenTimes = NewType("OpenTimes", IntArray)
"""When bars opened, in seconds since the epoch. Providers name a bar by it."""
CloseTimes = NewType("CloseTimes", IntArray)
"""When bars closed, in seconds since the epoch. Slots of the grid, candles and signals are named by it."""

PRICES = ("open", "high", "low", "close", "volume")
COLUMNS = ("open_time", *PRICES)
QUARTER = 3 * BAR
"""Seconds of a 15-minute bar."""


def closes_of(opens: OpenTimes, seconds: int = BAR) -> CloseTimes:
    """When the bars that opened then closed; seconds is their length."""
    return CloseTimes(opens + seconds)


def opens_of(closes: CloseTimes, seconds: int = BAR) -> OpenTimes:
    """When the bars that closed then opened; seconds is their length."""
    return OpenTimes(closes - seconds)


def among(times: IntArray, known: IntArray | Collection[int]) -> BoolArray:
    """Which of these times are among the known ones.

    Answers as np.isin does, and several times faster where the known ones are in order, as bars mostly are.
    """
    those = known if isinstance(known, np.ndarray) else np.fromiter(known, dtype=np.int64)
    if (those[1:] < those[:-1]).any():
        those = np.sort(those)
    at = np.searchsorted(those, times)
    found: BoolArray = at < len(those)
    found[found] = those[at[found]] == times[found]
    return found


@dataclass(frozen=True, slots=True, order=True)
class Split:
    """A stock split as the provider reports it."""

    time: int
    """From which moment prices are the new ones: the open of that session, seconds since the epoch."""
    ratio: float
    """New shares for one old: 4.0 for 4:1, 0.1 for a reverse split of 1:10. Prices are divided by it."""


@dataclass(frozen=True, slots=True, order=True)
class SessionCount:
    """How often an asset was traded in one session, or one day of crypto."""

    close: int
    """When the session closed, seconds since the epoch."""
    slots: int
    """Its 5-minute slots, without those of breaks in trading."""
    untraded: int
    """Those of them without trades."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """5-minute bars of one asset as its provider gave them: not yet checked, ordered or aligned.

    open_time is in seconds since the epoch (UTC), each array has shape (bars,). A bar is closed
    BAR seconds after it opened; providers drop the one that has not.

    splits are those that the provider reported with these bars. They say nothing on whether older prices
    have already been divided: Yahoo reports a split before it rewrites its 5-minute bars.
    """

    open_time: OpenTimes
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    splits: tuple[Split, ...] = field(default=(), kw_only=True)
    counts: tuple[SessionCount, ...] = field(default=(), kw_only=True)
    """Of sessions before, as far as somebody has counted them: what of them the bars hold is not left out."""
    quarters: "Bars | None" = field(default=None, kw_only=True)
    """15-minute bars of the time before, where the provider's 5-minute bars do not go back far enough."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "Bars":
        """From rows of (open_time in seconds, open, high, low, close, volume)."""
        table = np.asarray(rows, dtype=np.float64).reshape(-1, 6)
        opened = OpenTimes(table[:, 0].astype(np.int64))
        return cls(opened, *(np.ascontiguousarray(table[:, i]) for i in range(1, 6)))

    def __len__(self) -> int:
        return len(self.open_time)

    def where(self, keep: BoolArray | IntArray) -> "Bars":
        """The bars that keep marks, in their order; or those at its positions, in its order."""
        return replace(self, **{name: getattr(self, name)[keep] for name in COLUMNS})

    def closed_by(self, now: int) -> "Bars":
        """Only bars that had closed at now (seconds since the epoch)."""
        return self.where(closes_of(self.open_time) <= now)

    def followed_by(self, newer: "Bars") -> "Bars":
        """The bars before the first newer one, then the newer ones as they came."""
        first = newer.open_time.min(initial=np.iinfo(np.int64).max)
        return self.where(self.open_time < first)._and(newer)

    def joined_with(self, newer: "Bars") -> "Bars":
        """These bars and newer ones in order of time; where both have a bar, the newer answer holds."""
        both = self.where(~among(self.open_time, newer.open_time))._and(newer)
        order = np.argsort(both.open_time, kind="stable")
        return replace(both, **{name: getattr(both, name)[order] for name in COLUMNS})

    def _and(self, other: "Bars") -> "Bars":
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in COLUMNS
        }
        splits = tuple(sorted({*self.splits, *other.splits}))
        return replace(self, **columns, splits=splits, quarters=other.quarters or self.quarters)

    def with_quarters(self, length: int) -> "Bars":
        """These bars, and before them three for each 15-minute bar, for candles of length seconds.

        The three merge into that bar again: the first has its prices, the others repeat its close. They share
        its volume unevenly, because a bar that is equal to the one before it counts as untraded. Candles that
        are not whole quarters of an hour would cut such a bar at prices that nobody paid, so they have these
        bars alone.
        """
        if self.quarters is None or length % QUARTER or not len(self) or not len(self.quarters):
            return self
        first = -(-int(self.open_time.min()) // QUARTER) * QUARTER
        older = self.quarters.where(closes_of(self.quarters.open_time, QUARTER) <= first)
        thirds = [
            Bars(OpenTimes(older.open_time + step), opened, high, low, older.close, older.volume * share)
            for step, share, opened, high, low in (
                (0, 1 / 2, older.open, older.high, older.low),
                (BAR, 1 / 3, older.close, older.close, older.close),
                (2 * BAR, 1 / 6, older.close, older.close, older.close),
            )
        ]
        made = thirds[0].joined_with(thirds[1]).joined_with(thirds[2])
        own = replace(self, quarters=None)
        return made.joined_with(own.where(own.open_time >= first))


def _unmarked() -> BoolArray:
    return np.zeros((0, 0), dtype=np.bool_)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """The last closed bars of some assets, newest last: array rows are assets, columns are bars.

    The newest bars of all assets are of one grid, but where an asset's trading broke off, the slots of
    the break are left out and its row reaches further back: times, (assets, bars), has the close of each
    bar in seconds since the epoch. One grid (bars,) for all may be given too.
    """

    assets: tuple[Asset, ...]
    timeframe: Timeframe
    times: CloseTimes
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    filled: BoolArray
    """Slots without trades: flat at the close before them, volume 0."""
    quarantined: BoolArray = field(default_factory=_unmarked, kw_only=True)
    """Bars that the provider sent and no market prints; of a longer bar, those that hold such a one."""
    after_break: BoolArray = field(default_factory=_unmarked, kw_only=True)
    """First bars after a break in trading."""
    after_step: BoolArray = field(default_factory=_unmarked, kw_only=True)
    """First bars after a night in which the price moved further than the asset's nights do."""
    doubtful: BoolArray = field(default_factory=_unmarked, kw_only=True)
    """Bars that moved further than the asset's own do (domain/moves.py)."""
    unmoved: BoolArray = field(default_factory=_unmarked, kw_only=True)
    """Bars in which the price stood still, of an asset whose price seldom does."""

    def __post_init__(self) -> None:
        times = np.broadcast_to(self.times, self.close.shape)
        object.__setattr__(self, "times", times)
        for name in ("quarantined", "after_break", "after_step", "doubtful", "unmoved"):
            if getattr(self, name).shape != self.close.shape:
                object.__setattr__(self, name, np.zeros(self.close.shape, dtype=np.bool_))

    @property
    def close_time(self) -> CloseTimes:
        """The one grid (bars,) of all assets. Raises ValueError where breaks gave them different ones."""
        if not self.assets:
            return CloseTimes(self.times.reshape(-1))
        if (self.times != self.times[0]).any():
            raise ValueError("the assets of these candles have different grids: use times")
        return CloseTimes(self.times[0])
