"""Bars of one asset as a provider gives them, and candles of many assets aligned on one grid."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.times import BAR

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

PRICES = ("open", "high", "low", "close", "volume")
COLUMNS = ("open_time", *PRICES)


@dataclass(frozen=True, slots=True, order=True)
class Split:
    """A stock split as the provider reports it."""

    time: int
    """From which moment prices are the new ones: the open of that session, seconds since the epoch."""
    ratio: float
    """New shares for one old: 4.0 for 4:1, 0.1 for a reverse split of 1:10. Prices are divided by it."""


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """5-minute bars of one asset as its provider gave them: not yet checked, ordered or aligned.

    open_time is in seconds since the epoch (UTC), each array has shape (bars,). A bar is closed
    BAR seconds after it opened; providers drop the one that has not.

    splits are those that the provider reported with these bars. They say nothing on whether older prices
    have already been divided: Yahoo reports a split before it rewrites its 5-minute bars.
    """

    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    splits: tuple[Split, ...] = field(default=(), kw_only=True)

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> "Bars":
        """From rows of (open_time in seconds, open, high, low, close, volume)."""
        table = np.asarray(rows, dtype=np.float64).reshape(-1, 6)
        return cls(table[:, 0].astype(np.int64), *(np.ascontiguousarray(table[:, i]) for i in range(1, 6)))

    def __len__(self) -> int:
        return len(self.open_time)

    def where(self, keep: BoolArray) -> "Bars":
        """The bars that keep marks, in their order."""
        return replace(self, **{name: getattr(self, name)[keep] for name in COLUMNS})

    def closed_by(self, now: int) -> "Bars":
        """Only bars that had closed at now (seconds since the epoch)."""
        return self.where(self.open_time + BAR <= now)

    def followed_by(self, newer: "Bars") -> "Bars":
        """The bars before the first newer one, then the newer ones as they came."""
        first = newer.open_time.min(initial=np.iinfo(np.int64).max)
        return self.where(self.open_time < first)._and(newer)

    def joined_with(self, newer: "Bars") -> "Bars":
        """These bars and newer ones in order of time; where both have a bar, the newer answer holds."""
        both = self.where(~np.isin(self.open_time, newer.open_time))._and(newer)
        order = np.argsort(both.open_time, kind="stable")
        return replace(both, **{name: getattr(both, name)[order] for name in COLUMNS})

    def _and(self, other: "Bars") -> "Bars":
        columns = (np.concatenate([getattr(self, name), getattr(other, name)]) for name in COLUMNS)
        return Bars(*columns, splits=tuple(sorted({*self.splits, *other.splits})))


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """The last closed bars of some assets on one grid, newest last.

    close_time has shape (bars,), in seconds since the epoch; prices and volume have shape
    (assets, bars); filled marks slots without trades, filled flat with zero volume.
    """

    assets: tuple[Asset, ...]
    timeframe: Timeframe
    close_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    filled: BoolArray
