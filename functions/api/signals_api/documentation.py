"""The OpenAPI document. Answering requests needs no schema of the answers, so that a cold start does not
pay for them: they are made when somebody asks for the document.
"""

from collections.abc import Mapping
from dataclasses import MISSING, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from growfolio.domain.assets import ASSETS, Asset, Timeframe
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import Judged
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.health import market_health
from growfolio.domain.signals import Action, Attempt, ModelRef, Price, Signal, Status
from growfolio.domain.times import BAR, DAY, utc_text
from growfolio.presentation import (
    Json,
    asset_json,
    explanation_json,
    health_json,
    judged_json,
    market_json,
    past_signal_json,
)
from growfolio.storage.records import MarketRecord, Outcome

from signals_api.answers import SCHEMAS
from signals_api.explaining import explain
from signals_api.extension import analysis_json, recommendation_json
from signals_api.overview import overview_json
from signals_api.parameters import cursor_of
from signals_api.problems import bad_parameter
from signals_api.worth import weighed

BAR_CLOSE = int(datetime(2024, 9, 5, 18, 0, tzinfo=UTC).timestamp())
SIGNAL = {
    "asset": ASSETS[0],
    "timeframe": Timeframe.M5,
    "action": Action.BUY,
    "confidence": Decimal("61.2"),
    "probabilities": (Decimal("0.1003"), Decimal("0.2877"), Decimal("0.6120")),
    "threshold": Decimal("0.001"),
    "price": Price(Decimal("222.55"), BAR_CLOSE, "yahoo close"),
    "buy_target": Decimal("222.35"),
    "sell_target": Decimal("223.36"),
    "stop_loss": Decimal("221.94"),
    "bar_close": BAR_CLOSE,
    "generated_at": BAR_CLOSE + 12,
    "expires_at": BAR_CLOSE + BAR + GRACE_SECONDS,
    "stored_at": BAR_CLOSE + 14,
    "model": ModelRef("stocks_5m_lstm", "4f1c2d9be0a75836"),
    "source": "yahoo",
    "rsi": Decimal("57.3"),
    "trend": "up",
    "atr_pct": Decimal("0.182"),
    "vwap_pct": Decimal("-0.041"),
}
"""What the example shows; a field that is not here gets its default, or a value of its type."""


def example_of(kind: Any, name: str = "", given: Mapping[str, Any] = SIGNAL) -> Any:
    """A value of a field's type, or a dataclass filled field by field: the values given by name first."""
    if name in given:
        return given[name]
    if hasattr(kind, "__dataclass_fields__"):
        hints = get_type_hints(kind)
        required = [each.name for each in fields(kind) if each.default is MISSING]
        named = {each for each in hints if each in given} | set(required)
        return kind(**{each: example_of(hints[each], each, given) for each in named})
    if get_origin(kind) is tuple:
        return tuple(example_of(each) for each in get_args(kind) if each is not Ellipsis)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    return kind(1) if kind in (int, Decimal) else kind()


def describe(app: FastAPI) -> None:
    """Complete the application's document with contract.py's schemas and with examples."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's way to extend its document


def _document(app: FastAPI) -> dict[str, Any]:
    from pydantic.json_schema import models_json_schema

    from signals_api import contract, extension_contract, overview_contract, record_contract

    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, definitions = models_json_schema(
        [
            (model, "serialization")
            for part in (contract, overview_contract, record_contract, extension_contract)
            for model in part.ANSWERS
        ],
        ref_template=SCHEMAS + "{model}",
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    for name, example in _examples().items():
        schemas[name]["examples"] = [example]
    return document


OUTCOME = Outcome("scored", "", "BUY", 0.00184, "buy", 1, "reached")
CALIBRATION = {
    "rows": 2880,
    "gap": 0.004,
    "gap_90": [-0.008, 0.017],
    "error": 0.012,
    "calibrated_90": [0.006, 0.019],
    "left_band": False,
}
STANDING = {
    "signals": 2880,
    "scored": 2868,
    "not_scored": 0,
    "unsettled": 2,
    "pending": 10,
    "note": None,
    "scores": {
        "accuracy": 0.4911,
        "base_rate": 0.4532,
        "log_loss": 1.0126,
        "prior_log_loss": 1.0624,
        "brier": 0.6071,
        "moved": 1561,
        "direction": 0.5221,
        "confusion": [[190, 410, 184], [92, 1102, 113], [175, 419, 183]],
    },
    "targets": {"promised": 940, "reached": 311, "stopped": 402, "neither": 227},
    "acting": {"acted": 937, "cost_each_way": 0.001, "mean_gross": 0.00002, "mean_net": -0.00198},
    "calibration": CALIBRATION,
    "calibration_in_slots": CALIBRATION | {"error": 0.021},
    "direction_90": [0.497, 0.547],
}
"""What the record says of some signals: the numbers are of this example alone."""


def _record(asset: Asset, revision: str) -> Json:
    too_few = dict.fromkeys(STANDING) | {
        **dict.fromkeys(("not_scored", "unsettled", "pending"), 0),
        **dict.fromkeys(("signals", "scored"), 96),
        "note": "too few: 96 of 100 settled signals",
    }
    line = {
        "revision": revision,
        "market": STANDING,
        "assets": {asset.symbol: too_few},
        "strengths": {"high": too_few},
        "likes": {"BUY high": {"n": 412, "right": 151, "opposite": 140, "direction_90": [0.47, 0.57]}},
        "usual_moves": {"0": 0.5912, "5": 0.4871},
    }
    window = {"revisions": [line], "in_sample": [], "simulated": [{"revision": "starter", "market": too_few}]}
    return {
        "market": asset.market,
        "timeframe": Timeframe.M5,
        "newest_bar_close": utc_text(BAR_CLOSE),
        "rolled_until": utc_text(BAR_CLOSE // DAY * DAY),
        "windows": dict.fromkeys(("day", "week", "month", "all"), window),
    }


def _examples() -> dict[str, Json]:
    """What each schema looks like, written by the code that writes the answers."""
    signal: Signal = example_of(Signal)
    asset, timeframe = signal.asset, signal.timeframe
    attempt = Attempt(signal.bar_close, signal.generated_at, Status.OK)
    judged = Judged(asset, timeframe, signal, Status.OK, last_attempt=attempt)
    nothing = replace(judged, signal=None, status=Status.NO_DATA, reasons=("no signal yet",))
    hours = market_hours(asset.market, BAR_CLOSE)
    health = market_health(hours, [judged], BAR_CLOSE)
    market = MarketRecord(
        asset, signal.price, ((BAR_CLOSE, "222.31", "222.6", "222.29", "222.55", "184210"),)
    )
    explanation = explain(judged, None)
    worth = {asset: weighed(signal, {})}
    return {
        "Signals": {"timeframe": timeframe, "signals": [judged_json(judged), judged_json(nothing)]},
        "AssetSignals": {**asset_json(asset), "signals": [judged_json(judged)]},
        "History": {
            "symbol": asset.symbol,
            "timeframe": timeframe,
            "signals": [past_signal_json(signal, OUTCOME)],
            "next_cursor": cursor_of(asset, timeframe, BAR_CLOSE),
        },
        "Explanations": {
            "timeframe": timeframe,
            "explanations": [explanation_json(judged, explanation)],
        },
        "MarketPicture": market_json(asset, market),
        "Overview": overview_json(timeframe, [judged], {asset: market}, {asset.market: hours}, BAR_CLOSE),
        "Record": {"timeframe": timeframe, "records": [_record(asset, signal.model.revision)]},
        "Assets": {"assets": [asset_json(asset)], "timeframes": list(Timeframe)},
        "Markets": {"now": utc_text(BAR_CLOSE), "markets": [health_json(health)]},
        "Health": {"healthy": True, "now": utc_text(BAR_CLOSE), "markets": [health_json(health)]},
        "Analysis": analysis_json([judged], worth, limit=5, risk_score=5, asked_for=False, now=BAR_CLOSE),
        "Recommendation": recommendation_json(judged, explanation, {}, worth),
        "Problem": bad_parameter("limit", "Input should be less than or equal to 200", "500").as_json("/v1"),
    }
