"""The real yfinance against Yahoo's wire format, with everything that goes wrong there."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars, Split
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY
from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError, WrongAnswer
from growfolio.market.ports import Fetched, Patience
from growfolio.market.stocks import INDEX, StockSource
from growfolio.market.yahoo import COOKIES_MAY_HELP, LONGEST_PAST, YahooSource
from yfinance.data import SingletonMeta

from tests.bars import changed, in_order, moment, printed, without
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.yahoo import LocalYahooSession, YahooServer, chart, refusal
from tests.patience import HANG, PATIENT, no_wait

STOCKS = assets_of(Market.STOCKS)
AAPL, MSFT = find_asset("AAPL"), find_asset("MSFT")
NOW = moment("2024-09-05 18:00") + 4
SINCE = moment("2024-09-04 13:30")


@pytest.fixture
def yahoo() -> Iterator[YahooServer]:
    """Yahoo with every stock's candles, those of the next hour included: its clock is ahead of the tests'."""
    candles = {asset.symbol: printed(asset, SINCE - 10 * DAY, NOW + 3600) for asset in STOCKS}
    with YahooServer(candles) as server:
        yield server


def source(server: YahooServer, patience: Patience = PATIENT) -> YahooSource:
    return YahooSource(patience, LocalYahooSession(server, patience.request), no_wait)


def fetch(server: YahooServer, since: int = SINCE, now: int = NOW) -> Fetched:
    answers = source(server).fetch(dict.fromkeys(STOCKS, since), now)
    assert list(answers) == list(STOCKS)
    return answers


def served(answers: Fetched) -> dict[Asset, Bars]:
    return {asset: bars for asset, bars in answers.items() if isinstance(bars, Bars)}


def only_msft_fails(answers: Fetched) -> MarketError:
    """Its error, once every other asset is seen to be served up to the newest bar."""
    bars = served(answers)
    assert set(bars) == set(STOCKS) - {MSFT}
    assert {int(own.open_time[-1]) + BAR for own in bars.values()} == {NOW - 4}
    error = answers[MSFT]
    assert isinstance(error, MarketError)
    return error


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
    error = only_msft_fails(fetch(yahoo))
    assert (type(error), str(error)) == (kind, reason)
    tries = len(yahoo.requested("MSFT"))
    assert tries == (PATIENT.tries if kind is TemporaryMarketError else 1)


def test_a_stock_that_never_answers_is_given_up(yahoo: YahooServer) -> None:
    yahoo.silent.add("MSFT")
    error = only_msft_fails(fetch(yahoo))
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


def test_no_cookie_is_asked_for_while_charts_come_without(yahoo: YahooServer) -> None:
    assert set(served(fetch(yahoo))) == set(STOCKS)
    assert not yahoo.requested("")


@pytest.mark.parametrize("status", COOKIES_MAY_HELP)
def test_after_a_refusal_charts_are_asked_for_with_cookies(yahoo: YahooServer, status: int) -> None:
    session = LocalYahooSession(yahoo, PATIENT.request)
    one = YahooSource(PATIENT, session, no_wait)
    yahoo.meet("MSFT", Fault(status, refusal("Unauthorized", "Invalid Cookie"), times=1))
    one.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert session.needs_cookies
    assert set(served(one.fetch(dict.fromkeys(STOCKS, SINCE), NOW))) == set(STOCKS)


def with_cookies(server: YahooServer) -> YahooSource:
    """A source that Yahoo has refused a chart before. yfinance holds one crumb for the whole process."""
    SingletonMeta._instances.clear()
    session = LocalYahooSession(server, PATIENT.request)
    session.needs_cookies = True
    return YahooSource(PATIENT, session, no_wait)


def test_charts_come_without_a_word_though_cookies_and_crumbs_do_not(
    yahoo: YahooServer, caplog: pytest.LogCaptureFixture
) -> None:
    yahoo.silent.add("")
    answers = with_cookies(yahoo).fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert yahoo.requested("")
    assert set(served(answers)) == set(STOCKS)
    assert not caplog.records


def test_cookies_are_asked_for_once_and_not_before_every_chart(yahoo: YahooServer) -> None:
    one = with_cookies(yahoo)
    one.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    asked = len(yahoo.requested(""))
    one.fetch(dict.fromkeys(STOCKS, SINCE), NOW)
    assert 0 < asked == len(yahoo.requested("")) < len(STOCKS)


def test_an_expired_crumb_is_renewed(yahoo: YahooServer) -> None:
    yahoo.meet("MSFT", Fault(401, refusal("Unauthorized", "Invalid Crumb"), times=2))
    assert set(served(fetch(yahoo))) == set(STOCKS)


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


def test_a_bar_under_way_is_not_served(yahoo: YahooServer) -> None:
    for asset in STOCKS:
        running = without(yahoo.candles[asset.symbol], *range(-11, 0))
        assert running.open_time[-1] == NOW - 4
        yahoo.candles[asset.symbol] = running
    assert {int(bars.open_time[-1]) for bars in served(fetch(yahoo)).values()} == {NOW - 4 - BAR}


def test_a_bar_published_late_is_waited_for(yahoo: YahooServer) -> None:
    for asset in STOCKS:
        yahoo.candles[asset.symbol] = yahoo.candles[asset.symbol].closed_by(NOW)
    yahoo.withheld["MSFT"] = 2
    answers = served(fetch(yahoo))
    assert {int(bars.open_time[-1]) for bars in answers.values()} == {NOW - 4 - BAR}
    assert len(yahoo.requested("MSFT")) == 3
    assert len(yahoo.requested("AAPL")) == 1


def test_a_newest_row_that_comes_twice_is_one_bar(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    yahoo.candles["MSFT"] = in_order(whole, np.append(np.arange(len(whole)), len(whole) - 1))
    bars = served(fetch(yahoo))[MSFT]
    np.testing.assert_array_equal(bars.open_time, whole.open_time)


def test_an_older_row_that_comes_twice_is_not_taken_at_its_first_word(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    twice = in_order(whole, np.insert(np.arange(len(whole)), len(whole) - 20, len(whole) - 20))
    yahoo.candles["MSFT"] = changed(twice, -21, close=float(twice.high[-21]))
    candles, _ = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert np.flatnonzero(candles.quarantined[candles.assets.index(MSFT)]).tolist() == [len(GRID) - 20]


def test_split_events_come_with_the_bars(yahoo: YahooServer) -> None:
    yahoo.splits["MSFT"] = [(SINCE, 4, 1), (SINCE - 5 * DAY, 1, 10)]
    bars = served(fetch(yahoo))
    assert bars[MSFT].splits == (Split(SINCE - 5 * DAY, 0.1), Split(SINCE, 4.0))
    assert bars[AAPL].splits == ()


def test_a_split_event_without_a_ratio_is_left_out(yahoo: YahooServer) -> None:
    yahoo.splits["MSFT"] = [(SINCE, 4, 0), (SINCE, 0, 1)]
    assert served(fetch(yahoo))[MSFT].splits == ()


GRID = last_slots(Market.STOCKS, NOW, Timeframe.M5, 100)


def refused(yahoo: YahooServer) -> str:
    """Why MSFT gets no candles, once every other stock is seen to get its own."""
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert set(candles.assets) == set(STOCKS) - {MSFT}
    return str(reasons[MSFT])


IMPOSSIBLE = [{"low": -1.0}, {"high": 1.0}, {"volume": -5.0}]


@pytest.mark.parametrize("columns", [{"close": np.nan}, *IMPOSSIBLE])
def test_a_bad_candle_of_one_stock_becomes_a_slot_without_trades(
    yahoo: YahooServer, columns: dict[str, float]
) -> None:
    whole = printed(MSFT, SINCE, NOW)
    yahoo.candles["MSFT"] = changed(whole, -10, **columns)
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert reasons == {}
    row = candles.assets.index(MSFT)
    assert np.flatnonzero(candles.quarantined[row]).tolist() == [90]
    assert candles.close[row, 90] == whole.close[-11]


@pytest.mark.parametrize("columns", IMPOSSIBLE)
def test_a_bad_newest_candle_of_one_stock_never_reaches_a_signal(
    yahoo: YahooServer, columns: dict[str, float]
) -> None:
    yahoo.candles["MSFT"] = changed(printed(MSFT, SINCE, NOW), -1, **columns)
    assert "in the candle of" in refused(yahoo)


def test_candles_out_of_order_are_put_in_order(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    yahoo.candles["MSFT"] = in_order(whole, np.append(np.arange(len(whole))[::-1][1:], len(whole) - 1))
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert reasons == {}
    np.testing.assert_allclose(candles.close[candles.assets.index(MSFT)], whole.close[-100:])


def test_slots_without_trades_are_filled_and_a_long_gap_leaves_the_grid(yahoo: YahooServer) -> None:
    whole = printed(MSFT, SINCE, NOW)
    nulls = dict.fromkeys(PRICES, np.nan)
    yahoo.candles["MSFT"] = changed(changed(whole, -20, **nulls), -21, **nulls)
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5)
    assert reasons == {}
    row = candles.assets.index(MSFT)
    assert np.flatnonzero(candles.filled[row]).tolist() == [79, 80]
    assert candles.close[row, 80] == candles.close[row, 78]
    yahoo.candles["MSFT"] = without(whole, *range(-25, -19))
    candles, reasons = align(served(fetch(yahoo)), GRID, Timeframe.M5, 94)
    assert reasons == {}
    assert candles.times[row].tolist() == [*GRID[:75], *GRID[81:]]


def test_on_a_half_day_the_last_bar_is_that_of_1300(yahoo: YahooServer) -> None:
    now = moment("2024-07-03 17:00")
    for asset in STOCKS:
        yahoo.candles[asset.symbol] = printed(asset, moment("2024-07-01 00:00"), moment("2024-07-05 20:00"))
    # Yahoo shows trades after an early close although none were asked for.
    evening = in_order(yahoo.candles["MSFT"], np.arange(12))
    evening.open_time[:] = now + BAR * np.arange(12)
    yahoo.candles["MSFT"] = yahoo.candles["MSFT"].joined_with(evening)
    bars = served(fetch(yahoo, since=moment("2024-07-02 13:30"), now=moment("2024-07-03 21:00")))
    grid = last_slots(Market.STOCKS, moment("2024-07-03 21:00"), Timeframe.M5, 42 + 78)
    candles, reasons = align(bars, grid, Timeframe.M5)
    assert reasons == {}
    assert candles.close_time[-1] == now
    assert not candles.filled.any()


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
