"""Stock candles from Alpaca, by the real requests against a local server that speaks its wire format."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import formatdate
from typing import Any

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.domain.times import BAR
from growfolio.errors import (
    ConfigurationError,
    KeyRefused,
    MarketError,
    PermanentMarketError,
    PermanentParameterError,
    TemporaryMarketError,
    TemporaryParameterError,
    WrongAnswer,
)
from growfolio.market.alpaca import LIMITED_REST, LONGEST_REST, REFUSED_REST, AlpacaBars
from growfolio.market.ports import Fetched, Patience
from growfolio.settings import Settings

from tests.bars import moment, printed, without
from tests.fakes.alpaca import KEYS, AlpacaServer, LocalAlpacaSession
from tests.fakes.candle_server import ANY, Fault
from tests.patience import HANG

STOCKS = assets_of(Market.STOCKS)
AAPL, MSFT, TMO = (find_asset(name) for name in ("AAPL", "MSFT", "TMO"))
BERKSHIRE = Asset("BRK-B", Market.STOCKS, "Berkshire Hathaway")
SINCE = moment("2024-09-03 13:30")
NOW = moment("2024-09-05 18:00") + 4
PATIENCE = Patience(request=HANG, deadline=HANG, tries=1, publication=0.0)
WHERE = "the SSM parameters /alpaca/key and /alpaca/secret"


@pytest.fixture(scope="module")
def candles() -> dict[str, Bars]:
    return {asset.symbol: printed(asset, SINCE, NOW) for asset in STOCKS}


@pytest.fixture
def alpaca(candles: dict[str, Bars]) -> Iterator[AlpacaServer]:
    with AlpacaServer(candles) as server:
        yield server


def source(
    server: AlpacaServer, keys: Callable[[], tuple[str, str]] = lambda: KEYS, patience: Patience = PATIENCE
) -> AlpacaBars:
    return AlpacaBars(keys, WHERE, patience, LocalAlpacaSession(server))


def fetch(asked: AlpacaBars, assets: tuple[Asset, ...] = STOCKS, now: int = NOW) -> Fetched:
    return asked.fetch_once(dict.fromkeys(assets, SINCE), now, PATIENCE)


def the_only(answers: Fetched) -> MarketError:
    """The one error that all assets have."""
    (error,) = {str(answer): answer for answer in answers.values()}.values()
    assert isinstance(error, MarketError)
    return error


def an_answer(server: AlpacaServer) -> dict[str, Any]:
    """The body with the candles of all stocks."""
    fetch(source(server))
    answer: dict[str, Any] = json.loads(server.answer(server.requests.pop())[1])
    return answer


def test_one_request_brings_the_candles_of_all_stocks(alpaca: AlpacaServer, candles: dict[str, Bars]) -> None:
    answers = fetch(source(alpaca))
    for asset in STOCKS:
        bars = answers[asset]
        assert isinstance(bars, Bars)
        wanted = candles[asset.symbol].closed_by(NOW)
        for name in ("open_time", *PRICES):
            np.testing.assert_array_equal(getattr(bars, name), getattr(wanted, name))
    (request,) = alpaca.requests
    asked = {name: request.query[name] for name in ("timeframe", "adjustment", "feed", "start", "end")}
    assert asked == {
        "timeframe": "5Min",
        "adjustment": "split",
        "feed": "iex",
        "start": "2024-09-03T13:30:00Z",
        "end": "2024-09-05T18:00:04Z",
    }


def test_keys_go_out_in_headers_alone(alpaca: AlpacaServer) -> None:
    fetch(source(alpaca))
    (request,) = alpaca.requests
    assert (request.headers["apca-api-key-id"], request.headers["apca-api-secret-key"]) == KEYS
    assert not any(key in f"{request.path}{request.query}" for key in KEYS)


@pytest.mark.parametrize("page", [1_000, 997, 10_000])
def test_pages_are_joined_until_the_last(alpaca: AlpacaServer, candles: dict[str, Bars], page: int) -> None:
    alpaca.page = page
    answers = fetch(source(alpaca))
    total = sum(len(candles[asset.symbol]) for asset in STOCKS)
    assert len(alpaca.requests) == -(-total // page)
    for asset, bars in answers.items():
        assert isinstance(bars, Bars)
        np.testing.assert_array_equal(bars.close, candles[asset.symbol].closed_by(NOW).close)


@pytest.mark.parametrize(
    ("bars", "pages"),
    [({}, 1), ({"AAPL": []}, 1), ({"AAPL": [{}] * 10_000}, 1), ({"AAPL": [{}] * 6_000}, 2)],
    ids=["no bars", "an empty list", "more bars than there can be", "more in two pages"],
)
def test_a_page_token_that_never_ends_is_given_up(
    alpaca: AlpacaServer, bars: dict[str, list[object]], pages: int
) -> None:
    alpaca.meet(ANY, Fault(200, json.dumps({"bars": bars, "next_page_token": "again"}).encode()))
    error = the_only(fetch(source(alpaca)))
    assert (type(error), str(error)) == (TemporaryMarketError, "alpaca sent pages without an end")
    assert len(alpaca.requests) == pages


def test_each_stock_gets_only_what_it_was_asked_for(alpaca: AlpacaServer) -> None:
    later = SINCE + 24 * 3600
    answers = source(alpaca).fetch_once({AAPL: SINCE, MSFT: later}, NOW, PATIENCE)
    starts = {a: int(bars.open_time[0]) for a, bars in answers.items() if isinstance(bars, Bars)}
    assert starts == {AAPL: SINCE, MSFT: later}
    assert len(alpaca.requests) == 1


def test_bars_outside_the_session_and_the_running_one_are_left_out(alpaca: AlpacaServer) -> None:
    bars = alpaca.candles["AAPL"]
    before = replace(bars, open_time=OpenTimes(bars.open_time - 7 * 3600))
    alpaca.candles["AAPL"] = before.where(before.open_time > SINCE).joined_with(
        printed(AAPL, SINCE, NOW + BAR)
    )
    answer = fetch(source(alpaca))[AAPL]
    assert isinstance(answer, Bars)
    np.testing.assert_array_equal(answer.open_time, bars.closed_by(NOW).open_time)


def test_a_slot_in_which_iex_traded_nothing_is_missing_and_no_error(alpaca: AlpacaServer) -> None:
    alpaca.candles["TMO"] = without(alpaca.candles["TMO"], 20, 21, 50)
    answer = fetch(source(alpaca))[TMO]
    assert isinstance(answer, Bars)
    assert len(answer) == len(alpaca.candles["AAPL"].closed_by(NOW)) - 3


def test_a_symbol_that_alpaca_writes_with_a_point(alpaca: AlpacaServer) -> None:
    alpaca.candles["BRK-B"] = alpaca.candles["AAPL"]
    assert isinstance(fetch(source(alpaca), (BERKSHIRE,))[BERKSHIRE], Bars)
    assert alpaca.requests[0].symbol == "BRK.B"


@pytest.mark.parametrize("status", [400, 422])
def test_a_symbol_that_is_refused_takes_no_other_with_it(alpaca: AlpacaServer, status: int) -> None:
    """Alpaca refuses the whole request; so each stock is asked for by itself, all at once."""
    if status == 400:
        alpaca.refused = {"MSFT"}
    else:
        body = json.dumps({"code": 42210000, "message": "invalid symbol: MSFT"}).encode()
        for symbols in ("MSFT", ",".join(asset.symbol for asset in STOCKS)):
            alpaca.meet(symbols, Fault(status, body))
    answers = fetch(source(alpaca))
    errors = {asset: str(answer) for asset, answer in answers.items() if not isinstance(answer, Bars)}
    assert errors == {MSFT: f"alpaca answered {status}: invalid symbol: MSFT"}
    assert isinstance(answers[MSFT], PermanentMarketError)
    assert len(alpaca.requests) == 1 + len(STOCKS)


@pytest.mark.parametrize(
    "rows",
    [
        5,
        "x",
        None,
        {"t": 1},
        [None],
        [{"t": "2024-09-05T14:00:00Z", "o": 10**400, "h": 1, "l": 1, "c": 1, "v": 1}],
    ],
)
def test_rows_that_cannot_be_read_take_no_other_symbol_with_them(alpaca: AlpacaServer, rows: object) -> None:
    whole = an_answer(alpaca)
    whole["bars"]["MSFT"] = rows
    alpaca.meet(ANY, Fault(200, json.dumps(whole).encode()))
    answers = fetch(source(alpaca))
    assert {asset for asset, answer in answers.items() if isinstance(answer, MarketError)} == {MSFT}


def test_an_unknown_symbol_has_no_candles_and_the_others_do(alpaca: AlpacaServer) -> None:
    del alpaca.candles["MSFT"]
    answers = fetch(source(alpaca))
    assert str(answers[MSFT]) == "alpaca sent no candles of this time"
    assert sum(isinstance(bars, Bars) for bars in answers.values()) == len(STOCKS) - 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_keys_are_not_tried_again_until_others_are_set(alpaca: AlpacaServer, status: int) -> None:
    keys = [("wrong", "wrong")]
    asked = source(alpaca, lambda: keys[0])
    alpaca.meet(ANY, Fault(status, b'{"message": "forbidden."}'))
    error = the_only(fetch(asked))
    assert isinstance(error, KeyRefused)
    assert str(error) == f"alpaca refuses the keys ({status}): put valid ones into {WHERE}"
    alpaca.recover()
    assert str(the_only(fetch(asked, now=NOW + REFUSED_REST - 1))) == str(error)
    assert len(alpaca.requests) == 1
    keys[0] = KEYS
    assert isinstance(fetch(asked, now=NOW + 1)[AAPL], Bars)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, LIMITED_REST),
        ({"Retry-After": "90"}, 90),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "99999"}, LONGEST_REST),
        ({"Retry-After": formatdate(usegmt=True)}, LIMITED_REST),
        ({"Retry-After": "-5"}, LIMITED_REST),
        ({"X-RateLimit-Reset": "not a number"}, LIMITED_REST),
        ({"X-RateLimit-Reset": str(int(time.time()) + 10**6)}, LONGEST_REST),
    ],
)
def test_after_a_429_alpaca_is_left_alone_for_as_long_as_it_says(
    alpaca: AlpacaServer, headers: dict[str, str], seconds: int
) -> None:
    alpaca.meet(ANY, Fault(429, b"{}", headers=headers))
    asked = source(alpaca, patience=replace(PATIENCE, tries=3, pause=0.001))
    limited = asked.fetch_once({AAPL: SINCE}, NOW, replace(PATIENCE, tries=3, pause=0.001))[AAPL]
    assert isinstance(limited, TemporaryMarketError)
    assert len(alpaca.requests) == 1, "it is not asked again at once"
    alpaca.recover()
    assert str(fetch(asked, now=NOW + seconds - 1)[AAPL]) == str(limited)
    assert isinstance(fetch(asked, now=NOW + seconds)[AAPL], Bars)


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Fault(500), TemporaryMarketError, "alpaca answered 500"),
        (Fault(504), TemporaryMarketError, "alpaca answered 504"),
        (Fault(404, b"{}"), PermanentMarketError, "alpaca answered 404"),
        (Fault(301, b"{}"), PermanentMarketError, "alpaca answered 301"),
        (
            Fault(403, b"<html>"),
            PermanentMarketError,
            "alpaca refuses to serve this address or account (403)",
        ),
        (
            Fault(200, b'{"bars": {}, "currency": null}'),
            TemporaryMarketError,
            "alpaca sent no candles of this time",
        ),
        (Fault(422, b""), PermanentMarketError, "alpaca answered 422: no reason given"),
        (Fault(451), PermanentMarketError, "alpaca refuses to serve this address or account (451)"),
        (Fault(200, b"<html>"), TemporaryMarketError, "alpaca sent no JSON, or cut it short"),
        (Fault(200, b""), TemporaryMarketError, "alpaca sent no JSON, or cut it short"),
        (Fault(cut=True), TemporaryMarketError, "alpaca could not be reached: ChunkedEncodingError"),
        (Fault(200, b"[]"), PermanentMarketError, "alpaca sent JSON that is no list of candles"),
        (
            Fault(200, b'{"bars": {"AAPL": 5}}'),
            PermanentMarketError,
            "alpaca sent candles that cannot be read",
        ),
        (
            Fault(200, b'{"bars": {"AAPL": null}}'),
            TemporaryMarketError,
            "alpaca sent no candles of this time",
        ),
        (Fault(200, b'{"bars": [1]}'), PermanentMarketError, "alpaca sent JSON that is no list of candles"),
        (Fault(200, b'{"bars": null}'), TemporaryMarketError, "alpaca sent no candles of this time"),
        (
            Fault(200, b'{"bars": {}, "currency": "EUR"}'),
            WrongAnswer,
            "alpaca answered in EUR in place of USD",
        ),
        (
            Fault(200, b'{"bars": {"GOOG": []}}'),
            WrongAnswer,
            "alpaca answered with GOOG in place of AAPL",
        ),
        (
            Fault(200, b'{"bars": {"AAPL": [7]}}'),
            PermanentMarketError,
            "alpaca sent candles that cannot be read",
        ),
        (
            Fault(200, b'{"bars": {"AAPL": [{"t": "2024-09-05T14:00:00", "o":1,"h":1,"l":1,"c":1,"v":1}]}}'),
            PermanentMarketError,
            "alpaca sent candles that cannot be read",
        ),
        (
            Fault(200, b'{"bars": {"AAPL": [{"t": 1725544800, "o":1,"h":1,"l":1,"c":1,"v":1}]}}'),
            PermanentMarketError,
            "alpaca sent candles that cannot be read",
        ),
    ],
)
def test_what_goes_wrong_is_temporary_or_permanent(
    alpaca: AlpacaServer, fault: Fault, kind: type[MarketError], reason: str
) -> None:
    alpaca.meet(ANY, fault)
    error = fetch(source(alpaca), (AAPL,))[AAPL]
    assert isinstance(error, kind)
    assert str(error) == reason


def test_a_silent_alpaca_is_not_waited_for(alpaca: AlpacaServer) -> None:
    alpaca.silent = {ANY}
    assert str(the_only(fetch(source(alpaca)))) == "alpaca could not be reached: ReadTimeout"


def test_a_connection_that_died_while_idle_costs_no_fetch(alpaca: AlpacaServer) -> None:
    asked = source(alpaca)
    fetch(asked)
    alpaca.kill_idle_connections()
    assert isinstance(fetch(asked, now=NOW + BAR)[AAPL], Bars)


@pytest.mark.parametrize("minutes", [15, 30])
def test_bars_of_another_length_are_refused(alpaca: AlpacaServer, minutes: int) -> None:
    bars = alpaca.candles["MSFT"]
    alpaca.candles["MSFT"] = bars.where(bars.open_time % (60 * minutes) == 0)
    answers = fetch(source(alpaca))
    assert str(answers[MSFT]) == f"alpaca sent bars of {minutes} minutes in place of 5"
    assert isinstance(answers[AAPL], Bars)


def test_an_answer_of_another_hour_is_refused(alpaca: AlpacaServer) -> None:
    alpaca.clock_off = -3600
    assert isinstance(the_only(fetch(source(alpaca))), WrongAnswer)


def test_missing_values_are_no_numbers(alpaca: AlpacaServer) -> None:
    bars = alpaca.candles["AAPL"]
    close = bars.close.copy()
    close[3] = np.nan
    alpaca.candles["AAPL"] = replace(bars, close=close)
    answer = fetch(source(alpaca))[AAPL]
    assert isinstance(answer, Bars)
    assert np.isnan(answer.close).nonzero()[0].tolist() == [3]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (PermanentParameterError("there is no SSM parameter /alpaca/key: create it"), KeyRefused),
        (TemporaryParameterError("the SSM parameter /alpaca/key cannot be read now"), TemporaryMarketError),
    ],
)
def test_without_keys_nothing_is_asked(
    alpaca: AlpacaServer, fault: Exception, kind: type[MarketError]
) -> None:
    def keys() -> tuple[str, str]:
        raise fault

    error = the_only(fetch(source(alpaca, keys)))
    assert (type(error), str(error)) == (kind, f"no Alpaca keys: {fault}")
    assert alpaca.requests == []


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_something_that_is_no_key_is_not_sent_nor_shown(alpaca: AlpacaServer, key: str) -> None:
    error = the_only(fetch(source(alpaca, lambda: (key, "secret"))))
    assert str(error) == f"alpaca: {WHERE} hold something that is no key"
    assert alpaca.requests == []


def test_alpaca_without_the_names_of_its_keys_is_a_matter_of_settings() -> None:
    with pytest.raises(ConfigurationError, match="GROWFOLIO_ALPACA_SECRET_PARAMETER"):
        AlpacaBars.from_settings(Settings(alpaca_key_parameter="/alpaca/key"), PATIENCE)
