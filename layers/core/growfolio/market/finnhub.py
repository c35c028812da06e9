"""Live prices of stocks from Finnhub, by finnhub-python.

It is imported when prices are asked for, which is after the candles: a cold start does not wait for it.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from growfolio.domain.assets import Asset
from growfolio.domain.signals import Price, in_ticks
from growfolio.errors import (
    KeyRefused,
    MarketError,
    ParameterError,
    PermanentMarketError,
    TemporaryMarketError,
)
from growfolio.limits import CircuitBreaker, RateLimiter
from growfolio.market.fetching import gather, missing_quotes, raise_for_status
from growfolio.market.ports import Patience

FREE_CALLS = 60
"""What Finnhub's free plan allows in a minute."""
WINDOW = 120
"""Seconds in which so many are made at most. Not 60: `now` is when a refresh began, its calls come later."""
KEPT = 30
"""Seconds that an answer is good for: a refresh that is run twice asks once."""
FAILURES, REST = 5, 900
"""So many failures in a row, and Finnhub is not asked for so many seconds."""
LIMITED_REST = 60
"""Seconds without calls after Finnhub said that there were too many."""
REFUSED_REST = 3_600
"""Seconds that a refused key is not tried again, unless another is set."""
PATIENCE = Patience(request=2.0, deadline=3.0, tries=1)
"""Nobody waits longer for a live price: the last close is there already."""


class CallsUsedUp(TemporaryMarketError):
    """Finnhub answered 429."""


class FinnhubQuotes:
    """See Quotes. One instance serves a warm function: limits and rests hold from refresh to refresh."""

    def __init__(
        self, key: Callable[[], str], key_name: str, url: str = "", patience: Patience = PATIENCE
    ) -> None:
        """key reads the API key and raises ParameterError; key_name says where a person sets it."""
        self._read_key = key
        self._key_name = key_name
        self._url = url
        self._patience = patience
        self._key = ""
        self._client: Any = None
        self._breaker = CircuitBreaker(FAILURES, REST)
        self._calls = RateLimiter(FREE_CALLS, WINDOW)
        self._kept: dict[Asset, tuple[int, Price]] = {}
        self._closes: dict[Asset, Decimal] = {}
        self._notes: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    @property
    def previous_closes(self) -> Mapping[Asset, Decimal]:
        """See PreviousCloses."""
        return self._closes

    def latest(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price]:
        kept = {asset: self._kept[asset][1] for asset in assets if self._is_kept(asset, now)}
        answers = self._ask([asset for asset in assets if asset not in kept], now)
        self._notes = missing_quotes(answers)
        prices = {asset: answer for asset, answer in answers.items() if isinstance(answer, Price)}
        self._kept |= {asset: (now, price) for asset, price in prices.items()}
        return kept | prices

    def _is_kept(self, asset: Asset, now: int) -> bool:
        return asset in self._kept and now - self._kept[asset][0] < KEPT

    def _ask(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price | MarketError]:
        if not assets:
            return {}
        try:
            self._use_key_of_the_moment()
        except ParameterError as fault:
            return dict.fromkeys(assets, PermanentMarketError(f"no Finnhub key: {fault}"))
        if self._breaker.is_open(now):
            return dict.fromkeys(assets, TemporaryMarketError("finnhub is left alone after its last answers"))
        granted = self._calls.take(len(assets), now)
        used_up = TemporaryMarketError(f"the {FREE_CALLS} calls to finnhub of this minute are used up")
        answers = gather(assets[:granted], self._quote, self._patience)
        for answer in answers.values():
            self._learn_from(answer, now)
        return answers | dict.fromkeys(assets[granted:], used_up)

    def _use_key_of_the_moment(self) -> None:
        """A new key starts with a clean record."""
        key = self._read_key()
        if key != self._key or self._client is None:
            self._key, self._client = key, _client(key, self._url, self._patience.request)
            self._breaker = CircuitBreaker(FAILURES, REST)

    def _learn_from(self, answer: Price | MarketError, now: int) -> None:
        if isinstance(answer, CallsUsedUp):
            self._breaker.open_for(LIMITED_REST, now)
        elif isinstance(answer, KeyRefused):
            self._breaker.open_for(REFUSED_REST, now)
        elif isinstance(answer, TemporaryMarketError):
            self._breaker.failed(now)
        else:
            self._breaker.succeeded()

    def _quote(self, asset: Asset) -> Price:
        import finnhub
        from requests import RequestException

        try:
            quote = self._client.quote(asset.symbol)
            price = _price(quote)
            self._note_close(asset, quote.get("pc"))
            return price
        except finnhub.FinnhubAPIException as fault:
            raise self._meaning(fault.status_code) from fault
        except finnhub.FinnhubRequestException as fault:
            raise TemporaryMarketError("finnhub sent something that is no JSON") from fault
        except RequestException as fault:
            raise TemporaryMarketError(f"finnhub could not be reached: {type(fault).__name__}") from fault

    def _note_close(self, asset: Asset, close: object) -> None:
        self._closes.pop(asset, None)
        if isinstance(close, int | float) and (price := in_ticks(close)):
            self._closes[asset] = price

    def _meaning(self, status: int) -> MarketError:
        if status == 429:
            return CallsUsedUp("finnhub answered 429: too many calls with this key")
        if status == 401:
            return KeyRefused(f"finnhub refuses the key: put a valid one into {self._key_name}")
        try:
            raise_for_status(status, "finnhub")
        except MarketError as reason:
            return reason
        return PermanentMarketError(f"finnhub answered {status}")


def _client(key: str, url: str, timeout: float) -> Any:
    """A client that sends its key as a header: left to itself it puts it into URLs, which errors quote."""
    import finnhub

    from growfolio.connections import reconnecting

    client = finnhub.Client(api_key=None)
    client.API_URL = url or client.API_URL
    client.DEFAULT_TIMEOUT = timeout
    session = client._session
    session.headers["X-Finnhub-Token"] = key
    session.max_redirects = 0
    reconnecting(session, FREE_CALLS)
    return client


def _price(quote: object) -> Price:
    """c is the last price and t its time in seconds; both are 0 for a symbol that Finnhub does not know."""
    if not isinstance(quote, dict):
        raise PermanentMarketError("finnhub sent something that is no quote")
    value, moment = quote.get("c"), quote.get("t")
    if not isinstance(value, int | float) or not isinstance(moment, int):
        raise PermanentMarketError("finnhub sent a quote without a price or time")
    if not (price := in_ticks(value)) or not moment:
        raise PermanentMarketError("finnhub has no price")
    return Price(price, moment, "finnhub")
