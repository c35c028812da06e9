"""From a provider's bars to candles on the session grid: what is checked, filled, refused."""

from collections.abc import Mapping

import numpy as np

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import PRICES, Bars, BoolArray, Candles, FloatArray, IntArray
from growfolio.domain.times import BAR, utc_minute
from growfolio.errors import BadCandles, GrowfolioError, MissingCandles

MAX_FILLED_IN_A_ROW = 3
MAX_FILLED_SHARE = 0.05
LARGEST_NIGHT = 1.6
"""A stock's open over its last close, or the inverse: earnings move large stocks by up to a third."""
LARGEST_MOVE = 5.0
"""A bar's high over its low, or its open over the close before it: no crash went so far in five minutes."""
LATE_SLOTS = 3
"""Up to this many missing slots at the end are a provider publishing late; beyond, the data is too old."""


def align(
    bars: Mapping[Asset, Bars], grid: IntArray, timeframe: Timeframe
) -> tuple[Candles, dict[Asset, GrowfolioError]]:
    """Candles of all assets whose bars cover the grid, and for each other asset the reason it does not.

    grid holds the close times of the wanted candles, oldest first; all assets are of one market. 15m
    candles are made from three 5m slots of the same session. Slots without trades are filled flat.
    """
    fine = grid if timeframe is Timeframe.M5 else _five_minute_slots(grid, timeframe)
    rows: dict[Asset, tuple[FloatArray, ...]] = {}
    refused: dict[Asset, GrowfolioError] = {}
    for asset, own in bars.items():
        try:
            row = _row(own if timeframe is Timeframe.M5 else own.with_quarters(), fine)
            if asset.market is Market.STOCKS:
                _check_nights(row, fine)
            _check_moves(row, fine)
            rows[asset] = row
        except (BadCandles, MissingCandles) as reason:
            refused[asset] = reason
    candles = _stack(rows, fine)
    return (candles if timeframe is Timeframe.M5 else _merge_slots(candles, grid, timeframe)), refused


def _five_minute_slots(grid: IntArray, timeframe: Timeframe) -> IntArray:
    steps = np.arange(timeframe.seconds - BAR, -1, -BAR, dtype=np.int64)
    slots: IntArray = (grid[:, None] - steps).ravel()
    return slots


def _row(bars: Bars, slots: IntArray) -> tuple[FloatArray, ...]:
    """Six arrays (slots,): open, high, low, close, volume, filled. Raises BadCandles or MissingCandles."""
    start = int(slots[0]) - BAR
    # Bars outside the regular session (pre-market, after hours) are no part of the grid.
    within = bars.where(np.isin(bars.open_time + BAR, slots))
    if not len(within):
        raise MissingCandles(f"no candles between {utc_minute(start)} and {utc_minute(int(slots[-1]))}")
    check(within)
    at = np.searchsorted(slots, within.open_time + BAR)
    before = _last_close(bars.where(bars.open_time < start))
    _check_coverage(at, slots, known_before=bool(len(before)))
    present = np.zeros(len(slots), dtype=bool)
    present[at] = True
    # A slot without trades repeats the close before it, never one after it.
    last_close = np.concatenate([before if len(before) else within.close[:1], within.close])
    flat = last_close[np.cumsum(present)]
    row = {name: np.where(present, 0.0, flat) for name in PRICES[:4]} | {"volume": np.zeros(len(slots))}
    for name in PRICES:
        row[name][at] = getattr(within, name)
    return (*row.values(), (~present).astype(np.float64))


def _last_close(bars: Bars) -> FloatArray:
    """The close of the last bar, if it has one that can be repeated: shape (1,) or (0,)."""
    usable = bars.where(np.isfinite(bars.close) & (bars.close > 0))
    return usable.close[np.argsort(usable.open_time, kind="stable")][-1:]


def check(bars: Bars) -> None:
    """Raises BadCandles on bars that no market prints: twice the same, out of order, impossible values."""
    steps = np.diff(bars.open_time)
    if (steps == 0).any():
        raise BadCandles(f"two candles for {utc_minute(int(bars.open_time[1:][steps == 0][0]))}")
    if (steps < 0).any():
        raise BadCandles(f"candles out of order at {utc_minute(int(bars.open_time[1:][steps < 0][0]))}")
    table = np.stack([getattr(bars, name) for name in PRICES])
    faults = {
        "a value that is not a number": ~np.isfinite(table).all(axis=0),
        "a price of zero or less": (table[:4] <= 0).any(axis=0),
        "a negative volume": bars.volume < 0,
        "a high below its low": bars.high < bars.low,
        "an open or close outside its high and low": (
            (np.maximum(bars.open, bars.close) * (1 - 1e-6) > bars.high)
            | (np.minimum(bars.open, bars.close) < bars.low * (1 - 1e-6))
        ),
        f"a high more than {LARGEST_MOVE:g} times its low": bars.high / LARGEST_MOVE > bars.low,
    }
    for fault, where in faults.items():
        if where.any():
            raise BadCandles(f"{fault} in the candle of {utc_minute(int(bars.open_time[where][0]))}")


def _check_coverage(at: IntArray, slots: IntArray, *, known_before: bool) -> None:
    """at are the positions on the grid that have a bar. Raises MissingCandles or BadCandles."""
    absent_at_start, absent_at_end = int(at[0]), len(slots) - 1 - int(at[-1])
    newest = utc_minute(int(slots[at[-1]]))
    if absent_at_end > LATE_SLOTS:
        raise BadCandles(f"too old: the newest candle closed {newest}, {absent_at_end} bars ago")
    if absent_at_end:
        raise MissingCandles(f"the candle that closed {utc_minute(int(slots[-1]))} is not published yet")
    if absent_at_start > (MAX_FILLED_IN_A_ROW if known_before else 0):
        raise MissingCandles(f"too few candles: {len(slots) - absent_at_start} of {len(slots)} needed")
    longest = int(np.diff(at).max(initial=1)) - 1
    if longest > MAX_FILLED_IN_A_ROW:
        raise BadCandles(f"a gap of {longest} bars in a row; at most {MAX_FILLED_IN_A_ROW} are filled")
    missing = len(slots) - len(at)
    if missing > MAX_FILLED_SHARE * len(slots):
        share = missing / len(slots)
        raise BadCandles(f"{share:.1%} of the bars are missing; at most {MAX_FILLED_SHARE:.0%} are filled")


def _check_nights(row: tuple[FloatArray, ...], slots: IntArray) -> None:
    """Raises BadCandles on a night that only an unadjusted split explains."""
    nights = np.flatnonzero(np.diff(slots) > BAR) + 1
    opened, close = row[0][nights], row[3][nights - 1]
    steps = np.abs(np.log(opened / close))
    if (steps > np.log(LARGEST_NIGHT)).any():
        at = int(np.argmax(steps))
        raise BadCandles(
            f"{close[at]:g} became {opened[at]:g} in the night before {utc_minute(int(slots[nights[at]]))}: "
            "a split that the provider has not worked into the candles before it?"
        )


def _check_moves(row: tuple[FloatArray, ...], slots: IntArray) -> None:
    """Raises BadCandles on a price that only a slip explains: a digit too many, another asset's."""
    opened, close = row[0][1:], row[3][:-1]
    slips = np.abs(np.log(opened) - np.log(close)) > np.log(LARGEST_MOVE)
    if slips.any():
        at = int(np.argmax(slips))
        raise BadCandles(
            f"{close[at]:g} became {opened[at]:g} in the candle that closed {utc_minute(int(slots[at + 1]))}"
            ": no market did that"
        )


def _stack(rows: Mapping[Asset, tuple[FloatArray, ...]], close_time: IntArray) -> Candles:
    table = np.array(list(rows.values()), dtype=np.float64).reshape(len(rows), 6, len(close_time))
    opened, high, low, close, volume, filled = np.ascontiguousarray(table.transpose(1, 0, 2))
    return Candles(tuple(rows), Timeframe.M5, close_time, opened, high, low, close, volume, filled > 0)


def _merge_slots(candles: Candles, grid: IntArray, timeframe: Timeframe) -> Candles:
    shape = (len(candles.assets), len(grid), timeframe.seconds // BAR)
    filled: BoolArray = np.asarray(candles.filled.reshape(shape).all(axis=2))
    return Candles(
        candles.assets,
        timeframe,
        grid,
        open=candles.open.reshape(shape)[:, :, 0],
        high=candles.high.reshape(shape).max(axis=2),
        low=candles.low.reshape(shape).min(axis=2),
        close=candles.close.reshape(shape)[:, :, -1],
        volume=candles.volume.reshape(shape).sum(axis=2),
        filled=filled,
    )
