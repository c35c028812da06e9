"""The real ccxt against Binance's and Kraken's wire formats, with everything that goes wrong there."""

import subprocess
import sys
import threading
from collections.abc import Iterator

import ccxt
import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ConfigurationError, MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.exchange import EXCHANGES, ExchangeSource
from growfolio.market.failover import REST
from growfolio.market.ports import Fetched, Patience

from tests.bars import changed, in_order, moment, printed, scaled, without
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.exchange import BinanceServer, KrakenServer, LocalSession
from tests.patience import HANG, PATIENT, no_wait

COINS = assets_of(Market.CRYPTO)
BTC, DOGE, SHIB = (find_asset(name) for name in ("BTC", "DOGE", "SHIB"))
NOW = moment("2024-09-05 18:00") + 4
SINCE = NOW - 4 - DAY
BLOCKED = Fault(451, b'{"code": 0, "msg": "Service unavailable from a restricted location"}')


def candles(until: int = NOW + 3600) -> dict[str, Bars]:
    return {f"{asset.symbol}USDT": printed(asset, SINCE - 6 * DAY, until) for asset in COINS}


@pytest.fixture
def binance() -> Iterator[BinanceServer]:
    with BinanceServer(candles()) as server:
        yield server


@pytest.fixture
def kraken() -> Iterator[KrakenServer]:
    """Has other prices than Binance, so that it shows who answered."""
    with KrakenServer(
        {symbol: scaled(bars.closed_by(NOW), 1.01) for symbol, bars in candles().items()}
    ) as server:
        yield server


def source(*servers: BinanceServer | KrakenServer, patience: Patience = PATIENT) -> ExchangeSource:
    names = ["binance" if isinstance(server, BinanceServer) else "kraken" for server in servers]
    return ExchangeSource(names, patience, lambda: LocalSession(*servers), no_wait)


def fetch(one: ExchangeSource, since: int = SINCE, now: int = NOW) -> Fetched:
    answers = one.fetch(dict.fromkeys(COINS, since), now)
    assert list(answers) == list(COINS)
    return answers


def served(answers: Fetched) -> dict[Asset, Bars]:
    return {asset: bars for asset, bars in answers.items() if isinstance(bars, Bars)}


def only_doge_fails(answers: Fetched) -> MarketError:
    """Its error, once every other asset is seen to be served up to the newest bar."""
    bars = served(answers)
    assert set(bars) == set(COINS) - {DOGE}
    assert {int(own.open_time[-1]) + BAR for own in bars.values()} == {NOW - 4}
    error = answers[DOGE]
    assert isinstance(error, MarketError)
    return error


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
    error = only_doge_fails(fetch(one))
    assert type(error) is kind
    assert str(error).startswith(reason)
    assert one.name == "binance"
    assert len(binance.requested("DOGEUSDT")) == (PATIENT.tries if kind is TemporaryMarketError else 1)
    assert kraken.requests == []


def test_a_coin_that_the_exchange_does_not_trade_says_so(binance: BinanceServer) -> None:
    del binance.candles["DOGEUSDT"]
    error = only_doge_fails(fetch(source(binance)))
    assert (type(error), str(error)) == (PermanentMarketError, "binance does not trade this pair")


def test_a_coin_that_never_answers_is_given_up(binance: BinanceServer) -> None:
    binance.silent.add("DOGEUSDT")
    error = only_doge_fails(fetch(source(binance)))
    assert (type(error), str(error)) == (TemporaryMarketError, "binance did not answer in time")


def test_the_deadline_holds_whatever_each_request_may_take(binance: BinanceServer) -> None:
    binance.together = threading.Barrier(len(COINS) + 1)
    answers = fetch(source(binance, patience=Patience(request=HANG, deadline=0.05)))
    assert {str(error)[:27] for error in answers.values()} == {"binance: no answer within 0"}


def test_a_fault_that_passes_is_outlasted(binance: BinanceServer) -> None:
    binance.meet("DOGEUSDT", Fault(503, times=2))
    assert set(served(fetch(source(binance)))) == set(COINS)


@pytest.mark.parametrize(
    "fault",
    [BLOCKED, Fault(403), Fault(500), Fault(429), Fault(200, b"<html></html>")],
    ids=["451", "403", "500", "429", "HTML"],
)
def test_an_exchange_that_serves_nobody_is_left_for_the_next(
    binance: BinanceServer, kraken: KrakenServer, fault: Fault
) -> None:
    binance.meet(ANY, fault)
    one = source(binance, kraken)
    for asset, bars in served(fetch(one)).items():
        np.testing.assert_allclose(bars.close, 1.01 * printed(asset, SINCE, NOW).close)
    assert one.name == "kraken"


def test_an_exchange_that_does_not_answer_at_all_is_left(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    binance.silent.add(ANY)
    one = source(binance, kraken)
    assert set(served(fetch(one))) == set(COINS)
    assert one.name == "kraken"


def test_an_exchange_that_fails_after_a_good_start_is_left_too(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    one = source(binance, kraken)
    fetch(one)
    binance.meet(ANY, Fault(502))
    fetch(one, now=NOW + 10)
    assert one.name == "kraken"


def test_an_exchange_that_was_left_rests_and_is_then_preferred_again(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    binance.meet(ANY, BLOCKED)
    one = source(binance, kraken)
    fetch(one)
    binance.recover()
    asked = len(binance.requests)
    fetch(one, now=NOW + 10)
    assert (one.name, len(binance.requests)) == ("kraken", asked)
    fetch(one, now=NOW + REST)
    assert one.name == "binance"


def test_for_the_sake_of_one_late_coin_an_exchange_is_not_left(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    one = source(binance, kraken)
    fetch(one)
    binance.meet("DOGEUSDT", Fault(500))
    answers = one.fetch({DOGE: NOW - 900}, NOW)
    assert str(answers[DOGE]) == "binance answered 500"
    assert one.name == "binance"
    assert kraken.requests == []


def test_when_all_exchanges_fail_each_coin_has_the_reasons_of_all(
    binance: BinanceServer, kraken: KrakenServer
) -> None:
    binance.meet(ANY, BLOCKED)
    kraken.meet(ANY, Fault(503))
    answers = fetch(source(binance, kraken))
    blocked = "binance refuses to serve this address or account (451): set GROWFOLIO_EXCHANGES to others"
    reason = f"{blocked}; kraken answered 503"
    assert {(type(error), str(error)) for error in answers.values()} == {(TemporaryMarketError, reason)}
    kraken.meet(ANY, Fault(403))
    assert {type(error) for error in fetch(source(binance, kraken)).values()} == {PermanentMarketError}


@pytest.mark.parametrize(("timeframe", "bars"), [(Timeframe.M5, 700), (Timeframe.M15, 432)])
def test_krakens_720_bars_are_enough_for_both_timeframes_at_once(
    kraken: KrakenServer, timeframe: Timeframe, bars: int
) -> None:
    """Its 15-minute bars reach back where its 5-minute bars do not; they are the same as whole history's."""
    since = NOW - 4 - 5 * DAY
    grid = last_slots(Market.CRYPTO, NOW, timeframe, bars)
    mine, refused = align(served(fetch(source(kraken), since=since)), grid, timeframe)
    assert refused == {}
    whole, _ = align({asset: scaled(printed(asset, since, NOW), 1.01) for asset in COINS}, grid, timeframe)
    for name in PRICES:
        np.testing.assert_allclose(getattr(mine, name), getattr(whole, name), rtol=1e-12)


def test_a_rate_limit_that_kraken_hides_in_a_good_status_is_temporary(kraken: KrakenServer) -> None:
    kraken.meet("DOGEUSDT", Fault(200, b'{"error": ["EAPI:Rate limit exceeded"]}'))
    error = only_doge_fails(fetch(source(kraken)))
    assert (type(error), str(error)) == (TemporaryMarketError, "kraken wants fewer requests")


def test_a_bar_published_late_is_waited_for(binance: BinanceServer) -> None:
    for symbol, bars in candles(until=NOW).items():
        binance.candles[symbol] = bars
    binance.withheld["DOGEUSDT"] = 3  # two requests the first time: the second asks whether there is more
    answers = served(fetch(source(binance)))
    assert {int(bars.open_time[-1]) for bars in answers.values()} == {NOW - 4 - BAR}


SLOTS = last_slots(Market.CRYPTO, NOW, Timeframe.M5, 100)


@pytest.mark.parametrize(
    "columns", [{"close": 0.0}, {"high": 1e-9}, {"volume": -5.0}, {"low": np.nan}], ids=str
)
def test_a_bad_candle_of_one_coin_becomes_a_slot_without_trades(
    binance: BinanceServer, columns: dict[str, float]
) -> None:
    whole = printed(SHIB, SINCE, NOW)
    binance.candles["SHIBUSDT"] = changed(whole, -10, **columns)
    candles, refused = align(served(fetch(source(binance))), SLOTS, Timeframe.M5)
    assert refused == {}
    row = candles.assets.index(SHIB)
    assert np.flatnonzero(candles.filled[row]).tolist() == [90]
    assert candles.close[row, 90] == pytest.approx(whole.close[-11])


def test_a_gap_of_one_coin_leaves_its_grid_and_a_double_is_one_candle(binance: BinanceServer) -> None:
    whole = printed(SHIB, SINCE, NOW)
    binance.candles["SHIBUSDT"] = without(whole, *range(-40, -35))
    candles, refused = align(served(fetch(source(binance))), SLOTS, Timeframe.M5, 95)
    assert refused == {}
    assert candles.times[candles.assets.index(SHIB)].tolist() == [*SLOTS[:60], *SLOTS[65:]]
    binance.candles["SHIBUSDT"] = in_order(whole, np.sort(np.append(np.arange(len(whole)), len(whole) - 9)))
    candles, refused = align(served(fetch(source(binance))), SLOTS, Timeframe.M5)
    assert refused == {}
    np.testing.assert_allclose(candles.close[candles.assets.index(SHIB)], whole.close[-100:])


def test_rows_that_are_cut_short_never_reach_a_signal(binance: BinanceServer) -> None:
    rows = b",".join(b"[%d000, 1, 1]" % (SINCE + n * BAR) for n in range(288))
    binance.meet("SHIBUSDT", Fault(200, b"[" + rows + b"]"))
    grid = last_slots(Market.CRYPTO, NOW, Timeframe.M5, 100)
    candles, refused = align(served(fetch(source(binance))), grid, Timeframe.M5)
    assert set(candles.assets) == set(COINS) - {SHIB}
    assert str(refused[SHIB]).startswith("a value that is not a number")


def test_candles_that_ccxt_received_out_of_order_come_in_order(binance: BinanceServer) -> None:
    whole = printed(SHIB, SINCE, NOW)
    binance.candles["SHIBUSDT"] = in_order(whole, np.arange(len(whole))[::-1])
    np.testing.assert_array_equal(served(fetch(source(binance)))[SHIB].close, whole.close)


def test_all_coins_are_asked_for_at_once(binance: BinanceServer) -> None:
    """None is answered before all were asked for; tests/benchmarks measures the time."""
    binance.together = threading.Barrier(len(COINS))
    assert set(served(fetch(source(binance)))) == set(COINS)


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
