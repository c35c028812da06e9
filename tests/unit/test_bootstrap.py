"""Which candles live prices go with."""

import pytest
from growfolio.bootstrap import live_quotes
from growfolio.market.exchange import ExchangeSource
from growfolio.market.exchange_quotes import ExchangeQuotes
from growfolio.market.finnhub import FinnhubQuotes
from growfolio.market.ports import MarketSource
from growfolio.market.replay import ReplaySource
from growfolio.market.simulated import SimulatedSource
from growfolio.market.yahoo import YahooSource
from growfolio.settings import Settings

WITH_KEY = Settings(quote_key_parameter="/growfolio/test/quote-key")


def test_stocks_have_live_prices_where_there_is_a_key() -> None:
    assert isinstance(live_quotes(WITH_KEY, YahooSource()), FinnhubQuotes)
    assert live_quotes(Settings(), YahooSource()) is None


def test_coins_have_live_prices_without_any_key() -> None:
    assert isinstance(live_quotes(Settings(), ExchangeSource(("binance",))), ExchangeQuotes)


@pytest.mark.parametrize("past", [SimulatedSource(), "replay"], ids=["simulated", "replayed"])
def test_candles_that_are_not_live_never_have_live_prices(
    past: MarketSource | str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    source = ReplaySource(tmp_path_factory.mktemp("candles")) if isinstance(past, str) else past
    assert live_quotes(WITH_KEY, source) is None
