"""The last price of an asset and the bars for its picture."""

import pytest

from tests.samples import BAR, a_market, a_signal
from tests.unit.api.conftest import Api


def test_the_last_price_comes_with_the_bars_of_the_session(api: Api) -> None:
    api.store.put_market(a_market("AAPL", bars=2))
    assert api.get("/v1/markets/aapl").json() == {
        "symbol": "AAPL",
        "market": "stocks",
        "name": "Apple",
        "price": 222.55,
        "price_time": "2024-09-05T18:00:00Z",
        "price_source": "replay close",
        "bars": [
            {
                "close_time": close_time,
                "open": 222.55,
                "high": 222.77255,
                "low": 222.32745,
                "close": 222.55,
                "volume": 1200,
            }
            for close_time in ("2024-09-05T17:55:00Z", "2024-09-05T18:00:00Z")
        ],
    }


def test_before_the_first_refresh_there_is_no_price(api: Api) -> None:
    market = api.get("/v1/markets/BTC").json()
    assert (market["price"], market["bars"]) == (None, [])


def test_tiny_prices_come_as_plain_decimals(api: Api) -> None:
    api.store.put_market(a_market("SHIB", price="0.0000134500"))
    text = api.get("/v1/markets/SHIB").text
    assert '"price":0.00001345,' in text
    assert "e-" not in text


def test_an_unknown_symbol_is_not_found(api: Api) -> None:
    assert api.get("/v1/markets/GME").status_code == 404


@pytest.mark.parametrize(("since_bar", "seconds"), [(30, 5), (64, 5), (65, 235)])
def test_a_picture_that_has_not_caught_up_with_its_signal_is_awaited_for_a_minute(
    api: Api, since_bar: int, seconds: int
) -> None:
    api.store.put_signal(a_signal("AAPL"))
    api.store.put_market(a_market("AAPL", newest=BAR - 300))
    api.now = BAR + since_bar
    assert api.get("/v1/markets/AAPL").headers["cache-control"] == f"public, max-age={seconds}"


def test_the_picture_holds_until_the_next_bar_and_changes_with_a_new_price(api: Api) -> None:
    api.store.put_market(a_market("AAPL"))
    api.store.put_signal(a_signal("AAPL"))
    first = api.get("/v1/markets/AAPL")
    assert first.headers["cache-control"] == "public, max-age=270"
    assert api.get("/v1/markets/AAPL", if_none_match=first.headers["etag"]).status_code == 304
    api.store.put_market(a_market("AAPL", price="222.60"))
    assert api.get("/v1/markets/AAPL", if_none_match=first.headers["etag"]).json()["price"] == 222.6
    api.store.put_market(a_market("AAPL", price="222.60", newest=BAR + 300))
    assert len({api.get("/v1/markets/AAPL").headers["etag"], first.headers["etag"]}) == 2
