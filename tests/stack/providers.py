"""The providers that the functions ask: the fakes of tests/fakes under the hosts' real names."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.times import DAY
from growfolio.market.simulated import SimulatedSource

from tests.fakes import alpaca, finnhub_server, gemini_server
from tests.fakes.alpaca import AlpacaServer
from tests.fakes.candle_server import CandleServer
from tests.fakes.finnhub_server import FakeFinnhub, a_quote
from tests.fakes.gemini_server import FakeGemini
from tests.fakes.hub_server import FakeHub, Repository
from tests.fakes.models import Publication, constant_graph
from tests.fakes.tickers import BinanceTickers
from tests.fakes.yahoo import YahooServer
from tests.stack.cloud import API_ID, REGION
from tests.stack.internet import Answer, Host

SECRETS = {
    "hub-token": "hub-token-6511",
    "quote-key": finnhub_server.KEY,
    "explain-key": gemini_server.KEY,
    "alpaca-key": alpaca.KEYS[0],
    "alpaca-secret": alpaca.KEYS[1],
}
MODELS = "growfolio/signals"
PROBABILITIES = (0.1, 0.2, 0.7)
"""Of sell, hold and buy, whatever the candles: signals that come from these models can be told."""
AHEAD = 3600
"""Seconds of candles that lie in the future: the tests take minutes, and functions drop open bars."""


class Candles:
    """One provider of candles, under one or more names."""

    def __init__(self, server: CandleServer) -> None:
        self.server = server

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        status, body, _ = self.server.respond(path, query, headers)
        return status, body


class Quotes:
    """Finnhub, whose prices are the last closes: on good days nothing is disputed."""

    def __init__(self, finnhub: FakeFinnhub, prices: Mapping[str, float]) -> None:
        self.finnhub, self.prices = finnhub, prices

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        if not path.endswith("/quote"):
            return 404, b"{}"
        self.finnhub.quotes[query["symbol"]] = a_quote(self.prices[query["symbol"]], int(time.time()))
        return self.finnhub.answer(query["symbol"], headers.get("x-finnhub-token", ""))


class LanguageModel:
    """Gemini."""

    def __init__(self, gemini: FakeGemini) -> None:
        self.gemini = gemini

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        model = path.rpartition("/")[2].removesuffix(":generateContent")
        return self.gemini.respond(model, headers.get("x-goog-api-key", ""), json.loads(body))


class PublicApi:
    """The API behind its public address, which the watch calls."""

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        return (200, b'{"healthy": true, "markets": []}') if path == "/v1/health" else (404, b"{}")


class Clocked:
    """Notes when its host is asked."""

    def __init__(self, host: Host, asked: list[float]) -> None:
        self.host = host
        self.asked = asked

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        self.asked.append(time.perf_counter())
        return self.host.answer(path, query, headers, body)


@dataclass(frozen=True)
class Providers:
    hosts: dict[str, Host]
    """All hosts that functions may ask; no other can be reached."""
    yahoo: YahooServer
    """The preferred source of stocks, which may be made to refuse."""
    asked: list[float]
    """When any of them was, by perf_counter."""
    hub: FakeHub
    revision: str
    """The commit of the model repository."""


@contextmanager
def providers() -> Iterator[Providers]:
    """Candles up to now, quotes for who has the key, and models for who has the token."""
    now = int(time.time())
    with ExitStack() as running:
        stocks = _candles(Market.STOCKS, now)
        first = running.enter_context(YahooServer(stocks))
        yahoo = Candles(first)
        second = Candles(running.enter_context(AlpacaServer(stocks)))
        coins = {f"{symbol}USDT": bars for symbol, bars in _candles(Market.CRYPTO, now).items()}
        exchange = running.enter_context(BinanceTickers(coins))
        exchange.last = {symbol: repr(_price(bars, now)) for symbol, bars in coins.items()}
        exchange.moment = now
        binance = Candles(exchange)
        finnhub = running.enter_context(FakeFinnhub())
        gemini = running.enter_context(FakeGemini())
        hub = running.enter_context(FakeHub())
        hub.repositories[MODELS] = Repository(token=SECRETS["hub-token"])
        hosts: dict[str, Host] = {
            "data-api.binance.vision": binance,
            "api.binance.com": binance,
            "query1.finance.yahoo.com": yahoo,
            "query2.finance.yahoo.com": yahoo,
            "fc.yahoo.com": yahoo,
            "data.alpaca.markets": second,
            "api.finnhub.io": Quotes(finnhub, {name: _price(bars, now) for name, bars in stocks.items()}),
            "generativelanguage.googleapis.com": LanguageModel(gemini),
            f"{API_ID}.execute-api.{REGION}.amazonaws.com": PublicApi(),
        }
        asked: list[float] = []
        clocked: dict[str, Host] = {name: Clocked(host, asked) for name, host in hosts.items()}
        yield Providers(clocked, first, asked, hub, hub.publish(MODELS, _models(now)))


def _models(now: int) -> dict[str, bytes]:
    publication = Publication()
    for market in Market:
        symbols = [asset.symbol for asset in assets_of(market)]
        for timeframe in Timeframe:
            graph = constant_graph(PROBABILITIES)
            name = f"{market}_{timeframe}_lstm"
            publication.add(name, graph, symbols, timeframe, expires_at=now + DAY)
    return publication.files()


def _candles(market: Market, now: int) -> dict[str, Bars]:
    since = dict.fromkeys(assets_of(market), now - 20 * DAY)
    made: dict[Any, Any] = SimulatedSource().fetch(since, now + AHEAD)
    return {asset.symbol: bars for asset, bars in made.items()}


def _price(bars: Bars, now: int) -> float:
    """The last close by now: candles reach ahead, for the time that the tests take."""
    return float(bars.closed_by(now).close[-1])
