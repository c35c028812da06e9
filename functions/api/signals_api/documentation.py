"""The OpenAPI document. Answering requests needs no schema of the answers, so that a cold start does not
pay for them: they are made when somebody asks for the document.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import Judged
from growfolio.domain.health import market_health
from growfolio.domain.signals import Action, Attempt, Facts, ModelRef, Price, Signal, Status
from growfolio.domain.times import utc_text
from growfolio.presentation import (
    Json,
    asset_json,
    explanation_json,
    health_json,
    judged_json,
    market_json,
    signal_json,
)
from growfolio.storage.ports import MarketRecord

from signals_api.explaining import explain
from signals_api.parameters import cursor_of
from signals_api.problems import bad_parameter

_PROBLEMS = {
    400: "A trader type that is not served; see `served`.",
    404: "No such asset; `known` lists those there are.",
    422: "A parameter is unknown or out of its limits; `errors` says which, and what it should be.",
    503: "The store did not answer, or an open market lacks current signals; see `detail`.",
}
BAR_CLOSE = int(datetime(2024, 9, 5, 18, 0, tzinfo=UTC).timestamp())
_SIGNAL = Signal(
    asset=find_asset("AAPL"),
    timeframe=Timeframe.M5,
    action=Action.BUY,
    confidence=Decimal("61.2"),
    probabilities=(Decimal("0.1003"), Decimal("0.2877"), Decimal("0.6120")),
    horizon_bars=1,
    threshold=Decimal("0.001"),
    price=Price(Decimal("222.55"), BAR_CLOSE, "yahoo close"),
    buy_target=Decimal("222.35"),
    sell_target=Decimal("223.36"),
    stop_loss=Decimal("221.94"),
    bar_close=BAR_CLOSE,
    generated_at=BAR_CLOSE + 12,
    expires_at=BAR_CLOSE + 390,
    model=ModelRef("stocks_5m_lstm", "4f1c2d9be0a75836"),
    in_sample=False,
    simulated=False,
    facts=Facts(
        rsi=Decimal("57.3"),
        trend="up",
        atr_pct=Decimal("0.182"),
        vwap_pct=Decimal("-0.041"),
        volume_ratio=Decimal("1.37"),
        volatility_pct=Decimal("0.093"),
    ),
)
EXAMPLE = Judged(
    asset=_SIGNAL.asset,
    timeframe=_SIGNAL.timeframe,
    signal=_SIGNAL,
    status=Status.OK,
    last_attempt=Attempt(BAR_CLOSE, _SIGNAL.generated_at, Status.OK),
)
MARKET_EXAMPLE = MarketRecord(
    _SIGNAL.asset, _SIGNAL.price, ((BAR_CLOSE, "222.31", "222.6", "222.29", "222.55", "184210"),)
)
_SCHEMAS = "#/components/schemas/"

Responses = dict[int | str, dict[str, Any]]


def documented(schema: str, *problems: int) -> Responses:
    """What a route answers: a schema of contract.py, and problems by their status."""
    answers: Responses = {200: _content("application/json", schema, "As asked for.")}
    for status in problems:
        answers[status] = _content("application/problem+json", "Problem", _PROBLEMS[status])
    return answers


def _content(media_type: str, schema: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {media_type: {"schema": {"$ref": f"{_SCHEMAS}{schema}"}}},
    }


def describe(app: FastAPI) -> None:
    """Complete the application's document with contract.py's schemas and with examples."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's way to extend its document


def _document(app: FastAPI) -> dict[str, Any]:
    from pydantic.json_schema import models_json_schema

    from signals_api import contract, extension_contract

    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(
        [(model, "serialization") for model in (*contract.ANSWERS, *extension_contract.ANSWERS)],
        ref_template=_SCHEMAS + "{model}",
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    for name, example in _examples().items():
        schemas[name]["examples"] = [example]
    return document


def _examples() -> dict[str, Json]:
    """What each schema looks like, written by the code that writes the answers."""
    # Imported here: these modules document their own routes by means of this one.
    from signals_api.extension import analysis_json, recommendation_json

    asset, timeframe = EXAMPLE.asset, EXAMPLE.timeframe
    signal = judged_json(EXAMPLE)
    nothing = judged_json(replace(EXAMPLE, signal=None, status=Status.NO_DATA, reasons=("no signal yet",)))
    past = [signal_json(EXAMPLE.signal)] if EXAMPLE.signal else []
    health = market_health(market_hours(asset.market, BAR_CLOSE), [EXAMPLE], BAR_CLOSE)
    return {
        "Signals": {"timeframe": timeframe, "signals": [signal, nothing]},
        "AssetSignals": {**asset_json(asset), "signals": [signal]},
        "History": {
            "symbol": asset.symbol,
            "timeframe": timeframe,
            "signals": past,
            "next_cursor": cursor_of(asset, timeframe, BAR_CLOSE),
        },
        "Explanations": {
            "timeframe": timeframe,
            "explanations": [explanation_json(EXAMPLE, explain(EXAMPLE, None))],
        },
        "MarketPicture": market_json(asset, MARKET_EXAMPLE),
        "Assets": {"assets": [asset_json(asset)], "timeframes": list(Timeframe)},
        "Markets": {"now": utc_text(BAR_CLOSE), "markets": [health_json(health)]},
        "Health": {"healthy": True, "now": utc_text(BAR_CLOSE), "markets": [health_json(health)]},
        "Analysis": analysis_json([EXAMPLE], limit=5, risk_score=5, asked_for=False, now=BAR_CLOSE),
        "Recommendation": recommendation_json(EXAMPLE, explain(EXAMPLE, None), {}),
        "Problem": bad_parameter("limit", "Input should be less than or equal to 200", "500").as_json("/v1"),
    }
