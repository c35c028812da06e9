"""Candles for tests of training: the product's simulated market, as files."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from growfolio.domain.assets import Asset, find_asset
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.times import DAY
from growfolio.market.simulated import SimulatedSource

END = 1_750_000_000 // DAY * DAY
"""A midnight in June 2025."""

DAYS = {"AAPL": 70, "MSFT": 70, "TMO": 5, "BTC": 16, "ETH": 16}
"""Of candles; the stocks' are about 48 sessions, TMO's 4."""


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def simulated(symbol: str, days: int, end: int = END) -> Bars:
    asset = find_asset(symbol)
    bars = SimulatedSource(seed=1).fetch({asset: end - days * DAY}, end)[asset]
    assert isinstance(bars, Bars)
    return bars


@pytest.fixture(scope="session")
def market() -> dict[Asset, Bars]:
    return {find_asset(symbol): simulated(symbol, days) for symbol, days in DAYS.items()}


@pytest.fixture(scope="session")
def candle_folder(market: dict[Asset, Bars], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("candles")
    for asset, bars in market.items():
        write_bars(folder, asset, bars)
    return folder


def write_bars(folder: Path, asset: Asset, bars: Bars) -> None:
    columns = {"timestamp": pa.array(bars.open_time * 1000).cast(pa.timestamp("ms", "UTC"))}
    pq.write_table(
        pa.table(columns | {name: getattr(bars, name) for name in PRICES}), folder / f"{asset.id}_5m.parquet"
    )
