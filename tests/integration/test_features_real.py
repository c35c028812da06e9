"""Features of real candles, every asset there is a file for."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from growfolio.assets import Asset, Timeframe, find_asset
from growfolio.candles import PRICES, Candles
from growfolio.features import features
from growfolio.indicators import indicators

from tests.synthetic import candles_of
from tests.ta_agreement import (
    assert_bands_agree_with_ta,
    assert_features_agree_with_the_plain_way,
    assert_indicators_agree_with_ta,
)

STOCKS = ["AAPL", "AMZN", "GOOGL", "META", "MSFT", "MA", "PEP", "LOW", "TMO"]
CRYPTO = ["BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "SHIB"]


def read(folder: Path, asset: Asset, timeframe: Timeframe) -> Candles:
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


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("symbol", STOCKS + CRYPTO)
def test_real_candles_have_the_indicators_and_features_of_ta(real_candles, symbol, timeframe):
    candles = read(real_candles, find_asset(symbol), timeframe)
    values = indicators(candles)
    assert_indicators_agree_with_ta(candles, 0, values)
    assert_bands_agree_with_ta(candles, 0)
    table = features(candles, values)
    assert np.isfinite(table).all()
    assert_features_agree_with_the_plain_way(candles, 0, table)
