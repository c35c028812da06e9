"""Real candles from the folder that the real_candles fixture names."""

import os
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from growfolio.domain.alignment import history
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import PRICES, Bars, Candles, OpenTimes
from growfolio.domain.grid import slots_between
from growfolio.domain.times import BAR

from tests.synthetic import candles_of

STOCKS = ["AAPL", "AMZN", "GOOGL", "META", "MSFT", "MA", "PEP", "LOW", "TMO"]
CRYPTO = ["BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "SHIB"]


def candles_folder() -> Path | None:
    """GROWFOLIO_CANDLES, or shared/candles beside the checkout; None where there is no such folder."""
    folder = Path(os.environ.get("GROWFOLIO_CANDLES") or Path(__file__).parents[2] / "shared" / "candles")
    return folder if folder.is_dir() else None


def whole_file(folder: Path, asset: Asset, timeframe: Timeframe) -> Candles:
    """An asset's whole file; every three rows make a 15m bar here, whatever session they are of."""
    path = folder / f"{asset.id}_5m.parquet"
    if not path.is_file():
        pytest.skip(f"no {path.name} in {folder}")
    table = pq.read_table(path, columns=list(PRICES))
    opened, high, low, close, volume = (table[name].to_numpy() for name in PRICES)
    if timeframe is Timeframe.M15:
        rows = len(opened) // 3 * 3
        opened, high, low, close, volume = (
            column[:rows].reshape(-1, 3) for column in (opened, high, low, close, volume)
        )
        opened, high, low, close = opened[:, 0], high.max(axis=1), low.min(axis=1), close[:, -1]
        volume = volume.sum(axis=1)
    return candles_of(
        [asset], timeframe, *(column[None].copy() for column in (opened, high, low, close, volume))
    )


def asset_of(path: Path) -> Asset:
    """The asset of a file named <ID>_5m.parquet, one of the product's or not."""
    name = path.name.removesuffix("_5m.parquet")
    coin = name.endswith("_USDT")
    symbol = name.removesuffix("_USDT")
    return Asset(symbol, Market.CRYPTO if coin else Market.STOCKS, symbol)


def all_candles(path: Path, timeframe: Timeframe) -> Candles:
    """An asset's whole file on its sessions' grid, as training makes it: breaks are left out."""
    table = pq.read_table(path, columns=["timestamp", *PRICES])
    opened = table["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64)
    bars = Bars(OpenTimes(opened), *(table[name].to_numpy().copy() for name in PRICES))
    asset = asset_of(path)
    grid = slots_between(asset.market, int(opened[0]), int(opened[-1]) + BAR, timeframe)
    return history(asset, bars, grid, timeframe)
