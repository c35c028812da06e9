"""The providers of one market on this machine, asked by the real clients: candles by symbol, and quotes."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from growfolio.domain.assets import Asset, Market
from growfolio.domain.bars import Bars
from growfolio.market.exchange import ExchangeSource
from growfolio.market.exchange_quotes import ExchangeQuotes
from growfolio.market.finnhub import FinnhubQuotes
from growfolio.market.ports import MarketSource, Patience, Quotes
from growfolio.market.stocks import StockSource
from growfolio.market.yahoo import YahooSource

from tests.fakes.candle_server import CandleServer
from tests.fakes.exchange import LocalSession
from tests.fakes.finnhub_server import KEY, FakeFinnhub, a_quote
from tests.fakes.tickers import BinanceTickers, KrakenTickers
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.patience import HANG, PATIENT, no_wait

QUOTING = Patience(request=HANG, deadline=HANG, tries=1)


@dataclass(frozen=True)
class Provider:
    """Servers of one market and the ports that ask them. The first server is the preferred one."""

    market: Market
    servers: Sequence[CandleServer]
    source: MarketSource
    quotes: Quotes
    quote: Callable[[str, float, int], None]
    """Sets a symbol's live price and its time."""

    @property
    def server(self) -> CandleServer:
        return self.servers[0]

    def symbol(self, asset: Asset) -> str:
        return asset.symbol if self.market is Market.STOCKS else f"{asset.symbol}USDT"

    def publish(self, asset: Asset, good: Bars, shown: Bars) -> None:
        """What the servers have of an asset: the preferred one may show other bars than the good ones."""
        for server in self.servers:
            server.candles[self.symbol(asset)] = shown if server is self.server else good


@contextmanager
def yahoo() -> Iterator[Provider]:
    with YahooServer() as server, FakeFinnhub() as finnhub:
        charts = YahooSource(PATIENT, LocalYahooSession(server, PATIENT.request), no_wait)
        source = StockSource([charts], PATIENT, no_wait)
        quotes = FinnhubQuotes(lambda: KEY, "/growfolio/finnhub", finnhub.url, QUOTING)

        def quote(symbol: str, price: float, moment: int) -> None:
            finnhub.quotes[symbol] = a_quote(price, moment)

        yield Provider(Market.STOCKS, [server], source, quotes, quote)


@contextmanager
def exchanges(*names: str) -> Iterator[Provider]:
    with ExitStack() as stack:
        servers: list[BinanceTickers | KrakenTickers] = []
        for name in names:
            server: BinanceTickers | KrakenTickers
            server = BinanceTickers() if name == "binance" else KrakenTickers()
            server.last = {}
            servers.append(server)
            stack.enter_context(server)

        def quote(symbol: str, price: float, moment: int) -> None:
            for server in servers:
                server.last[symbol] = repr(price)
                if isinstance(server, BinanceTickers):
                    server.moment = moment

        source = ExchangeSource(names, PATIENT, lambda: LocalSession(*servers), no_wait)
        yield Provider(Market.CRYPTO, servers, source, ExchangeQuotes(source, QUOTING), quote)


def provider(name: str) -> AbstractContextManager[Provider]:
    """By the name of a source: yahoo, or exchanges with commas between them."""
    return yahoo() if name == "yahoo" else exchanges(*name.split(","))
