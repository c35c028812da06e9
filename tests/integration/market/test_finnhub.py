"""Live prices by the real finnhub-python, against a local server that speaks Finnhub's wire format."""

import logging
import threading
from collections.abc import Iterator
from decimal import Decimal

import pytest
from growfolio.domain.assets import Market, assets_of, find_asset
from growfolio.domain.signals import Price
from growfolio.errors import PermanentParameterError
from growfolio.market.finnhub import FAILURES, FREE_CALLS, KEPT, LIMITED_REST, REST, WINDOW, FinnhubQuotes
from growfolio.market.ports import Patience, PreviousCloses

from tests.fakes.finnhub_server import KEY, FakeFinnhub, a_quote
from tests.patience import HANG
from tests.samples import BAR

NOW = BAR + 10
STOCKS = assets_of(Market.STOCKS)
AAPL, MSFT = find_asset("AAPL"), find_asset("MSFT")
PERIOD = 300
ONCE = Patience(request=HANG, deadline=HANG, tries=1)


@pytest.fixture
def finnhub() -> Iterator[FakeFinnhub]:
    """Finnhub with a quote of every stock."""
    with FakeFinnhub() as server:
        server.quotes = {asset.symbol: a_quote(100.0 + n, NOW) for n, asset in enumerate(STOCKS)}
        yield server


@pytest.fixture
def quotes(finnhub: FakeFinnhub) -> FinnhubQuotes:
    return FinnhubQuotes(lambda: KEY, "the SSM parameter /quote-key", finnhub.url, ONCE)


def test_every_stock_has_a_price_with_its_source_and_time(quotes: FinnhubQuotes) -> None:
    prices = quotes.latest(STOCKS, NOW)
    assert prices == {
        asset: Price(Decimal(f"{100 + n}.00"), NOW, "finnhub") for n, asset in enumerate(STOCKS)
    }
    assert quotes.notes == ()


def test_a_quote_says_where_the_session_before_ended(finnhub: FakeFinnhub, quotes: FinnhubQuotes) -> None:
    finnhub.quotes["AAPL"]["pc"] = 212.5
    finnhub.quotes["MSFT"]["pc"] = None
    quotes.latest([AAPL, MSFT], NOW)
    assert isinstance(quotes, PreviousCloses)
    assert quotes.previous_closes == {AAPL: Decimal("212.50")}


def test_the_key_stands_in_no_url(finnhub: FakeFinnhub, quotes: FinnhubQuotes) -> None:
    quotes.latest(STOCKS, NOW)
    assert len(finnhub.targets) == len(STOCKS)
    assert not [target for target in finnhub.targets if KEY in target or "token" in target]


def test_all_stocks_are_asked_at_once(finnhub: FakeFinnhub, quotes: FinnhubQuotes) -> None:
    """So a slow one holds up no other: none is answered before all were asked for."""
    finnhub.together = threading.Barrier(len(STOCKS))
    assert len(quotes.latest(STOCKS, NOW)) == len(STOCKS)


def test_a_refresh_run_twice_asks_once_for_each_symbol(finnhub: FakeFinnhub, quotes: FinnhubQuotes) -> None:
    first = quotes.latest([AAPL], NOW)
    finnhub.quotes["AAPL"] = a_quote(150.0, NOW + KEPT)
    assert quotes.latest([AAPL], NOW + KEPT - 1) == first
    assert finnhub.asked == ["AAPL"]
    assert quotes.latest([AAPL], NOW + KEPT)[AAPL].value == Decimal("150.00")


def test_the_free_calls_of_a_minute_are_not_exceeded_by_a_warm_function(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes
) -> None:
    finnhub.quotes.clear()
    for second in range(WINDOW):
        quotes.latest(STOCKS, NOW + second)
    assert len(finnhub.asked) == FREE_CALLS
    assert quotes.notes[-1].endswith("the 60 calls to finnhub of this minute are used up")
    quotes.latest(STOCKS, NOW + WINDOW)
    assert len(finnhub.asked) == FREE_CALLS + len(STOCKS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"c": 0, "d": null, "dp": null, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}', "has no price"),
        (b'{"c": -3.5, "t": 1725559210}', "has no price"),
        (b'{"c": NaN, "t": 1725559210}', "has no price"),
        (b'{"c": 222.5, "t": 0}', "has no price"),
        (b'{"c": "222.5", "t": 1725559210}', "without a price or time"),
        (b'{"c": 222.5}', "without a price or time"),
        (b"{}", "without a price or time"),
        (b"[]", "no quote"),
        (b"null", "no quote"),
        (b'{"c": 222.5, "t": 17255', "no JSON"),
        (b"<html>Finnhub is down</html>", "no JSON"),
    ],
)
def test_an_answer_that_is_no_quote_leaves_the_others_live(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes, body: bytes, reason: str
) -> None:
    finnhub.bodies["AAPL"] = body
    prices = quotes.latest(STOCKS, NOW)
    assert set(STOCKS) - set(prices) == {AAPL}
    (note,) = quotes.notes
    assert note.startswith("no live price of AAPL: finnhub ")
    assert reason in note


@pytest.mark.parametrize("status", [403, 404, 500, 502])
def test_a_refusal_of_one_symbol_leaves_the_others_live(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes, status: int
) -> None:
    finnhub.status["AAPL"] = status
    assert set(STOCKS) - set(quotes.latest(STOCKS, NOW)) == {AAPL}
    assert len(quotes.notes) == 1


def test_silence_ends_with_the_time_out_of_a_request(finnhub: FakeFinnhub) -> None:
    finnhub.silent.add("AAPL")
    quotes = FinnhubQuotes(lambda: KEY, "", finnhub.url, Patience(request=0.05, deadline=HANG, tries=1))
    assert quotes.latest([AAPL], NOW) == {}
    assert quotes.notes == ("no live price of AAPL: finnhub could not be reached: ReadTimeout",)


def test_after_failures_in_a_row_finnhub_is_left_alone_and_asked_again_after_its_rest(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes
) -> None:
    finnhub.status = dict.fromkeys((asset.symbol for asset in STOCKS), 500)
    assert quotes.latest(STOCKS, NOW) == {}
    assert len(finnhub.asked) == len(STOCKS)
    finnhub.status.clear()
    assert quotes.latest(STOCKS, NOW + PERIOD) == {}
    assert len(finnhub.asked) == len(STOCKS)
    assert quotes.notes[0].endswith("finnhub is left alone after its last answers")
    assert len(quotes.latest(STOCKS, NOW + REST)) == len(STOCKS)


def test_connections_that_died_while_idle_are_replaced_at_once_and_cost_no_price(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes
) -> None:
    """More often in a row than failures open the circuit breaker."""
    for nth in range(2 * FAILURES):
        moment = NOW + nth * PERIOD
        assert len(quotes.latest(STOCKS, moment)) == len(STOCKS)
        assert quotes.notes == ()
        finnhub.kill_idle_connections()


def test_a_provider_that_ends_every_connection_is_left_alone(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes
) -> None:
    finnhub.hang_up()
    assert quotes.latest(STOCKS, NOW) == {}
    assert quotes.notes[0].endswith("finnhub could not be reached: ConnectionError")
    assert quotes.latest(STOCKS, NOW + PERIOD) == {}
    assert quotes.notes[0].endswith("finnhub is left alone after its last answers")


def test_a_provider_that_is_gone_costs_a_refresh_its_prices_only() -> None:
    with FakeFinnhub() as gone:
        url = gone.url
    quotes = FinnhubQuotes(lambda: KEY, "", url, ONCE)
    assert quotes.latest([AAPL, MSFT], NOW) == {}
    assert quotes.notes == ("no live price of AAPL, MSFT: finnhub could not be reached: ConnectionError",)


def test_too_many_calls_are_answered_by_a_minute_without_any(
    finnhub: FakeFinnhub, quotes: FinnhubQuotes
) -> None:
    finnhub.status["MSFT"] = 429
    assert set(quotes.latest([AAPL, MSFT], NOW)) == {AAPL}
    finnhub.status.clear()
    assert quotes.latest([MSFT], NOW + LIMITED_REST - 1) == {}
    assert finnhub.asked.count("MSFT") == 1
    assert set(quotes.latest([MSFT], NOW + LIMITED_REST)) == {MSFT}


def test_a_wrong_key_is_named_and_not_tried_again_until_it_is_changed(
    finnhub: FakeFinnhub, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    key = ["wrong-key"]
    quotes = FinnhubQuotes(lambda: key[0], "the SSM parameter /quote-key", finnhub.url, ONCE)
    assert quotes.latest([AAPL], NOW) == {}
    assert quotes.notes == (
        "no live price of AAPL: finnhub refuses the key: put a valid one into the SSM parameter /quote-key",
    )
    assert quotes.latest([AAPL], NOW + PERIOD) == {}
    assert finnhub.asked == ["AAPL"]
    key[0] = KEY
    assert set(quotes.latest([AAPL], NOW + 2 * PERIOD)) == {AAPL}
    assert "wrong-key" not in caplog.text
    assert KEY not in caplog.text


def test_a_key_that_cannot_be_read_is_a_note_and_no_request(finnhub: FakeFinnhub) -> None:
    def unreadable() -> str:
        raise PermanentParameterError("there is no SSM parameter /quote-key: create it")

    quotes = FinnhubQuotes(unreadable, "the SSM parameter /quote-key", finnhub.url)
    assert quotes.latest([AAPL], NOW) == {}
    assert quotes.notes == (
        "no live price of AAPL: no Finnhub key: there is no SSM parameter /quote-key: create it",
    )
    assert finnhub.asked == []
