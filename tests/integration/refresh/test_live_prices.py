"""A live refresh with keys set, and its explanations: real client libraries, providers on this machine."""

from collections.abc import Mapping
from decimal import Decimal

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.signals import Price, Signal, in_ticks
from growfolio.domain.targets import targets
from growfolio.domain.times import DAY
from growfolio.explanations.gemini import GeminiWriter
from growfolio.explanations.service import Explainer, explain_changed
from growfolio.market.exchange import ExchangeSource
from growfolio.market.exchange_quotes import ExchangeQuotes
from growfolio.market.finnhub import FinnhubQuotes
from growfolio.market.ports import MarketSource, Patience, Quotes
from growfolio.market.yahoo import YahooSource
from growfolio.models.loader import model_loader
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.settings import Settings

from tests.bars import moment, printed
from tests.fakes import finnhub_server, gemini_server
from tests.fakes.exchange import LocalSession
from tests.fakes.finnhub_server import FakeFinnhub, a_quote
from tests.fakes.gemini_server import FakeGemini, chosen
from tests.fakes.memory_store import MemoryStore
from tests.fakes.tickers import BinanceTickers
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.patience import HANG

BAR_CLOSE = moment("2024-09-05 18:00")
NOW = BAR_CLOSE + 10
PATIENCE = Patience(request=HANG, deadline=HANG, tries=2, publication=0.0)
AAPL, MSFT, SHIB = find_asset("AAPL"), find_asset("MSFT"), find_asset("SHIB")


def candles(market: Market) -> dict[Asset, Bars]:
    return {asset: printed(asset, NOW - 30 * DAY, NOW) for asset in assets_of(market)}


def moved(bars: Mapping[Asset, Bars]) -> dict[Asset, Decimal]:
    """A last trade of each asset, a little above its last close."""
    return {asset: in_ticks(float(own.close[-1]) * 1.002) for asset, own in bars.items()}


def refreshed(market: Market, source: MarketSource, quotes: Quotes | None = None) -> MemoryStore:
    store = MemoryStore()
    forecaster = model_loader(Settings(), [market]).load().forecaster
    report = refresh(Ports(market, WindowedFeed(source, None, market), forecaster, store, quotes), NOW)
    assert (report.troubles, report.store_faults) == ({}, [])
    return store


def signals(store: MemoryStore) -> dict[tuple[Asset, Timeframe], Signal]:
    records = [record for timeframe in Timeframe for record in store.signals(timeframe)]
    return {(record.asset, record.timeframe): record.signal for record in records if record.signal}


def test_stocks_show_finnhubs_price_and_one_without_shows_yahoos_close() -> None:
    bars = candles(Market.STOCKS)
    last = moved(bars)
    with YahooServer() as yahoo, FakeFinnhub() as finnhub:
        yahoo.candles = {asset.symbol: own for asset, own in bars.items()}
        finnhub.quotes = {asset.symbol: a_quote(float(price), NOW - 1) for asset, price in last.items()}
        del finnhub.quotes["MSFT"]
        source = YahooSource(PATIENCE, LocalYahooSession(yahoo, PATIENCE.request))
        quotes = FinnhubQuotes(lambda: finnhub_server.KEY, "", finnhub.url, PATIENCE)
        store = refreshed(Market.STOCKS, source, quotes)
    for (asset, _), signal in signals(store).items():
        close = Price(in_ticks(float(bars[asset].close[-1])), BAR_CLOSE, "yahoo close")
        assert signal.price == (close if asset == MSFT else Price(last[asset], NOW - 1, "finnhub"))
        assert (signal.buy_target, signal.sell_target, signal.stop_loss) == targets(
            signal.action, signal.price.value, signal.facts.atr_pct
        )
    assert quotes.notes == ("no live price of MSFT: finnhub has no price",)
    assert len(finnhub.asked) == len(bars)


def test_coins_show_the_exchanges_last_price_down_to_the_smallest() -> None:
    bars = candles(Market.CRYPTO)
    last = moved(bars)
    with BinanceTickers() as binance:
        binance.candles = {asset.id.replace("_", ""): own for asset, own in bars.items()}
        binance.last = {asset.id.replace("_", ""): format(price, "f") for asset, price in last.items()}
        binance.moment = NOW - 1
        source = ExchangeSource(["binance"], PATIENCE, lambda: LocalSession(binance))
        store = refreshed(Market.CRYPTO, source, ExchangeQuotes(source, PATIENCE))
    found = signals(store)
    assert len(found) == 2 * len(bars)
    for (asset, _), signal in found.items():
        assert signal.price == Price(last[asset], NOW - 1, "binance")
    assert 0 < found[SHIB, Timeframe.M5].price.value < Decimal("0.0001")


def test_gemini_explains_what_a_refresh_wrote_and_the_template_what_it_said_badly() -> None:
    bars = candles(Market.STOCKS)

    def answer(offer: str) -> str:
        """A good choice, but for Microsoft a sentence of its own."""
        return "The price can only go up." if "Microsoft" in offer else chosen(offer)

    with YahooServer() as yahoo, FakeGemini(answer) as gemini:
        yahoo.candles = {asset.symbol: own for asset, own in bars.items()}
        source = YahooSource(PATIENCE, LocalYahooSession(yahoo, PATIENCE.request))
        store = refreshed(Market.STOCKS, source)
        writer = GeminiWriter(lambda: gemini_server.KEY, "", gemini_server.MODEL, gemini.url, HANG)
        records = [record for timeframe in Timeframe for record in store.signals(timeframe)]
        report = explain_changed(store, Explainer(store, writer, 60), records, NOW)
    told = {(e.asset, e.timeframe): e for timeframe in Timeframe for e in store.explanations(timeframe)}
    assert {key for key, e in told.items() if e.source == "template"} == {(MSFT, tf) for tf in Timeframe}
    assert report.written == {"gemini": 26, "template": 2}
    assert report.notes == (
        "the template explains MSFT 5m, MSFT 15m: the answer is no JSON array of statement ids",
    )
    assert told[AAPL, Timeframe.M5].text.startswith("The model says ")
