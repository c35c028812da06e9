"""The real ccxt against Binance's and Kraken's wire formats, with everything that goes wrong there."""

import subprocess
import sys
import threading

import ccxt
import numpy as np
import pytest
from growfolio.domain.bars import PRICES
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ConfigurationError, MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.exchange import EXCHANGES, ExchangeSource
from growfolio.market.ports import Patience

from tests.bars import printed
from tests.fakes.candle_server import Fault
from tests.fakes.exchange import BinanceServer, KrakenServer
from tests.integration.market.answers import NOW, only_failure, served
from tests.integration.market.exchanges import BLOCKED, BTC, COINS, DOGE, candles, fetch, source
from tests.patience import HANG, PATIENT


@pytest.mark.parametrize("days", [1, 5])
def test_all_coins_come_as_they_were_printed_however_many_pages_that_takes(
    binance: BinanceServer, days: int
) -> None:
    since = NOW - 4 - days * DAY
    one = source(binance)
    for asset, bars in served(fetch(one, since)).items():
        for name in ("open_time", *PRICES):
            np.testing.assert_array_equal(getattr(bars, name), getattr(printed(asset, since, NOW), name))
    assert one.name == "binance"


def test_every_candle_of_a_page_counts_once(binance: BinanceServer) -> None:
    """The last bar of one page and the first of the next are neighbours."""
    bars = served(fetch(source(binance), NOW - 4 - 5 * DAY))[BTC]
    assert (np.diff(bars.open_time) == BAR).all()


def test_the_list_of_markets_is_asked_for_once_and_short(binance: BinanceServer) -> None:
    one = source(binance)
    for _ in range(3):
        fetch(one)
    (markets,) = binance.requested("")
    assert markets.path == "/api/v3/exchangeInfo"
    assert dict(markets.query) == {"symbolStatus": "TRADING", "showPermissionSets": "false"}


def test_a_bar_under_way_is_not_served(binance: BinanceServer) -> None:
    for symbol, bars in candles(until=NOW - 4 + BAR).items():
        assert bars.open_time[-1] == NOW - 4
        binance.candles[symbol] = bars
    assert {int(bars.open_time[-1]) for bars in served(fetch(source(binance))).values()} == {NOW - 4 - BAR}


FAULTS = {
    "429": (Fault(429, b'{"code": -1003, "msg": "Too many"}'), TemporaryMarketError, "binance answered 429"),
    "418": (Fault(418), TemporaryMarketError, "binance answered 418"),
    "403": (
        Fault(403),
        PermanentMarketError,
        "binance refuses to serve this address or account (403): set GROWFOLIO_EXCHANGES to others",
    ),
    "451": (
        BLOCKED,
        PermanentMarketError,
        "binance refuses to serve this address or account (451): set GROWFOLIO_EXCHANGES to others",
    ),
    "500": (Fault(500, b"oops"), TemporaryMarketError, "binance answered 500"),
    "empty list": (Fault(200, b"[]"), TemporaryMarketError, "binance sent no candles of this time"),
    "unknown": (
        Fault(400, b'{"code": -1121, "msg": "Invalid symbol."}'),
        PermanentMarketError,
        "binance does not trade this pair",
    ),
    "cut connection": (
        Fault(cut=True),
        TemporaryMarketError,
        "binance could not be reached or answered in part (NetworkError)",
    ),
    "empty body": (Fault(200), TemporaryMarketError, "binance sent no JSON, or cut it short"),
    "page of HTML": (
        Fault(200, b"<html></html>"),
        TemporaryMarketError,
        "binance sent no JSON, or cut it short",
    ),
    "cut JSON": (
        Fault(200, b'[[1725559200000, "1'),
        TemporaryMarketError,
        "binance sent no JSON, or cut it short",
    ),
    "other JSON": (Fault(200, b'{"a": 1}'), TemporaryMarketError, "binance sent no candles of this time"),
    "rows of words": (
        Fault(200, b'[["a", "b", "c", "d", "e", "f"]]'),
        TemporaryMarketError,
        "binance sent no",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "reason"), FAULTS.values(), ids=FAULTS)
def test_one_coins_fault_has_its_reason_and_leaves_the_others_served(
    binance: BinanceServer, kraken: KrakenServer, fault: Fault, kind: type[MarketError], reason: str
) -> None:
    binance.meet("DOGEUSDT", Fault(fault.status, fault.body, fault.cut))
    one = source(binance, kraken)
    error = only_failure(fetch(one), DOGE)
    assert type(error) is kind
    assert str(error).startswith(reason)
    assert one.name == "binance"
    assert len(binance.requested("DOGEUSDT")) == (PATIENT.tries if kind is TemporaryMarketError else 1)
    assert kraken.requests == []


def test_a_coin_that_the_exchange_does_not_trade_says_so(binance: BinanceServer) -> None:
    del binance.candles["DOGEUSDT"]
    error = only_failure(fetch(source(binance)), DOGE)
    assert (type(error), str(error)) == (PermanentMarketError, "binance does not trade this pair")


def test_a_coin_that_never_answers_is_given_up(binance: BinanceServer) -> None:
    binance.silent.add("DOGEUSDT")
    error = only_failure(fetch(source(binance)), DOGE)
    assert (type(error), str(error)) == (TemporaryMarketError, "binance did not answer in time")


def test_the_deadline_holds_whatever_each_request_may_take(binance: BinanceServer) -> None:
    binance.together = threading.Barrier(len(COINS) + 1)
    answers = fetch(source(binance, patience=Patience(request=HANG, deadline=0.05)))
    assert {str(error)[:27] for error in answers.values()} == {"binance: no answer within 0"}


def test_a_fault_that_passes_is_outlasted(binance: BinanceServer) -> None:
    binance.meet("DOGEUSDT", Fault(503, times=2))
    assert set(served(fetch(source(binance)))) == set(COINS)


def test_a_rate_limit_that_kraken_hides_in_a_good_status_is_temporary(kraken: KrakenServer) -> None:
    kraken.meet("DOGEUSDT", Fault(200, b'{"error": ["EAPI:Rate limit exceeded"]}'))
    error = only_failure(fetch(source(kraken)), DOGE)
    assert (type(error), str(error)) == (TemporaryMarketError, "kraken wants fewer requests")


def test_crypto_functions_load_neither_pandas_nor_another_markets_client() -> None:
    program = "import sys, growfolio.market.exchange; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    ).stdout.split()
    assert "ccxt" in loaded
    assert not {"pandas", "yfinance", "aiohttp", "torch", "boto3"} & set(loaded)


def test_an_exchange_that_is_not_listed_is_a_setting_to_correct() -> None:
    with pytest.raises(ConfigurationError, match=r"GROWFOLIO_EXCHANGES.*'binanz' here; there are binance,"):
        ExchangeSource(["binanz"])
    unlisted = next(name for name in ccxt.exchanges if name not in EXCHANGES)
    with pytest.raises(ConfigurationError, match=f"no '{unlisted}' here"):  # ccxt has it, the layer does not
        ExchangeSource([unlisted])
    with pytest.raises(ConfigurationError, match="GROWFOLIO_EXCHANGES"):
        ExchangeSource([])
