"""What Alpaca refuses, sends wrong or does not send, by the real requests against a local server."""

import json
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
from growfolio.domain.bars import Bars
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
from growfolio.settings import Settings

from tests.fakes.alpaca import KEYS, AlpacaServer
from tests.fakes.candle_server import ANY, Fault
from tests.integration.market.alpaca_stocks import (
    AAPL,
    MSFT,
    NOW,
    PATIENCE,
    SINCE,
    STOCKS,
    WHERE,
    an_answer,
    fetch,
    source,
    the_only,
)


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
