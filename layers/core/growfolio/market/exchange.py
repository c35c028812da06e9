"""Crypto candles from an exchange, by ccxt: the first of a list that serves this address.

ccxt's synchronous classes in threads, not ccxt.async_support: with the layer's few exchanges they import
in 0.4 s against 0.7 s, and ccxt's own rate limiter sends ten coins one after another (at Binance's 50 ms
a request) where exchanges count requests a minute (Binance 6,000) or for each pair (Kraken). So the
limiter is off, and every coin has a thread.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, sleep
from typing import Any, Self

import ccxt
import numpy as np
from requests import Response, Session

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars
from growfolio.domain.times import BAR
from growfolio.errors import ConfigurationError, MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.fetching import fetch_published, gather, raise_for_status
from growfolio.market.ports import Fetched, Patience
from growfolio.settings import Settings

REST = 900
"""Seconds that an exchange is left alone after it served nobody."""
DEFAULT_PAGE = 500
"""Candles in one answer, where ccxt does not say what an exchange gives."""

MARKET_DATA_HOST = {"binance": {"public": "https://data-api.binance.vision/api/v3"}}
"""Hosts that exchanges keep for public market data alone, where they are not those that ccxt asks."""
MARKETS_WANTED = {"binance": {"symbolStatus": "TRADING", "showPermissionSets": "false"}}
"""What makes an exchange's list of markets short: all of Binance's takes seconds to parse."""


class ExchangeSource:
    """5-minute bars of coins against USDT. Needs no key.

    An exchange that serves no asset (blocked, down, silent) is left for the next on the list, for all
    assets together: two exchanges' volumes do not go into one window.
    """

    simulated = False
    live = True
    longest_past = None

    def __init__(
        self,
        exchanges: Sequence[str],
        patience: Patience | None = None,
        session: Callable[[], Session] = Session,
        wait: Callable[[float], object] = sleep,
    ) -> None:
        """exchanges are ccxt ids, the preferred one first. Raises ConfigurationError for one ccxt lacks."""
        if not exchanges:
            raise ConfigurationError(
                "GROWFOLIO_EXCHANGES names no exchange: put ccxt ids, e.g. binance,kraken"
            )
        self._patience = patience or Patience()
        self._exchanges = [_Exchange(name, self._patience, session()) for name in exchanges]
        self._wait = wait
        self._serving = self._exchanges[0]
        self._served_at = 0

    @classmethod
    def from_settings(cls, settings: Settings, patience: Patience) -> Self:
        return cls(settings.exchanges, patience)

    @property
    def name(self) -> str:
        """The exchange that answered last."""
        return self._serving.name

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch. Where all exchanges fail, each asset has the reasons of all."""
        return fetch_published(self._fetch_once, since, now, self._patience, self._wait)

    def _fetch_once(self, since: Mapping[Asset, int], now: int) -> Fetched:
        end = monotonic() + self._patience.deadline
        reasons: list[dict[Asset, MarketError]] = []
        choices = self._choices(now)
        for nth, exchange in enumerate(choices):
            share = max(0.0, end - monotonic()) / (len(choices) - nth)
            answers = exchange.fetch(since, now, replace(self._patience, deadline=share))
            served = any(isinstance(answer, Bars) for answer in answers.values())
            # An exchange that has served this moment before is not left for the trouble of a few assets.
            if served or (exchange is self._serving and self._served_at == now):
                self._serving, self._served_at = exchange, now
                return answers
            exchange.rests_until = now + REST
            reasons.append(exchange.blamed(answers))
        return {asset: _all_of([blamed[asset] for blamed in reasons]) for asset in since}

    def tickers(self, assets: Iterable[Asset]) -> dict[Asset, Any]:
        """ccxt's tickers of what the serving exchange trades, in one request. Raises MarketError."""
        return self._serving.tickers(assets)

    def _choices(self, now: int) -> list["_Exchange"]:
        rested = [exchange for exchange in self._exchanges if exchange.rests_until <= now]
        return rested or self._exchanges


class _Exchange:
    """One exchange of ccxt, with its markets once they are loaded."""

    def __init__(self, name: str, patience: Patience, session: Session) -> None:
        if name not in ccxt.exchanges:
            raise ConfigurationError(f"GROWFOLIO_EXCHANGES: ccxt has no {name!r} here")
        session.hooks["response"].append(self._judge)
        self.name = name
        self.rests_until = 0
        self._ccxt: Any = getattr(ccxt, name)(
            {
                "session": session,
                "timeout": round(1000 * patience.request),
                "enableRateLimit": False,
                "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
                "urls": {"api": MARKET_DATA_HOST.get(name, {})},
            }
        )
        self._ccxt.has["fetchCurrencies"] = False  # a second long list, of no use for candles

    def fetch(self, since: Mapping[Asset, int], now: int, patience: Patience) -> Fetched:
        start = monotonic()
        if not self._ccxt.markets:
            loaded = gather([self.name], self._load_markets, patience)[self.name]
            if isinstance(loaded, MarketError):
                return dict.fromkeys(since, loaded)
        left = replace(patience, deadline=max(0.0, patience.deadline - (monotonic() - start)))
        return gather(since, lambda asset: self._bars(asset, since[asset], now), left)

    def tickers(self, assets: Iterable[Asset]) -> dict[Asset, Any]:
        pairs = {asset.pair: asset for asset in assets if asset.pair in (self._ccxt.markets or {})}
        if not pairs:
            raise TemporaryMarketError(f"{self.name} has listed none of these pairs")
        with _translated(self.name):
            tickers = self._ccxt.fetch_tickers(list(pairs))
        return {pairs[pair]: ticker for pair, ticker in tickers.items() if pair in pairs}

    def blamed(self, answers: Fetched) -> dict[Asset, MarketError]:
        """The errors among the answers, each with the name of this exchange."""
        errors = {asset: answer for asset, answer in answers.items() if isinstance(answer, MarketError)}
        return {
            asset: error if self.name in str(error) else type(error)(f"{self.name}: {error}")
            for asset, error in errors.items()
        }

    def _load_markets(self, name: str) -> None:
        with _translated(name):
            self._ccxt.load_markets(False, MARKETS_WANTED.get(name, {}))

    def _bars(self, asset: Asset, since: int, now: int) -> Bars:
        """Page after page, until the newest bar that can have closed. Kraken has no page but the last 720."""
        with _translated(self.name):
            limit = self._ccxt.feature_value(asset.pair, "fetchOHLCV", "limit", DEFAULT_PAGE)
        bars, start = Bars.of([]), since
        while start + BAR <= now:
            with _translated(self.name):
                rows = self._ccxt.fetch_ohlcv(asset.pair, Timeframe.M5.value, start * 1000, limit)
            page = _bars_of(rows)
            if not len(page) or page.open_time.max() < start:
                break
            bars = bars.followed_by(page)
            start = int(page.open_time.max()) + BAR
        closed = bars.closed_by(now)
        if not len(closed):
            raise TemporaryMarketError(f"{self.name} sent no candles of this time")
        return closed

    def _judge(self, response: Response, *_: Any, **__: Any) -> None:
        """Called for each answer: ccxt calls a 451 a network error, and takes HTML for no candles."""
        raise_for_status(response.status_code, self.name, "set GROWFOLIO_EXCHANGES to others")
        body = response.content.strip()
        if body[:1] + body[-1:] not in (b"{}", b"[]"):
            raise TemporaryMarketError(f"{self.name} sent no JSON, or cut it short")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turns ccxt's errors into ours; one of ours, raised while ccxt was reading an answer, passes through."""
    try:
        yield
    except ccxt.BadSymbol as fault:
        raise PermanentMarketError(f"{name} does not trade this pair") from fault
    except ccxt.RequestTimeout as fault:
        raise TemporaryMarketError(f"{name} did not answer in time") from fault
    except (ccxt.DDoSProtection, ccxt.RateLimitExceeded) as fault:
        raise TemporaryMarketError(f"{name} wants fewer requests") from fault
    except ccxt.OperationFailed as fault:
        raise TemporaryMarketError(
            f"{name} could not be reached or answered in part ({type(fault).__name__})"
        ) from fault
    except ccxt.BaseError as fault:
        raise PermanentMarketError(f"{name}: {type(fault).__name__}") from fault


def _bars_of(rows: list[list[float]]) -> Bars:
    """From ccxt's rows, whose times are in milliseconds. A value that was missing is not a number."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    table[:, 0] /= 1000
    return Bars.of(table.tolist())


def _all_of(reasons: Sequence[MarketError]) -> MarketError:
    """One error with all reasons: temporary if any is."""
    temporary = any(isinstance(reason, TemporaryMarketError) for reason in reasons)
    kind = TemporaryMarketError if temporary else PermanentMarketError
    return kind("; ".join(map(str, reasons)))
