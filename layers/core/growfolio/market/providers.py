"""The providers of candles by name: a new one is a module beside this one, and a line in SOURCES."""

from pkgutil import resolve_name
from typing import Protocol, cast

from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError
from growfolio.market.ports import MarketSource, Patience
from growfolio.settings import Settings

SOURCES = {
    "yahoo": "growfolio.market.yahoo:YahooSource",
    "exchange": "growfolio.market.exchange:ExchangeSource",
    "replay": "growfolio.market.replay:ReplaySource",
    "simulated": "growfolio.market.simulated:SimulatedSource",
}
"""Class of each name of GROWFOLIO_SOURCE. It is imported when it is used: each brings a large client."""
DEFAULTS = {Market.STOCKS: "yahoo", Market.CRYPTO: "exchange"}


class _Provider(Protocol):
    """What a class of SOURCES has beside the methods of a MarketSource."""

    def from_settings(self, settings: Settings, patience: Patience) -> MarketSource:
        """The source as the settings say. Raises ConfigurationError where they lack something."""


def market_source(settings: Settings, market: Market, patience: Patience | None = None) -> MarketSource:
    """The market's provider of candles. Raises ConfigurationError for one that there is not."""
    name = settings.source or DEFAULTS[market]
    if name not in SOURCES:
        raise ConfigurationError(f"GROWFOLIO_SOURCE={name!r}: choose {_listed(list(SOURCES))}")
    provider = cast(_Provider, resolve_name(SOURCES[name]))
    return provider.from_settings(settings, patience or Patience())


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
