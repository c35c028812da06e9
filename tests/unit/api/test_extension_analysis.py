"""POST /analyze_trader_type, as the published extension calls it."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.signals import CLASSES, Signal

from tests.samples import BAR, a_signal
from tests.unit.api.conftest import Answer, Api


def leaning(symbol: str, sell: str, buy: str, *, price: str = "222.55") -> Signal:
    """A 15m signal with these probabilities, and the action and confidence that they decide."""
    shares = (Decimal(sell), 1 - Decimal(sell) - Decimal(buy), Decimal(buy))
    signal = a_signal(symbol, Timeframe.M15, action=CLASSES[shares.index(max(shares))], price=price)
    return replace(signal, probabilities=shares, confidence=100 * max(shares))


LEANING = [
    leaning("AAPL", "0.20", "0.25"),
    leaning("MSFT", "0.20", "0.50"),
    leaning("NVDA", "0.60", "0.10"),
    leaning("TSLA", "0.05", "0.45"),
    leaning("AMZN", "0.45", "0.30"),
    leaning("BTC", "0.10", "0.11"),
    leaning("SHIB", "0.03", "0.91", price="0.0000134500"),
]


@pytest.fixture
def leaned(api: Api) -> Api:
    """Two to buy, two to sell, three to hold."""
    for signal in LEANING:
        api.store.put_signal(signal)
    return api


def ask(api: Api, **body: Any) -> Answer:
    return api.post("/analyze_trader_type", {"trader_type": "day_trader", **body})


def analysis(api: Api, **body: Any) -> dict[str, Any]:
    answer = ask(api, **body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["analysis"]
    return found


def tickers(api: Api, **body: Any) -> list[str]:
    return [prediction["ticker"] for prediction in analysis(api, **body)["predictions"]]


def test_the_answer_has_the_form_that_the_published_extension_reads(api: Api) -> None:
    api.store.put_signal(a_signal("AAPL", Timeframe.M15))
    answer = api.post(
        "/analyze_trader_type",
        {
            "user_data": {"name": "Ada", "watchlist": ["AAPL"], "session": {"id": 7}},
            "user_profile": {"risk_score": 5, "horizon": "short", "goals": ["growth"]},
            "trader_type": "day_trader",
            "client_version": "1.4.2",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json() == {
        "trader_type": "day_trader",
        "analysis": {
            "predictions": [
                {
                    "ticker": "AAPL",
                    "action": "buy",
                    "confidence": 61,
                    "timeframe": "15min",
                    "current_price": 222.55,
                    "target_buy": 220.3245,
                    "target_sell": 227.001,
                    "stop_loss": 218.099,
                    "price_time": "2024-09-05T18:00:00Z",
                    "price_source": "replay close",
                    "source": "",
                    "simulated": False,
                    "in_sample": False,
                    "conviction": "none",
                    "move": "normal",
                    "like": None,
                    "expected_move_pct": 0.0742,
                    "break_even_pct": 0.04,
                }
            ],
            "market_sentiment": "neutral",
            "volatility_level": "low",
            "recommended_position_size": "medium",
        },
        "timestamp": "2024-09-05T18:00:30Z",
    }


def test_the_best_five_are_those_to_act_on_furthest_from_even_first_then_hold(leaned: Api) -> None:
    predictions = analysis(leaned)["predictions"]
    assert [(one["ticker"], one["action"]) for one in predictions] == [
        ("SHIB", "buy"),
        ("NVDA", "sell"),
        ("MSFT", "buy"),
        ("AMZN", "sell"),
        ("TSLA", "hold"),
    ]


def test_a_reader_may_ask_for_more_or_fewer(leaned: Api) -> None:
    assert tickers(leaned, limit=2) == ["SHIB", "NVDA"]
    assert len(tickers(leaned, limit=24)) == len(LEANING)


@pytest.mark.parametrize("symbols", [["btc", "AAPL", "SHIB/USDT"], "btc,AAPL, SHIB-usdt", "BTC,aapl,SHIB,"])
def test_assets_that_are_asked_for_all_come_best_first(leaned: Api, symbols: object) -> None:
    assert tickers(leaned, symbols=symbols) == ["SHIB", "AAPL", "BTC"]
    assert tickers(leaned, symbols=symbols, limit=1) == ["SHIB"]


def test_more_than_five_assets_that_are_asked_for_all_come(leaned: Api) -> None:
    assert len(tickers(leaned, symbols=[signal.asset.symbol for signal in LEANING])) == len(LEANING)


@pytest.mark.parametrize(
    "body",
    [{}, {"user_profile": None, "user_data": None}, {"user_data": "x", "symbols": None, "limit": None}],
)
def test_what_is_missing_or_unknown_is_no_error(leaned: Api, body: dict[str, Any]) -> None:
    assert len(tickers(leaned, **body)) == 5


@pytest.mark.parametrize(("asked", "given"), [("5min", "5min"), ("5m", "5min"), ("15min", "15min")])
def test_the_timeframe_is_named_as_the_extension_names_it(api: Api, asked: str, given: str) -> None:
    api.refresh(BAR)
    assert {one["timeframe"] for one in analysis(api, timeframe=asked)["predictions"]} == {given}


def test_tiny_prices_come_in_full_as_plain_decimals(leaned: Api) -> None:
    text = ask(leaned, symbols=["SHIB"]).text
    assert '"current_price":0.00001345,' in text
    assert "e-" not in text


@pytest.mark.parametrize(
    ("score", "size"),
    [(1, "small"), (5, "medium"), (10, "large"), ("7", "medium"), (9.5, "large"), (None, "small")],
)
def test_the_position_follows_the_profile(leaned: Api, score: object, size: str) -> None:
    given = analysis(leaned, user_profile={"risk_score": score})
    assert given["recommended_position_size"] == size


@pytest.mark.parametrize("given", ["long_term", "DAY_TRADER", "", None, 7, ["day_trader"], "x" * 5000])
def test_another_trader_type_is_refused_with_those_served(api: Api, given: object) -> None:
    answer = api.post("/analyze_trader_type", {"trader_type": given})
    assert answer.status_code == 400
    assert answer.json()["served"] == ["day_trader"]
    assert "long-term portfolios are not served here" in answer.json()["detail"]
    assert len(answer.text) < 600
    assert api.store.reads == []


@pytest.mark.parametrize(
    ("body", "parameter", "advice"),
    [
        ({"user_profile": {"risk_score": 11}}, "user_profile.risk_score", "less than or equal to 10"),
        ({"user_profile": {"risk_score": 0}}, "user_profile.risk_score", "greater than or equal to 1"),
        ({"user_profile": {"risk_score": "high"}}, "user_profile.risk_score", "valid number"),
        ({"timeframe": "1h"}, "timeframe", "choose 5min or 15min"),
        ({"limit": 0}, "limit", "greater than or equal to 1"),
        ({"symbols": 5}, "symbols", "valid list"),
        ({"symbols": ["AAPL", 5]}, "symbols.1", "valid string"),
    ],
)
def test_what_cannot_be_understood_is_named(
    api: Api, body: dict[str, Any], parameter: str, advice: str
) -> None:
    answer = ask(api, **body)
    assert answer.status_code == 422
    (fault,) = answer.json()["errors"]
    assert fault["parameter"] == parameter
    assert advice in fault["detail"]


def test_an_unknown_asset_is_not_found_and_the_known_ones_are_named(api: Api) -> None:
    answer = ask(api, symbols=["AAPL", "GME"])
    assert answer.status_code == 404
    assert "AAPL" in answer.json()["known"]


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 422, "missing"),
        (b"{", 422, "not JSON"),
        (b"[]", 422, "dictionary"),
        (b'"day_trader"', 422, "dictionary"),
        (b"\xff", 400, "parsing"),
        (b"[" * 60_000, 400, "parsing"),
        (b" " * 70_000, 413, "65536 bytes"),
    ],
)
def test_a_body_that_is_none_is_told_what_it_should_be(api: Api, body: bytes, status: int, word: str) -> None:
    answer = api.client.post("/analyze_trader_type", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert word in answer.json()["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON",
        "text/plain;charset=UTF-8",
        "text/plain",
        "Text/Plain; charset=utf-8",
        "",
    ],
)
def test_a_body_is_read_as_json_whether_it_says_so_or_comes_as_browsers_send_text(
    leaned: Api, content_type: str
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    body = b'{"trader_type": "day_trader"}'
    answer = leaned.client.post("/analyze_trader_type", content=body, headers=headers)
    assert len(answer.json()["analysis"]["predictions"]) == 5


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x", "json", "é"],
)
@pytest.mark.parametrize("path", ["/analyze_trader_type", "/recommend_stock"])
def test_another_content_type_is_refused_with_the_right_one(api: Api, path: str, content_type: str) -> None:
    headers = {b"Content-Type": content_type.encode("latin-1")}
    body = b'{"trader_type": "day_trader", "stock_name": "AAPL"}'
    answer = api.client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "urn:growfolio:not-json")
    assert "send JSON as application/json" in answer.json()["detail"]
