"""Crypto candles from an exchange, by ccxt: the first of a list that serves this address.

ccxt's synchronous classes in threads, not ccxt.async_support: with the layer's few exchanges they import
in 0.4 s against 0.7 s, and ccxt's own rate limiter sends ten coins one after another (at Binance's 50 ms
a request) where exchanges count requests a minute (Binance 6,000) or for each pair (Kraken). So the
limiter is off, and every coin has a thread.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from pkgutil import resolve_name
from time import monotonic, sleep, time
from typing import Any, Self

import ccxt
import numpy as np
from requests import Response, Session

from growfolio.connections import reconnecting
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import QUARTER, Bars
from growfolio.domain.times import BAR
from growfolio.errors import (
    ConfigurationError,
    MarketError,
    PermanentMarketError,
    TemporaryMarketError,
    WrongAnswer,
)
from growfolio.market.failover import Failover
from growfolio.market.fetching import gather, raise_for_status
from growfolio.market.ports import Fetched, Patience
from growfolio.market.verification import check_clock, check_spacing
from growfolio.settings import Settings

EXCHANGES: tuple[str, ...] = tuple(json.loads(Path(__file__).with_name("exchanges.json").read_text("utf-8")))
"""ccxt ids of the exchanges that may be configured; a Lambda layer holds no others."""
LISTED_AGAIN = 600
"""Seconds after which the list of markets is asked for again while it lacks an asset."""
FEWEST_TWINS = 3
"""Newest bars by which two coins' answers are told apart: so many prices never agree by chance."""
TWINS_APART = 0.1
"""How far a coin's ticker may lie from its newest close, as a share, where another coin has the same."""
FIFTEEN_MINUTES = "15m"
"""As ccxt names it."""
DEFAULT_PAGE = 500
"""Candles in one answer, where ccxt does not say what an exchange gives."""

MARKET_DATA_HOST = {"binance": {"public": "https://data-api.binance.vision/api/v3"}}
"""Hosts that exchanges keep for public market data alone, where they are not those that ccxt asks."""
MARKETS_WANTED = {"binance": {"symbolStatus": "TRADING", "showPermissionSets": "false"}}
"""What makes an exchange's list of markets short: all of Binance's takes seconds to parse."""


class ExchangeSource:
    """5-minute bars of coins against USDT. Needs no key. See Failover for which exchange serves."""

    simulated = False
    live = True
    longest_past = None
    caveats = ()

    def __init__(
        self,
        exchanges: Sequence[str],
        patience: Patience | None = None,
        session: Callable[[], Session] = Session,
        wait: Callable[[float], object] = sleep,
        clock: Callable[[], float] = time,
    ) -> None:
        """exchanges are of EXCHANGES, the preferred one first. Raises ConfigurationError for any other."""
        if not exchanges:
            raise ConfigurationError(
                "GROWFOLIO_EXCHANGES names no exchange: put ccxt ids, e.g. binance,kraken"
            )
        patience = patience or Patience()
        providers = [Exchange(name, patience, session(), clock) for name in exchanges]
        providers[0].prepare()
        self._failover = Failover(providers, patience, wait)

    @classmethod
    def from_settings(cls, settings: Settings, patience: Patience) -> Self:
        return cls(settings.exchanges, patience)

    @property
    def name(self) -> str:
        """The exchange that answered last."""
        return self._failover.serving.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self._failover.notes

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch. Where all exchanges fail, each asset has the reasons of all."""
        return self._failover.fetch(since, now)

    def tickers(self, assets: Iterable[Asset]) -> dict[Asset, Any]:
        """ccxt's tickers of what the serving exchange trades. Raises MarketError."""
        return self._failover.serving.tickers(assets)


class Exchange:
    """One exchange of ccxt, with its markets once they are loaded."""

    def __init__(self, name: str, patience: Patience, session: Session, clock: Callable[[], float]) -> None:
        if name not in EXCHANGES:
            likeliest_first = ", ".join(get_close_matches(name, EXCHANGES, n=len(EXCHANGES), cutoff=0.0))
            raise ConfigurationError(f"GROWFOLIO_EXCHANGES: no {name!r} here; there are {likeliest_first}")
        session.hooks["response"].append(self._judge)
        reconnecting(session)
        self.name = name
        self._patience = patience
        self._clock = clock
        self._listed_at = 0
        self._without_ticker: set[str] = set()
        """Pairs for whose sake the exchange refused the tickers of all; asked for by themselves."""
        self._session = session

    @cached_property
    def _ccxt(self) -> Any:
        """ccxt's own object, made when this exchange is first asked: one that stands by may never be."""
        made = resolve_name(f"ccxt.{self.name}:{self.name}")(
            {
                "session": self._session,
                "timeout": round(1000 * self._patience.request),
                "enableRateLimit": False,
                "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
                "urls": {"api": MARKET_DATA_HOST.get(self.name, {})},
            }
        )
        made.has["fetchCurrencies"] = False  # a second long list, of no use for candles
        return made

    def prepare(self) -> None:
        """Make ccxt's object now: on Lambda, before the first event arrives."""
        _ = self._ccxt

    def fetch_once(self, since: Mapping[Asset, int], now: int, patience: Patience) -> Fetched:
        """See failover.Provider."""
        start = monotonic()
        unlisted = self._list_markets(since, now, patience)
        if isinstance(unlisted, MarketError):
            return dict.fromkeys(since, unlisted)
        left = replace(patience, deadline=max(0.0, patience.deadline - (monotonic() - start)))
        answers = gather(since, lambda asset: self._bars(asset, since[asset], now), left)
        wrong = self._without_witness(_twins(answers))
        return answers | dict.fromkeys(wrong, WrongAnswer(f"{self.name} sent another pair's candles"))

    def tickers(self, assets: Iterable[Asset]) -> dict[Asset, Any]:
        """The tickers of those assets that the exchange lists. Raises MarketError.

        One request for all. Exchanges refuse it for a single pair that does not trade (Binance: -1121);
        then, and from then on, each such pair is asked for by itself.
        """
        pairs = {asset.pair: asset for asset in assets if asset.pair in (self._ccxt.markets or {})}
        if not pairs:
            raise TemporaryMarketError(f"{self.name} has listed none of these pairs")
        together = [pair for pair in pairs if pair not in self._without_ticker]
        try:
            found = self._tickers(together) if together else {}
            apart = [pair for pair in pairs if pair in self._without_ticker]
        except PermanentMarketError:
            found, apart = {}, list(pairs)
        single = gather(apart, lambda pair: self._tickers([pair]), self._patience)
        for pair, answer in single.items():
            if isinstance(answer, MarketError):
                self._without_ticker.add(pair)
            else:
                self._without_ticker.discard(pair)
                found |= answer
        if not found and single:
            raise next(error for error in single.values() if isinstance(error, MarketError))
        return {pairs[pair]: ticker for pair, ticker in found.items() if pair in pairs}

    def _without_witness(self, twins: Mapping[Asset, float]) -> list[Asset]:
        """Those of the assets whose newest close their ticker, which names its pair, does not bear out."""
        if not twins:
            return []
        try:
            tickers = self.tickers(twins)
        except MarketError:
            return list(twins)
        last = {asset: (tickers.get(asset) or {}).get("last") or 0.0 for asset in twins}
        return [asset for asset, close in twins.items() if abs(last[asset] - close) > TWINS_APART * close]

    def _tickers(self, pairs: list[str]) -> dict[str, Any]:
        with _translated(self.name):
            tickers: dict[str, Any] = self._ccxt.fetch_tickers(pairs)
        return tickers

    def _list_markets(self, assets: Iterable[Asset], now: int, patience: Patience) -> MarketError | None:
        """Load the list of markets where there is none, or where it is old and lacks an asset.

        An exchange leaves out a coin while it does not trade it.
        """
        known = self._ccxt.markets or {}
        if known and (all(a.pair in known for a in assets) or now < self._listed_at + LISTED_AGAIN):
            return None
        loaded = gather([self.name], self._load_markets, patience)[self.name]
        if not isinstance(loaded, MarketError):
            self._listed_at = now
            return None
        return None if known else loaded

    def _load_markets(self, name: str) -> None:
        with _translated(name):
            self._ccxt.load_markets(True, MARKETS_WANTED.get(name, {}))

    def _bars(self, asset: Asset, since: int, now: int) -> Bars:
        """All 5-minute bars since then; where the exchange's do not go back so far, 15-minute bars too."""
        with _translated(self.name):
            limit = self._ccxt.feature_value(asset.pair, "fetchOHLCV", "limit", DEFAULT_PAGE)
        bars = self._pages(asset, since, now, limit)
        check_spacing(bars, self.name)
        closed = bars.closed_by(now)
        if not len(closed):
            raise TemporaryMarketError(f"{self.name} sent no candles of this time")
        short = len(closed) >= limit - 1 and int(closed.open_time.min()) > since + QUARTER
        return replace(closed, quarters=self._quarters(asset, since, limit)) if short else closed

    def _pages(self, asset: Asset, since: int, now: int, limit: int) -> Bars:
        """Page after page, until the newest bar that can have closed. Kraken has no page but the last 720."""
        bars, start = Bars.of([]), since
        while start + BAR <= now:
            page = self._page(asset, Timeframe.M5.value, start, limit)
            if not len(page) or page.open_time.max() < start:
                break
            bars = bars.followed_by(page)
            start = int(page.open_time.max()) + BAR
        return bars

    def _quarters(self, asset: Asset, since: int, limit: int) -> Bars | None:
        """One page of 15-minute bars; None where the exchange gives none: 5-minute signals need no more."""
        try:
            bars = self._page(asset, FIFTEEN_MINUTES, since, limit)
        except MarketError:
            return None
        return bars.where((bars.open_time >= since) & (bars.open_time % QUARTER == 0))

    def _page(self, asset: Asset, timeframe: str, since: int, limit: int) -> Bars:
        with _translated(self.name):
            return _bars_of(self._ccxt.fetch_ohlcv(asset.pair, timeframe, since * 1000, limit))

    def _judge(self, response: Response, *_: Any, **__: Any) -> None:
        """Called for each answer: ccxt calls a 451 a network error, and takes HTML for no candles."""
        body = response.content.strip()  # in any case: an answer that is not read keeps its connection
        raise_for_status(response.status_code, self.name, "set GROWFOLIO_EXCHANGES to others")
        if body[:1] + body[-1:] not in (b"{}", b"[]"):
            raise TemporaryMarketError(f"{self.name} sent no JSON, or cut it short")
        check_clock(response.headers.get("Date"), self.name, self._clock)


@contextmanager
def _translated(name: str) -> Iterator[None]:
    """Turns ccxt's errors into ours; one of ours, raised while ccxt was reading an answer, passes through.

    An answer with other members than ccxt expects makes it raise anything, e.g. AttributeError.
    """
    try:
        yield
    except MarketError:
        raise
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
    except Exception as fault:
        raise PermanentMarketError(f"{name} sent an unreadable answer: {type(fault).__name__}") from fault


def _bars_of(rows: list[list[float]]) -> Bars:
    """From ccxt's rows, whose times are in milliseconds. A value that was missing is not a number."""
    table = np.array(rows, dtype=np.float64).reshape(-1, 6)
    table[:, 0] /= 1000
    return Bars.of(table.tolist())


def _twins(answers: Fetched) -> dict[Asset, float]:
    """The newest closes of assets that have the same candles; answers do not say which pair they are of."""
    alike: dict[bytes, dict[Asset, float]] = {}
    for asset, bars in answers.items():
        if isinstance(bars, Bars) and len(bars) >= FEWEST_TWINS and np.ptp(bars.close[-FEWEST_TWINS:]) > 0:
            newest = np.concatenate([bars.close[-FEWEST_TWINS:], bars.volume[-FEWEST_TWINS:]])
            alike.setdefault(newest.tobytes(), {})[asset] = float(bars.close[-1])
    return {asset: close for own in alike.values() if len(own) > 1 for asset, close in own.items()}
