"""Live prices of coins by the real ccxt, against local servers that speak as Binance and Kraken do."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.domain.signals import Price
from growfolio.market.exchange import ExchangeSource
from growfolio.market.exchange_quotes import FAILURES, REST, ExchangeQuotes
from growfolio.market.ports import Patience

from tests.fakes.candle_server import ANY, Fault
from tests.fakes.exchange import LocalSession
from tests.fakes.refresh import walk
from tests.fakes.tickers import BinanceTickers, KrakenTickers
from tests.patience import HANG
from tests.samples import BAR

NOW = BAR + 10
PERIOD = 300
COINS = assets_of(Market.CRYPTO)
BTC, SHIB = find_asset("BTC"), find_asset("SHIB")
LAST = {asset: f"{n + 1}.25" for n, asset in enumerate(COINS)} | {SHIB: "0.00001345"}
PATIENCE = Patience(request=HANG, deadline=HANG, tries=1, publication=0.0)


def symbol(asset_id: str) -> str:
    return asset_id.replace("_", "")


@pytest.fixture
def binance() -> Iterator[BinanceTickers]:
    with BinanceTickers({symbol(asset.id): walk(asset, NOW) for asset in COINS}) as server:
        server.last = {symbol(asset.id): last for asset, last in LAST.items()}
        server.moment = NOW
        yield server


@pytest.fixture
def kraken() -> Iterator[KrakenTickers]:
    with KrakenTickers({symbol(asset.id): walk(asset, NOW) for asset in COINS}) as server:
        server.last = {symbol(asset.id): last for asset, last in LAST.items()}
        yield server


@pytest.fixture
def exchange(binance: BinanceTickers, kraken: KrakenTickers) -> ExchangeSource:
    return ExchangeSource(("binance", "kraken"), PATIENCE, lambda: LocalSession(binance, kraken))


def serve(exchange: ExchangeSource) -> None:
    """What precedes quotes in a refresh: the exchange serves candles."""
    exchange.fetch(dict.fromkeys(COINS, BAR - 3_600), NOW)


def test_all_coins_have_the_exchanges_last_price_by_one_request(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    serve(exchange)
    before = len(binance.requests)
    quotes = ExchangeQuotes(exchange, PATIENCE)
    prices = quotes.latest(COINS, NOW)
    assert prices == {asset: Price(Decimal(last), NOW, "binance") for asset, last in LAST.items()} | {
        SHIB: Price(Decimal("0.0000134500"), NOW, "binance")
    }
    assert quotes.notes == ()
    assert len(binance.requests) == before + 1


def test_quotes_come_from_the_exchange_that_served_the_candles(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    binance.meet(ANY, Fault(status=451, body=b"{}"))
    serve(exchange)
    prices = ExchangeQuotes(exchange, PATIENCE).latest(COINS, NOW)
    assert prices[BTC] == Price(Decimal(LAST[BTC]), NOW, "kraken")
    assert set(prices) == set(COINS)


def test_a_coin_without_a_price_leaves_the_others_live(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    serve(exchange)
    binance.last["BTCUSDT"] = "0.00"
    quotes = ExchangeQuotes(exchange, PATIENCE)
    assert set(COINS) - set(quotes.latest(COINS, NOW)) == {BTC}
    assert quotes.notes == ("no live price of BTC: binance gave a ticker without a price",)


def test_a_coin_that_the_exchange_does_not_list_leaves_the_others_live(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    del binance.candles["BTCUSDT"]
    serve(exchange)
    quotes = ExchangeQuotes(exchange, PATIENCE)
    assert set(COINS) - set(quotes.latest(COINS, NOW)) == {BTC}
    assert quotes.notes == ("no live price of BTC: binance gave no ticker",)


def test_a_pair_that_does_not_trade_costs_no_other_its_price(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    serve(exchange)
    binance.not_trading.add("DOTUSDT")
    quotes = ExchangeQuotes(exchange)
    for nth in range(2 * FAILURES):
        prices = quotes.latest(COINS, NOW + nth * PERIOD)
        assert set(COINS) - set(prices) == {find_asset("DOT")}
        assert quotes.notes == ("no live price of DOT: binance gave no ticker",)
    binance.not_trading.clear()
    assert set(quotes.latest(COINS, NOW + 2 * FAILURES * PERIOD)) == set(COINS)


@pytest.mark.parametrize("last", [{"a": 1}, "x", "1e30", [], None])
@pytest.mark.parametrize("preferred", ["binance", "kraken"])
def test_a_ticker_that_cannot_be_read_costs_no_other_coin_its_price(
    preferred: str, last: object, binance: BinanceTickers, kraken: KrakenTickers
) -> None:
    exchange = ExchangeSource((preferred,), PATIENCE, lambda: LocalSession(binance, kraken))
    serve(exchange)
    (binance if preferred == "binance" else kraken).last["DOTUSDT"] = last
    prices = ExchangeQuotes(exchange).latest(COINS, NOW)
    assert set(COINS) - set(prices) == {find_asset("DOT")}


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=500, body=b"{}"),
        Fault(status=429, body=b"{}"),
        Fault(status=451, body=b"{}"),
        Fault(body=b"<html>"),
        Fault(body=b"[]"),
        Fault(body=b"{}"),
        Fault(cut=True),
    ],
    ids=["500", "429", "451", "no JSON", "an empty list", "an empty object", "cut"],
)
def test_a_fault_of_the_tickers_costs_the_live_prices_and_nothing_else(
    binance: BinanceTickers, exchange: ExchangeSource, fault: Fault
) -> None:
    serve(exchange)
    binance.meet(ANY, fault)
    quotes = ExchangeQuotes(exchange, PATIENCE)
    assert quotes.latest(COINS, NOW) == {}
    assert quotes.notes[0].startswith(f"no live price of {', '.join(asset.symbol for asset in COINS)}: ")


def test_silence_is_not_waited_for(binance: BinanceTickers, exchange: ExchangeSource) -> None:
    serve(exchange)
    binance.silent.add(ANY)
    assert ExchangeQuotes(exchange, PATIENCE).latest(COINS, NOW) == {}


def test_tickers_that_keep_failing_are_left_alone_and_asked_again_after_their_rest(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    serve(exchange)
    binance.meet(ANY, Fault(status=500, body=b"{}"))
    quotes = ExchangeQuotes(exchange, PATIENCE)
    for nth in range(FAILURES):
        quotes.latest(COINS, NOW + nth * PERIOD)
    failed = NOW + (FAILURES - 1) * PERIOD
    binance.recover()
    asked = len(binance.requests)
    assert quotes.latest(COINS, failed + PERIOD) == {}
    assert len(binance.requests) == asked
    assert len(quotes.latest(COINS, failed + REST)) == len(COINS)


def test_before_any_exchange_has_served_there_are_no_quotes(
    binance: BinanceTickers, exchange: ExchangeSource
) -> None:
    quotes = ExchangeQuotes(exchange, PATIENCE)
    assert quotes.latest([BTC], NOW) == {}
    assert quotes.notes == ("no live price of BTC: binance has listed none of these pairs",)
    assert binance.requests == []
