"""Stock candles from Alpaca, by the real requests against a local server that speaks its wire format."""

import json
from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.domain.times import BAR
from growfolio.errors import (
    TemporaryMarketError,
)

from tests.bars import printed, without
from tests.fakes.alpaca import KEYS, AlpacaServer
from tests.fakes.candle_server import ANY, Fault
from tests.integration.market.alpaca_stocks import (
    AAPL,
    BERKSHIRE,
    MSFT,
    NOW,
    PATIENCE,
    SINCE,
    STOCKS,
    TMO,
    candles,
    fetch,
    source,
    the_only,
)


def test_one_request_brings_the_candles_of_all_stocks(alpaca: AlpacaServer) -> None:
    answers = fetch(source(alpaca))
    for asset in STOCKS:
        bars = answers[asset]
        assert isinstance(bars, Bars)
        wanted = candles()[asset.symbol].closed_by(NOW)
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
def test_pages_are_joined_until_the_last(alpaca: AlpacaServer, page: int) -> None:
    alpaca.page = page
    answers = fetch(source(alpaca))
    total = sum(len(candles()[asset.symbol]) for asset in STOCKS)
    assert len(alpaca.requests) == -(-total // page)
    for asset, bars in answers.items():
        assert isinstance(bars, Bars)
        np.testing.assert_array_equal(bars.close, candles()[asset.symbol].closed_by(NOW).close)


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


def test_an_unknown_symbol_has_no_candles_and_the_others_do(alpaca: AlpacaServer) -> None:
    del alpaca.candles["MSFT"]
    answers = fetch(source(alpaca))
    assert str(answers[MSFT]) == "alpaca sent no candles of this time"
    assert sum(isinstance(bars, Bars) for bars in answers.values()) == len(STOCKS) - 1


def test_missing_values_are_no_numbers(alpaca: AlpacaServer) -> None:
    bars = alpaca.candles["AAPL"]
    close = bars.close.copy()
    close[3] = np.nan
    alpaca.candles["AAPL"] = replace(bars, close=close)
    answer = fetch(source(alpaca))[AAPL]
    assert isinstance(answer, Bars)
    assert np.isnan(answer.close).nonzero()[0].tolist() == [3]
