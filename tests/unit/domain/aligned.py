"""Candles of one stock, and what aligning them gives."""

from datetime import UTC, datetime

from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars, Candles
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR
from growfolio.errors import GrowfolioError

from tests.bars import moment, on_slots

AAPL, MSFT, SHIB = find_asset("AAPL"), find_asset("MSFT"), find_asset("SHIB")


NOW = moment("2024-09-05 18:00")


GRID = last_slots(Market.STOCKS, NOW, Timeframe.M5, 200)


BARS = on_slots(AAPL, GRID)


def refusal(bars: Bars, asset: Asset = AAPL, timeframe: Timeframe = Timeframe.M5) -> GrowfolioError:
    grid = last_slots(asset.market, NOW, timeframe, 200 * BAR // timeframe.seconds)
    candles, refused = align({asset: bars}, grid, timeframe)
    assert candles.assets == ()
    return refused[asset]


def candles_of(bars: Bars, asset: Asset = AAPL) -> Candles:
    candles, refused = align({asset: bars}, last_slots(asset.market, NOW, Timeframe.M5, 200), Timeframe.M5)
    assert refused == {}
    return candles


def utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
