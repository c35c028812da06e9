"""Candle files of the past, cut into stretches that serving would have accepted without a break."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from growfolio.alignment import MAX_FILLED_IN_A_ROW, align
from growfolio.assets import Asset, Timeframe
from growfolio.candles import PRICES, Bars, BoolArray, Candles, IntArray
from growfolio.errors import BadCandles, ConfigurationError, GrowfolioError
from growfolio.grid import slots_between

Stretch = Candles
"""Candles of one asset, bar after bar on its market's grid, with no gap that serving would refuse."""


def read_folder(folder: Path, assets: Sequence[Asset]) -> dict[Asset, Bars | GrowfolioError]:
    """The bars of each asset that has a file `<ID>_5m.parquet` here, or why they cannot be read.

    Raises ConfigurationError where there is no such folder, or no such file in it.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"no folder {folder}: name one with <ID>_5m.parquet files (--candles DIR)")
    found: dict[Asset, Bars | GrowfolioError] = {}
    for asset in assets:
        path = folder / f"{asset.id}_5m.parquet"
        if path.is_file():
            try:
                found[asset] = read_bars(path)
            except BadCandles as reason:
                found[asset] = reason
    if not found:
        names = ", ".join(f"{asset.id}_5m.parquet" for asset in assets[:3])
        raise ConfigurationError(f"no candles of the wanted assets in {folder}: expected {names} ...")
    return found


def read_bars(path: Path) -> Bars:
    """All bars of a parquet file with `timestamp` (UTC, when the bar opened) and the five price columns.

    Raises BadCandles where it is no such file.
    """
    try:
        table = pq.read_table(path, columns=["timestamp", *PRICES])
        opened = table["timestamp"].cast(pa.timestamp("s", "UTC")).cast(pa.int64())
        columns = [table[name].cast(pa.float64()).to_numpy() for name in PRICES]
    except (pa.ArrowException, KeyError) as fault:
        raise BadCandles(f"{path.name} cannot be read: {fault}") from fault
    return Bars(opened.to_numpy(), *columns)


def stretches(asset: Asset, bars: Bars, timeframe: Timeframe) -> list[Stretch]:
    """The candles between gaps of more than MAX_FILLED_IN_A_ROW 5m slots, oldest stretch first.

    Serving fills shorter gaps flat and refuses longer ones; so does this, through the same function.
    Raises BadCandles for bars that no market prints.
    """
    if not len(bars):
        return []
    start, end = int(bars.open_time.min()), int(bars.open_time.max()) + Timeframe.M5.seconds
    fine = slots_between(asset.market, start, end, Timeframe.M5)
    present = fine[np.isin(fine, bars.open_time + Timeframe.M5.seconds)]
    at = np.searchsorted(fine, present)
    breaks = np.flatnonzero(np.diff(at) > MAX_FILLED_IN_A_ROW + 1) + 1
    grid = slots_between(asset.market, start, end, timeframe)
    found = []
    for run in np.split(present, breaks):
        slots = _whole_bars(grid, run, timeframe)
        if len(slots):
            candles, refused = align({asset: bars}, slots, timeframe)
            if refused:
                raise refused[asset]
            found.append(candles)
    return found


def _whole_bars(grid: IntArray, run: IntArray, timeframe: Timeframe) -> IntArray:
    """The bars of the grid inside a run of 5m closes, whose first and last slot traded."""
    first_slot = grid - timeframe.seconds + Timeframe.M5.seconds
    inside: BoolArray = (first_slot >= run[0]) & (grid <= run[-1])
    begins = np.flatnonzero(inside & np.isin(first_slot, run))
    ends = np.flatnonzero(inside & np.isin(grid, run))
    if not len(begins) or not len(ends):
        return grid[:0]
    return grid[begins[0] : ends[-1] + 1]
