"""Providers of candles by name."""

from pathlib import Path

import pytest
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError
from growfolio.market.ports import Patience
from growfolio.market.providers import SOURCES, market_source
from growfolio.settings import Settings


@pytest.mark.parametrize("name", SOURCES)
def test_every_provider_is_made_from_the_settings(name: str, tmp_path: Path) -> None:
    settings = Settings(source=name, candles=str(tmp_path))
    source = market_source(settings, Market.CRYPTO, Patience(request=1.0))
    assert source.simulated == (name == "simulated")
    assert source.live == (name in ("yahoo", "exchange"))


def test_each_market_has_a_provider_of_its_own() -> None:
    names = {market: market_source(Settings(), market).name for market in Market}
    assert names == {Market.STOCKS: "yahoo", Market.CRYPTO: "binance"}


def test_an_unknown_provider_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError, match="GROWFOLIO_SOURCE='yaho': choose yahoo, exchange, replay or simulated"
    ):
        market_source(Settings(source="yaho"), Market.STOCKS)
