"""POST /recommend_stock, as the published extension calls it; and the explanations that it tells."""

from dataclasses import replace
from typing import Any

import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.signals import Action
from growfolio.explanations.template import from_template
from growfolio.storage.records import Explanation

from tests.samples import BAR, a_signal
from tests.unit.api.conftest import Api

AAPL = find_asset("AAPL")
M15 = Timeframe.M15
CLOSE = BAR + 2 * 3600
CARD = {"ticker": "AAPL", "action": "buy", "confidence": 61, "timeframe": "15min"}
"""A prediction as /analyze_trader_type gave it to the extension, which sends it back here."""
UNKNOWN_EDGE = "No edge in direction is known: too few signals like it are settled."


def written(
    *, bar_close: int = BAR, action: Action = Action.BUY, timeframe: Timeframe = M15, source: str = "gemini"
) -> Explanation:
    return Explanation(
        AAPL, timeframe, bar_close, action, "It rises. It is calm. It is so.", source, BAR + 20
    )


def recommend(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.post("/recommend_stock", {"stock_name": "AAPL", **body})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_answer_has_the_form_that_the_published_extension_reads(api: Api) -> None:
    api.store.put_signal(a_signal(timeframe=M15))
    api.store.put_explanation(written())
    told = recommend(api, stock_name="aapl", user_profile={"risk_score": 5}, ml_output=CARD, lang="en")
    assert told == {
        "stock": "AAPL",
        "ml_output": CARD,
        "gemini_explanation": f"It rises. It is calm. It is so. {UNKNOWN_EDGE}",
        "explanation_source": "gemini",
        "explained_bar_close": "2024-09-05T18:00:00Z",
    }


def test_without_a_prediction_to_send_back_the_current_one_is_given(api: Api) -> None:
    api.store.put_signal(a_signal(timeframe=M15))
    assert recommend(api)["ml_output"]["action"] == "buy"
    assert recommend(api, ml_output=None)["ml_output"]["action"] == "buy"
    assert recommend(api, ml_output={})["ml_output"]["action"] == "buy"


@pytest.mark.parametrize(("named", "timeframe"), [("5min", "5"), ("15min", "15"), (None, "15"), ({}, "15")])
def test_the_explanation_is_of_the_timeframe_that_the_prediction_names(
    api: Api, named: object, timeframe: str
) -> None:
    api.refresh(BAR)
    told = recommend(api, ml_output={**CARD, "timeframe": named})
    assert f"on {timeframe}-minute bars" in told["gemini_explanation"]


@pytest.mark.parametrize("writer", ["gemini", "claude", "a model of tomorrow"])
def test_what_a_language_model_wrote_stays_with_later_signals_of_the_same_action_for_an_hour(
    api: Api, writer: str
) -> None:
    api.store.put_explanation(written(source=writer))
    for bars_on, source in ((0, writer), (1, writer), (4, writer), (5, "template")):
        api.now = BAR + 900 * bars_on + 30
        api.store.put_signal(a_signal(timeframe=M15, bar_close=BAR + 900 * bars_on))
        told = recommend(api)
        assert told["explanation_source"] == source
    assert told["explained_bar_close"] == "2024-09-05T19:15:00Z"


@pytest.mark.parametrize(
    "stored",
    [
        written(action=Action.SELL),
        written(timeframe=Timeframe.M5),
        written(bar_close=BAR - 900, source="template"),
        written(bar_close=BAR + 900),
    ],
    ids=["another action", "another timeframe", "a template of another bar", "a bar to come"],
)
def test_what_was_written_about_something_else_is_never_told(api: Api, stored: Explanation) -> None:
    signal = a_signal(timeframe=M15)
    api.store.put_signal(signal)
    api.store.put_explanation(stored)
    told = recommend(api)
    assert told["gemini_explanation"] == f"{from_template(signal)} {UNKNOWN_EDGE}"
    assert told["explanation_source"] == "template"


def test_of_a_closed_market_the_last_signal_is_explained_and_said_to_be_no_longer_current(api: Api) -> None:
    api.refresh(CLOSE, Market.STOCKS)
    api.now = CLOSE + 60
    told = recommend(api)
    assert "Apple is a BUY" in told["gemini_explanation"]
    assert told["notice"] == "The stock market is closed; it opens 2024-09-06 13:30 UTC."
    assert told["ml_output"] == {}, "the last known is no prediction"


def test_where_there_is_no_signal_the_explanation_says_why(api: Api) -> None:
    told = recommend(api)
    assert told["gemini_explanation"] == "There is no signal to explain: no signal yet."
    assert (told["explanation_source"], told["ml_output"]) == ("none", {})


def test_simulated_prices_are_told(api: Api) -> None:
    api.store.put_signal(replace(a_signal(timeframe=M15), simulated=True))
    told = recommend(api)
    assert "simulated" in told["gemini_explanation"]
    assert "simulated" in told["notice"]


def test_what_the_extension_was_told_before_goes_back_unchanged(api: Api) -> None:
    sent = {
        "a": [1, 2.5, None, True, "<script>"],
        "tiny": 0.0000134,
        "deep": {"er": [{"still": {}}]},
        "ü": "😀",
    }
    assert recommend(api, ml_output=sent)["ml_output"] == sent


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "sent",
    ["NaN", "[-Infinity]", "1e999", nested(8), nested(100)],
)
def test_what_json_cannot_send_back_is_refused(api: Api, sent: str) -> None:
    body = f'{{"stock_name": "AAPL", "ml_output": {{"x": {sent}}}}}'
    answer = api.client.post("/recommend_stock", content=body.encode())
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["parameter"] == "ml_output"


@pytest.mark.parametrize(
    ("body", "status"), [({"stock_name": "GME"}, 404), ({}, 422), ({"stock_name": 7}, 422)]
)
def test_a_stock_that_is_not_named_or_not_known_is_told_so(
    api: Api, body: dict[str, Any], status: int
) -> None:
    assert api.post("/recommend_stock", body).status_code == status


def test_explanations_of_a_timeframe_come_together_with_who_wrote_them(api: Api) -> None:
    api.refresh(BAR)
    api.store.put_explanation(written())
    told = api.get("/v1/explanations?timeframe=15m&symbols=AAPL,BTC").json()["explanations"]
    assert [(one["symbol"], one["source"], one["action"]) for one in told] == [
        ("AAPL", "gemini", "BUY"),
        ("BTC", "template", "BUY"),
    ]
    assert told[1]["text"].count(". ") == 2


def test_a_reader_who_has_the_explanations_is_told_so_until_one_changes(api: Api) -> None:
    api.refresh(BAR)
    tag = api.get("/v1/explanations?timeframe=15m").headers["etag"]
    assert api.get("/v1/explanations?timeframe=15m", if_none_match=tag).status_code == 304
    api.store.put_explanation(written())
    assert api.get("/v1/explanations?timeframe=15m", if_none_match=tag).status_code == 200


@pytest.mark.parametrize(("since_signal", "seconds"), [(10, 5), (59, 5), (70, 230)])
def test_an_explanation_is_awaited_for_a_minute_after_its_signal(
    api: Api, since_signal: int, seconds: int
) -> None:
    api.refresh(BAR)
    api.now = BAR + since_signal
    answer = api.get("/v1/explanations?symbols=AAPL")
    assert answer.headers["cache-control"] == f"public, max-age={seconds}"
