"""Data report: gaps, duplicates, impossible values, outliers and splits, found before a long training run."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from growfolio.domain.adjustment import LARGEST_NIGHT
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, BoolArray, FloatArray, opens_of
from growfolio.domain.grid import slots_between
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, sound
from growfolio.domain.times import BAR, utc_text

from training.data.merging import NEIGHBOURS

SPIKE = 1.25
"""A close this many times its neighbours', from which the next one comes back, is a bad tick."""
COMES_BACK = 1.05
WICK = 2.0
"""A high this many times the body, or a low this small a part of it, was printed and not traded."""


@dataclass(frozen=True, slots=True)
class AssetReport:
    """The candles of one asset. faults stop a run; gaps do not: training cuts history where they are."""

    asset: str
    bars: int
    first: str
    """When the oldest bar opened, UTC."""
    last: str
    missing: int
    """Slots of the asset's sessions, from first to last, without a bar: gaps, or nobody traded."""
    gaps: int
    """Runs of more missing slots than serving fills."""
    longest_gap: int
    """In slots."""
    outside: int
    """Bars outside the sessions, which nobody reads: before the opening, after the close."""
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DataReport:
    """All assets' candles."""

    assets: tuple[AssetReport, ...]

    @property
    def faults(self) -> list[str]:
        """Reasons not to train on these candles; empty where there are none."""
        return [f"{own.asset}: {fault}" for own in self.assets for fault in own.faults]

    def to_json(self) -> dict[str, object]:
        return {"faults": self.faults, "assets": [asdict(own) for own in self.assets]}

    def __str__(self) -> str:
        rows = [("asset", "bars", "first", "last", "missing", "gaps", "longest", "outside", "")]
        rows += [
            (
                *(a.asset, f"{a.bars:,}", a.first[:10], a.last[:10], f"{a.missing:,}", f"{a.gaps:,}"),
                *(f"{a.longest_gap:,}", f"{a.outside:,}", "; ".join(a.faults) or "good"),
            )
            for a in self.assets
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )


def data_report(candles: Mapping[Asset, Bars]) -> DataReport:
    """Inspect the bars of each asset that has any."""
    return DataReport(tuple(inspect(asset, bars) for asset, bars in candles.items() if len(bars)))


def inspect(asset: Asset, bars: Bars) -> AssetReport:
    """Look for gaps, duplicates, impossible values, outliers and splits in at least one bar."""
    start, end = int(bars.open_time.min()), int(bars.open_time.max())
    slots = opens_of(slots_between(asset.market, start, end + BAR, Timeframe.M5))
    there = np.isin(slots, bars.open_time)
    runs = _runs(~there)
    faults = [fault for find in FAULTS for fault in find(bars)]
    return AssetReport(
        asset.id,
        len(bars),
        utc_text(start),
        utc_text(end),
        missing=int((~there).sum()),
        gaps=sum(run > MAX_FILLED_IN_A_ROW for run in runs),
        longest_gap=max(runs, default=0),
        outside=int((~np.isin(bars.open_time, slots)).sum()),
        faults=tuple(faults),
    )


def _impossible(bars: Bars) -> list[str]:
    """Find what serving quarantines, and bars out of order."""
    _, faults = sound(bars)
    found = [f"candles out of order at {utc_text(at)}" for at in _out_of_order(bars)[:1]]
    if faults:
        first = min(faults)
        found.append(f"{faults[first]} in the candle of {utc_text(first)}, {len(faults)} such in all")
    return found


def _out_of_order(bars: Bars) -> list[int]:
    later = bars.open_time[1:]
    return [int(moment) for moment in later[np.diff(bars.open_time) < 0]]


def _splits(bars: Bars) -> list[str]:
    """Find a jump that stays: a split that the provider has not applied to earlier bars."""
    step, two_steps = _log_steps(bars)
    jumps = (np.abs(step) > np.log(LARGEST_NIGHT)) & (np.abs(two_steps) > np.log(LARGEST_NIGHT))
    if not jumps.any():
        return []
    at = int(np.argmax(jumps))
    when = utc_text(int(bars.open_time[at + 1]))
    return [
        f"{bars.close[at]:g} became {bars.close[at + 1]:g} at {when}: a split "
        "that is not worked into the candles before it? Remove the file and download it again"
    ]


def _outliers(bars: Bars) -> list[str]:
    """Find closes that jump and come back, and wicks far from their bodies."""
    step, two_steps = _log_steps(bars)
    spikes = np.concatenate(
        [[False], (np.abs(step) > np.log(SPIKE)) & (np.abs(two_steps) < np.log(COMES_BACK))]
    )
    top, bottom = np.maximum(bars.open, bars.close), np.minimum(bars.open, bars.close)
    wicks = (bars.high > WICK * top) | (bars.low * WICK < bottom)
    kinds = {"closes that jump and come back": spikes, "highs or lows far from all trades": wicks}
    return [
        f"{where.sum()} {kind}, the first at {utc_text(int(bars.open_time[np.argmax(where)]))}"
        for kind, where in kinds.items()
        if where.any()
    ]


FAULTS: tuple[Callable[[Bars], list[str]], ...] = (_impossible, _splits, _outliers)


def _log_steps(bars: Bars) -> tuple[FloatArray, FloatArray]:
    """Log of the close one bar later, and two bars later, over each close but the last: (bars - 1,).

    The last has no second step: its only one stands for both. 0 where bars are not NEIGHBOURS, or have
    no price.
    """
    usable = np.isfinite(bars.close) & (bars.close > 0)
    close = np.log(np.where(usable, bars.close, 1.0))
    step = np.diff(close)
    near = (np.diff(bars.open_time) < NEIGHBOURS) & usable[1:] & usable[:-1]
    step = np.where(near, step, 0.0)
    return step, step + np.append(step[1:], 0.0)


def _runs(missing: BoolArray) -> list[int]:
    """Return the lengths of runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], missing.astype(np.int8), [0]])))
    return [int(length) for length in edges[1::2] - edges[::2]]
