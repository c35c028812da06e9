"""Merges candles of one asset that came at different times: files, downloads, days of the archive.

One rule for all. Where two have the same bar, the later one's holds. Earlier prices from before a split are
rescaled to the later ones'. Ranges that lie apart are joined as they are: history is cut at breaks in
trading (history.py), so neither windows nor labels reach across years or the splits between. What would
spoil the bars around a seam raises BadCandles: other units of volume, an unadjusted split.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from growfolio.domain.adjustment import LARGEST_NIGHT, common_ratio, rescaled
from growfolio.domain.bars import PRICES, Bars, BoolArray, FloatArray, IntArray
from growfolio.domain.times import DAY, utc_text
from growfolio.errors import BadCandles

NEIGHBOURS = 5 * DAY
"""Bars further apart are not compared: between two stretches of history prices may have moved a lot."""
EQUAL = 1e-6
"""Relative difference up to which two prices or volumes are the same number, written differently."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Candles of one asset from one place, named for messages; source is empty where it is not known."""

    name: str
    source: str
    bars: Bars


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Candles of one asset from several pieces, in order of time."""

    bars: Bars
    pieces: int = 0
    shared: int = 0
    """Bars that a piece has in common with those before it."""
    notes: tuple[str, ...] = ()
    """Which pieces differ on the bars that they share, and by how much."""


def merged(pieces: Sequence[Piece]) -> Merged:
    """Merge pieces; bars of later ones hold. Raises BadCandles for a seam that spoils both sides."""
    held = [piece for piece in pieces if len(piece.bars)]
    if len(held) < 2:
        return Merged(held[0].bars if held else Bars.of([]), len(held))
    bars, origin = held[0].bars, np.zeros(len(held[0].bars), dtype=np.int64)
    shared, notes = 0, []
    for number, later in enumerate(held[1:], 1):
        common, differing = _compared(worked_in(bars, later.bars), later)
        shared += common
        notes += [f"{differing}; those of {later.name} are taken"] if differing else []
        origin = _origins(bars, origin, later.bars, number)
        bars = worked_in(bars, later.bars).joined_with(later.bars)
    _check_seams(bars, origin, held)
    return Merged(bars, len(held), shared, tuple(notes))


def worked_in(known: Bars, newer: Bars) -> Bars:
    """Convert known bars to the prices of newer ones, into whose past the provider has worked a split."""
    ratio = common_ratio(known, newer)
    return known if ratio is None else rescaled(known, ratio)


def _compared(known: Bars, later: Piece) -> tuple[int, str]:
    """Count the bars that both have, and describe how they differ; nothing where they agree."""
    newer = later.bars
    _, ours, theirs = np.intersect1d(known.open_time, newer.open_time, return_indices=True)
    price = np.max([_apart(known, ours, newer, theirs, name) for name in PRICES[:4]], axis=0, initial=0.0)
    volume = _apart(known, ours, newer, theirs, "volume")
    differ: BoolArray = (price > EQUAL) | (volume > EQUAL)
    if not differ.any():
        return len(ours), ""
    first = utc_text(int(newer.open_time[theirs[np.argmax(differ)]]))
    return len(ours), (
        f"{differ.sum():,} of {len(ours):,} bars that {later.name} shares with earlier files differ, "
        f"by up to {price.max():.2%} in price and {volume.max():.0%} in volume, the first at {first}"
    )


def _apart(known: Bars, ours: IntArray, newer: Bars, theirs: IntArray, name: str) -> FloatArray:
    """Relative differences of the shared bars, over the larger number of both."""
    one, other = getattr(known, name)[ours], getattr(newer, name)[theirs]
    larger = np.maximum(np.abs(one), np.abs(other))
    apart: FloatArray = np.divide(np.abs(one - other), larger, out=np.zeros_like(larger), where=larger > 0)
    # No number and a number differ, two that are none do not.
    nothing = np.isnan(one), np.isnan(other)
    apart[nothing[0] | nothing[1]] = 0.0
    apart[nothing[0] != nothing[1]] = 1.0
    return apart


def _origins(known: Bars, origin: IntArray, newer: Bars, number: int) -> IntArray:
    """Which piece each bar of the two, joined, comes from."""
    left = ~np.isin(known.open_time, newer.open_time)
    times = np.concatenate([known.open_time[left], newer.open_time])
    numbers = np.concatenate([origin[left], np.full(len(newer), number)])
    return np.asarray(numbers[np.argsort(times, kind="stable")])


def _check_seams(bars: Bars, origin: IntArray, pieces: Sequence[Piece]) -> None:
    """Raise BadCandles where neighbouring bars of two pieces do not belong together."""
    for last in _seams(bars, origin):
        before, after = pieces[origin[last]], pieces[origin[last + 1]]
        if before.source and after.source and before.source != after.source:
            raise BadCandles(
                f"{before.name} holds candles of {before.source}, whose volumes do not compare with those of "
                f"{after.source} in {after.name}"
            )
        closed, opened = bars.close[last], bars.open[last + 1]
        if min(closed, opened) > 0 and max(opened / closed, closed / opened) > LARGEST_NIGHT:
            raise BadCandles(
                f"{before.name} ends at {closed:g} and {after.name} goes on at {opened:g} on "
                f"{utc_text(int(bars.open_time[last + 1]))}: a split that is not worked into the earlier one?"
            )


def _seams(bars: Bars, origin: IntArray) -> Iterator[int]:
    """Positions of bars whose next one is another piece's, and no more than NEIGHBOURS later."""
    near = np.diff(bars.open_time) < NEIGHBOURS
    yield from np.flatnonzero((np.diff(origin) != 0) & near).tolist()
