"""Stock candles from the first of a list of providers that serves this address."""

from collections.abc import Callable, Mapping, Sequence
from time import sleep
from typing import Protocol

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars
from growfolio.errors import ConfigurationError, MarketError
from growfolio.market.failover import Failover, Provider
from growfolio.market.ports import Fetched, Patience

INDEX = Asset("SPY", Market.STOCKS, "S&P 500 ETF")
"""It trades in every minute in which stocks trade."""


class StockProvider(Provider, Protocol):
    """One provider of stock candles."""

    @property
    def longest_past(self) -> int | None:
        """As of MarketSource."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """As of MarketSource."""


class StockSource:
    """5-minute bars of stocks. See Failover for which provider serves."""

    simulated = False
    live = True

    def __init__(
        self,
        providers: Sequence[StockProvider],
        patience: Patience,
        wait: Callable[[float], object] = sleep,
    ) -> None:
        """providers: the preferred one first. Raises ConfigurationError where there is none."""
        if not providers:
            raise ConfigurationError("GROWFOLIO_STOCK_SOURCES names no source: put e.g. yahoo,alpaca")
        self._providers = tuple(providers)
        self._patience = patience
        self._failover = Failover(providers, patience, wait)

    @property
    def name(self) -> str:
        """The provider that answered last."""
        return self._failover.serving.name

    @property
    def caveats(self) -> tuple[str, ...]:
        return self._failover.serving.caveats

    @property
    def notes(self) -> tuple[str, ...]:
        return self._failover.notes

    @property
    def longest_past(self) -> int | None:
        """What every provider has: whichever serves can be asked for it."""
        return min(
            (one.longest_past for one in self._providers if one.longest_past is not None), default=None
        )

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch. Where all providers fail, each asset has the reasons of all."""
        return self._failover.fetch(since, now)

    @property
    def index_name(self) -> str:
        return INDEX.symbol

    def index(self, since: int, now: int) -> Bars:
        """See MarketIndex. It is asked of the provider that served last."""
        answer = self._failover.serving.fetch_once({INDEX: since}, now, self._patience)[INDEX]
        if isinstance(answer, MarketError):
            raise answer
        return answer
