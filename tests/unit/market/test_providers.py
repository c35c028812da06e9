"""Providers of candles by name."""

from dataclasses import replace
from pathlib import Path

import pytest
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError
from growfolio.market.ports import Patience
from growfolio.market.providers import SOURCES, STOCK_PROVIDERS, market_source
from growfolio.market.yahoo import LONGEST_PAST
from growfolio.settings import Settings

KEYS = Settings(alpaca_key_parameter="/alpaca/key", alpaca_secret_parameter="/alpaca/secret")


@pytest.mark.parametrize("name", [*SOURCES, *STOCK_PROVIDERS])
def test_every_provider_is_made_from_the_settings(name: str, tmp_path: Path) -> None:
    settings = replace(KEYS, source=name, candles=str(tmp_path))
    source = market_source(settings, Market.CRYPTO, Patience(request=1.0))
    assert source.simulated == (name == "simulated")
    assert source.live == (name in ("yahoo", "alpaca", "exchange"))


def test_each_market_has_a_provider_of_its_own() -> None:
    names = {market: market_source(Settings(), market).name for market in Market}
    assert names == {Market.STOCKS: "yahoo", Market.CRYPTO: "binance"}


def test_an_unknown_provider_is_answered_with_those_there_are() -> None:
    with pytest.raises(
        ConfigurationError,
        match="GROWFOLIO_SOURCE='yaho': choose yahoo, alpaca, exchange, replay or simulated",
    ):
        market_source(Settings(source="yaho"), Market.STOCKS)


@pytest.mark.parametrize("names", [("yahoo", "alpaca"), ("alpaca", "yahoo"), ("alpaca",)])
def test_the_first_stock_source_of_the_list_is_preferred(names: tuple[str, ...]) -> None:
    source = market_source(replace(KEYS, stock_sources=names), Market.STOCKS)
    assert source.name == names[0]
    assert source.longest_past == (LONGEST_PAST if "yahoo" in names else None)
    assert bool(source.caveats) == (names[0] == "alpaca")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ((), "GROWFOLIO_STOCK_SOURCES names no source"),
        (("yahoo", "alpacca"), "no 'alpacca' here; choose of yahoo or alpaca"),
        (("yahoo", "replay"), "no 'replay' here"),
        (("yahoo", "alpaca"), "GROWFOLIO_ALPACA_KEY_PARAMETER"),
    ],
)
def test_a_list_that_cannot_serve_is_a_matter_of_settings(names: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        market_source(Settings(stock_sources=names), Market.STOCKS)
