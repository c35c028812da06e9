"""The providers of candles by name.

A new one is a module beside this one whose class has the methods of ports.MarketSource and from_settings,
a line in SOURCES or STOCK_PROVIDERS, what it must be set to in settings.py and template.yaml, and a server
that speaks its wire format in tests/fakes. Its client library goes into a layer's requirements; what a
start would import of it counts in tests/stack/test_starts.py.
"""

from collections.abc import Sequence
from pkgutil import resolve_name
from typing import Any

from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError
from growfolio.market.ports import MarketSource, Patience
from growfolio.settings import Settings

SOURCES = {
    "exchange": "growfolio.market.exchange:ExchangeSource",
    "replay": "growfolio.market.replay:ReplaySource",
    "simulated": "growfolio.market.simulated:SimulatedSource",
}
"""Class of each whole source. Classes are imported when they are used: each brings a large client."""
STOCK_PROVIDERS = {
    "yahoo": "growfolio.market.yahoo:YahooSource",
    "alpaca": "growfolio.market.alpaca:AlpacaBars",
}
"""Class of each name of GROWFOLIO_STOCK_SOURCES, providers that can stand in for each other.

Each class has from_settings(settings, patience), which raises ConfigurationError for what is missing.
"""


def market_source(settings: Settings, market: Market, patience: Patience | None = None) -> MarketSource:
    """The market's provider of candles. Raises ConfigurationError for one that there is not."""
    patience = patience or Patience()
    name = settings.source or ("exchange" if market is Market.CRYPTO else "")
    if name in STOCK_PROVIDERS or not name:
        return _stock_source([name] if name else settings.stock_sources, settings, patience)
    if name not in SOURCES:
        raise ConfigurationError(f"GROWFOLIO_SOURCE={name!r}: choose {_listed([*STOCK_PROVIDERS, *SOURCES])}")
    source: MarketSource = _made(SOURCES[name], settings, patience)
    return source


def _stock_source(names: Sequence[str], settings: Settings, patience: Patience) -> MarketSource:
    from growfolio.market.stocks import StockSource

    for name in names:
        if name not in STOCK_PROVIDERS:
            raise ConfigurationError(
                f"GROWFOLIO_STOCK_SOURCES: no {name!r} here; choose of {_listed([*STOCK_PROVIDERS])}"
            )
    return StockSource([_made(STOCK_PROVIDERS[name], settings, patience) for name in names], patience)


def _made(path: str, settings: Settings, patience: Patience) -> Any:
    return resolve_name(path).from_settings(settings, patience)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
