"""Providers of candles on this machine."""

from collections.abc import Iterator

import pytest
from growfolio.domain.times import DAY

from tests.bars import printed, scaled
from tests.fakes.alpaca import AlpacaServer
from tests.fakes.exchange import BinanceServer, KrakenServer
from tests.fakes.yahoo import YahooServer
from tests.integration.market import alpaca_stocks, yahoo_stocks
from tests.integration.market.answers import NOW
from tests.integration.market.exchanges import candles


@pytest.fixture
def binance() -> Iterator[BinanceServer]:
    with BinanceServer(candles()) as server:
        yield server


@pytest.fixture
def kraken() -> Iterator[KrakenServer]:
    """Has other prices than Binance, so that it shows who answered."""
    with KrakenServer(
        {symbol: scaled(bars.closed_by(NOW), 1.01) for symbol, bars in candles().items()}
    ) as server:
        yield server


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    """Yahoo with every stock's candles, those of the next hour included: its clock is ahead of the tests'."""
    candles = {
        asset.symbol: printed(asset, yahoo_stocks.SINCE - 10 * DAY, NOW + 3600)
        for asset in yahoo_stocks.STOCKS
    }
    with YahooServer(candles) as server:
        yield server


@pytest.fixture
def alpaca() -> Iterator[AlpacaServer]:
    with AlpacaServer(alpaca_stocks.candles()) as server:
        yield server
