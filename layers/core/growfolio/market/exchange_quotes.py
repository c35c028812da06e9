"""Live prices of coins, from the tickers of the exchange that served their candles."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, runtime_checkable

from growfolio.domain.assets import Asset
from growfolio.domain.signals import Price, in_ticks
from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.limits import CircuitBreaker
from growfolio.market.fetching import gather, missing_quotes
from growfolio.market.ports import Patience

FAILURES, REST = 3, 900
"""So many failures in a row, and tickers are not asked for so many seconds."""
PATIENCE = Patience(request=2.0, deadline=3.0, tries=1)
"""Nobody waits longer for a live price: the last close is there already."""


@runtime_checkable
class Tickers(Protocol):
    """An exchange that gives the tickers of many assets in one request, as ExchangeSource does."""

    @property
    def name(self) -> str: ...

    def tickers(self, assets: Iterable[Asset]) -> dict[Asset, Any]: ...


class ExchangeQuotes:
    """See Quotes."""

    def __init__(self, exchange: Tickers, patience: Patience = PATIENCE) -> None:
        self._exchange = exchange
        self._patience = patience
        self._breaker = CircuitBreaker(FAILURES, REST)
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    def latest(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price]:
        answers = self._ask(assets, now)
        self._notes = missing_quotes(answers)
        return {asset: answer for asset, answer in answers.items() if isinstance(answer, Price)}

    def _ask(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price | MarketError]:
        name = self._exchange.name
        if self._breaker.is_open(now):
            return dict.fromkeys(assets, TemporaryMarketError(f"{name} is left alone after its last answers"))
        tickers = gather([name], lambda _: self._exchange.tickers(assets), self._patience)[name]
        if isinstance(tickers, MarketError):
            self._breaker.failed(now)
            return dict.fromkeys(assets, tickers)
        self._breaker.succeeded()
        return {asset: _price(tickers.get(asset), name, now) for asset in assets}


def _price(ticker: Any, name: str, now: int) -> Price | MarketError:
    """The last trade's price. Its time is the ticker's, or now where an exchange gives none (Kraken)."""
    if ticker is None:
        return TemporaryMarketError(f"{name} gave no ticker")
    last, milliseconds = ticker["last"], ticker["timestamp"]
    if not isinstance(last, float | int) or not (price := in_ticks(last)):
        return PermanentMarketError(f"{name} gave a ticker without a price")
    return Price(price, milliseconds // 1000 if milliseconds else now, name)
