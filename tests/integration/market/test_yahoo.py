"""The real yfinance against Yahoo's wire format, with everything that goes wrong there."""

import subprocess
import sys
import threading

import numpy as np
import pytest
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.times import BAR, DAY
from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError, WrongAnswer
from growfolio.market.ports import Patience
from growfolio.market.stocks import INDEX, StockSource
from growfolio.market.yahoo import LONGEST_PAST

from tests.bars import printed
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.yahoo import YahooServer, chart, refusal
from tests.integration.market.answers import NOW, only_failure, served
from tests.integration.market.yahoo_stocks import MSFT, SINCE, STOCKS, fetch, source
from tests.patience import HANG, PATIENT, no_wait


def test_all_stocks_come_as_they_were_printed_up_to_the_bar_that_just_closed(yahoo: YahooServer) -> None:
    for asset, bars in served(fetch(yahoo)).items():
        for name in ("open_time", *PRICES):
            np.testing.assert_array_equal(getattr(bars, name), getattr(printed(asset, SINCE, NOW), name))


def test_each_stock_is_asked_for_once_from_where_its_own_candles_end(yahoo: YahooServer) -> None:
    since = {asset: SINCE + n * BAR for n, asset in enumerate(STOCKS)}
    source(yahoo).fetch(since, NOW)
    for asset in STOCKS:
        (request,) = yahoo.requested(asset.symbol)
        assert request.query["period1"] == str(since[asset])
        assert request.query["interval"] == "5m"
        assert request.query["includePrePost"].lower() == "false"


def test_candles_older_than_yahoo_has_are_not_asked_for(yahoo: YahooServer) -> None:
    fetch(yahoo, since=NOW - 300 * DAY)
    assert {int(r.query["period1"]) for r in yahoo.requests if r.symbol} == {NOW - LONGEST_PAST}


FAULTS = {
    "429": (Fault(429, b"Too Many Requests\r\n"), TemporaryMarketError, "yahoo answered 429"),
    "451": (Fault(451), PermanentMarketError, "yahoo refuses to serve this address or account (451)"),
    "403": (Fault(403), PermanentMarketError, "yahoo refuses to serve this address or account (403)"),
    "500": (Fault(500, b"<html>oops</html>"), TemporaryMarketError, "yahoo answered 500"),
    "503": (Fault(503, b"Will be right back"), TemporaryMarketError, "yahoo answered 503"),
    "unknown": (
        Fault(404, refusal("Not Found", "No data found, symbol may be delisted")),
        PermanentMarketError,
        "yahoo: No data found, symbol may be delisted",
    ),
    "too old": (
        Fault(422, refusal("Unprocessable Entity", "5m data not available for startTime=1 and endTime=2")),
        PermanentMarketError,
        "yahoo: 5m data not available for startTime=1 and endTime=2",
    ),
    "empty body": (Fault(200), TemporaryMarketError, "yahoo sent no JSON, or cut it short"),
    "maintenance page": (
        Fault(200, b"<html>Will be right back</html>"),
        TemporaryMarketError,
        "yahoo sent no JSON, or cut it short",
    ),
    "cut JSON": (
        Fault(200, b'{"chart": {"resu'),
        TemporaryMarketError,
        "yahoo sent no JSON, or cut it short",
    ),
    "cut connection": (Fault(cut=True), TemporaryMarketError, "yahoo could not be reached: IncompleteRead"),
    "other JSON": (Fault(200, b"[1, 2]"), PermanentMarketError, "yahoo sent JSON that is no chart"),
    "null chart": (Fault(200, b'{"chart": null}'), PermanentMarketError, "yahoo sent JSON that is no chart"),
    "no result": (
        Fault(200, b'{"chart": {"result": [], "error": null}}'),
        TemporaryMarketError,
        "yahoo sent an empty chart",
    ),
    "no candles": (
        Fault(200, chart("MSFT", Bars.of([]))),
        TemporaryMarketError,
        "yahoo sent no candles of this time",
    ),
    "no columns": (
        Fault(200, b'{"chart": {"result": [{"timestamp": [1], "indicators": {}}], "error": null}}'),
        PermanentMarketError,
        "yahoo sent a chart that is no list of candles",
    ),
    "columns of words": (
        Fault(200, chart("MSFT", printed(MSFT, SINCE, NOW)).replace(b'"high": [', b'"high": ["high", ')),
        PermanentMarketError,
        "yahoo sent a chart that is no list of candles",
    ),
}


@pytest.mark.parametrize(("fault", "kind", "reason"), FAULTS.values(), ids=FAULTS)
def test_one_stocks_fault_has_its_reason_and_leaves_the_others_served(
    yahoo: YahooServer, fault: Fault, kind: type[MarketError], reason: str
) -> None:
    yahoo.meet("MSFT", Fault(fault.status, fault.body, fault.cut))
    error = only_failure(fetch(yahoo), MSFT)
    assert (type(error), str(error)) == (kind, reason)
    tries = len(yahoo.requested("MSFT"))
    assert tries == (PATIENT.tries if kind is TemporaryMarketError else 1)


def test_a_stock_that_never_answers_is_given_up(yahoo: YahooServer) -> None:
    yahoo.silent.add("MSFT")
    error = only_failure(fetch(yahoo), MSFT)
    assert (type(error), str(error)) == (TemporaryMarketError, "yahoo could not be reached: Timeout")


def test_the_deadline_holds_whatever_each_request_may_take(yahoo: YahooServer) -> None:
    yahoo.together = threading.Barrier(len(STOCKS) + 1)
    patience = Patience(request=HANG, deadline=0.05)
    answers = source(yahoo, patience).fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert {str(error) for error in answers.values()} == {"no answer within 0.05 s"}


@pytest.mark.parametrize("fault", [Fault(429), Fault(500), Fault(200, b"{"), Fault(cut=True)], ids=str)
def test_a_fault_that_passes_is_outlasted(yahoo: YahooServer, fault: Fault) -> None:
    yahoo.meet("MSFT", Fault(fault.status, fault.body, fault.cut, times=2))
    assert set(served(fetch(yahoo))) == set(STOCKS)


def test_when_yahoo_is_down_every_stock_says_so(yahoo: YahooServer) -> None:
    yahoo.meet(ANY, Fault(503))
    assert {str(error) for error in fetch(yahoo).values()} == {"yahoo answered 503"}


def test_without_a_network_every_stock_says_so() -> None:
    with YahooServer() as gone:
        pass
    reasons = {str(error) for error in fetch(gone).values()}
    assert reasons == {"yahoo could not be reached: ConnectionError"}


def test_the_index_witnesses_by_its_own_chart_and_is_asked_for_only_then(yahoo: YahooServer) -> None:
    fetch(yahoo)
    assert yahoo.requested(INDEX.symbol) == []
    yahoo.candles[INDEX.symbol] = printed(INDEX, SINCE, NOW + 3600)
    yahoo.meta[INDEX.symbol] = {"instrumentType": "ETF"}
    bars = StockSource([source(yahoo)], PATIENT, no_wait).index(SINCE, NOW)
    assert int(bars.open_time[0]) == SINCE
    assert int(bars.open_time[-1]) + BAR == NOW - 4


def test_an_index_that_yahoo_does_not_give_is_an_error(yahoo: YahooServer) -> None:
    stocks = StockSource([source(yahoo)], PATIENT, no_wait)
    with pytest.raises(PermanentMarketError, match="delisted"):
        stocks.index(SINCE, NOW)
    yahoo.candles[INDEX.symbol] = printed(INDEX, SINCE, NOW)
    yahoo.meta[INDEX.symbol] = {"symbol": "QQQ"}
    with pytest.raises(WrongAnswer, match="QQQ in place of SPY"):
        stocks.index(SINCE, NOW)


def test_all_stocks_are_asked_for_at_once(yahoo: YahooServer) -> None:
    """None is answered before all were asked for; tests/benchmarks measures the time."""
    yahoo.together = threading.Barrier(len(STOCKS))
    assert set(served(fetch(yahoo))) == set(STOCKS)


def test_no_thread_that_yahoo_keeps_waiting_holds_up_the_end_of_the_process(yahoo: YahooServer) -> None:
    yahoo.silent.add("MSFT")
    program = f"""
import types
from growfolio.domain.assets import find_asset
from growfolio.market.ports import Patience
from growfolio.market.yahoo import YahooSource
from tests.fakes.yahoo import LocalYahooSession
patience = Patience(request={10 * HANG}, deadline=0.3)
server = types.SimpleNamespace(url={yahoo.url!r})
source = YahooSource(patience, LocalYahooSession(server, patience.request))
print(source.fetch({{find_asset("MSFT"): {SINCE}}}, {NOW}))
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=HANG, check=True, text=True
    )
    assert "no answer within 0.3 s" in ended.stdout
