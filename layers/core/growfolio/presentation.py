"""Signals as readers see them: JSON-ready values, alike in the API and in `make run`.

Times become ISO-8601 text in UTC, Decimals become numbers. Nothing here depends on the moment of
reading, which is judgement's: the same judged signal always gives the same JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from growfolio.domain.assets import Asset
from growfolio.domain.freshness import Judged
from growfolio.domain.health import MarketHealth
from growfolio.domain.signals import CLASSES, Attempt, Facts, Signal
from growfolio.domain.times import utc_text
from growfolio.storage.ports import Explanation, MarketRecord

Json = dict[str, Any]
"""A JSON object: text, numbers, booleans, None, and lists and dicts of them."""

ONLY_A_SIGNAL_SAYS = (
    "probabilities",
    "horizon_bars",
    "threshold",
    "label",
    "class_shares",
    "price",
    "price_time",
    "price_source",
    "buy_target",
    "sell_target",
    "stop_loss",
    "bar_close",
    "generated_at",
    "expires_at",
    "model",
    "in_sample",
    "simulated",
    "facts",
)
"""What is null where there is no signal."""


def judged_json(judged: Judged) -> Json:
    """A signal and what it is worth at the moment it was judged for. Only status `ok` is current.

    Where there is no signal, the placeholder: HOLD, confidence 0, and null for what only one could say.
    """
    about: Json = {
        "symbol": judged.asset.symbol,
        "market": judged.asset.market,
        "timeframe": judged.timeframe,
        "status": judged.status,
        "reasons": list(judged.reasons),
        "next_open": _instant_or_none(judged.next_open),
        "last_attempt": attempt_json(judged.last_attempt) if judged.last_attempt else None,
        "action": judged.action,
        "confidence": float(judged.confidence),
    }
    return about | (signal_json(judged.signal) if judged.signal else dict.fromkeys(ONLY_A_SIGNAL_SAYS))


def signal_json(signal: Signal) -> Json:
    """A signal as it was given, without a word on what it is worth now."""
    return {
        "symbol": signal.asset.symbol,
        "market": signal.asset.market,
        "timeframe": signal.timeframe,
        "action": signal.action,
        "confidence": float(signal.confidence),
        "probabilities": _by_class(signal.probabilities),
        "horizon_bars": signal.horizon_bars,
        "threshold": float(signal.threshold),
        "label": signal.label,
        "class_shares": _by_class(signal.class_shares) if signal.class_shares else None,
        "price": float(signal.price.value),
        "price_time": utc_text(signal.price.time),
        "price_source": signal.price.source,
        "buy_target": float(signal.buy_target),
        "sell_target": float(signal.sell_target),
        "stop_loss": float(signal.stop_loss),
        "bar_close": utc_text(signal.bar_close),
        "generated_at": utc_text(signal.generated_at),
        "expires_at": utc_text(signal.expires_at),
        "model": {"id": signal.model.id, "revision": signal.model.revision},
        "in_sample": signal.in_sample,
        "simulated": signal.simulated,
        "facts": facts_json(signal.facts),
    }


def _by_class(shares: tuple[Decimal, Decimal, Decimal]) -> dict[str, float]:
    return {action.lower(): float(share) for action, share in zip(CLASSES, shares, strict=True)}


def facts_json(facts: Facts) -> Json:
    values = {field.name: getattr(facts, field.name) for field in fields(facts)}
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in values.items()}


def attempt_json(attempt: Attempt) -> Json:
    return {
        "bar_close": utc_text(attempt.bar_close),
        "at": utc_text(attempt.at),
        "status": attempt.status,
        "reasons": list(attempt.reasons),
    }


def asset_json(asset: Asset) -> Json:
    return {"symbol": asset.symbol, "market": asset.market, "name": asset.name}


def market_json(asset: Asset, record: MarketRecord | None) -> Json:
    """The last price and the 5m bars of the last session, oldest first; none where nothing is stored."""
    price = record.price if record else None
    return {
        **asset_json(asset),
        "price": float(price.value) if price else None,
        "price_time": utc_text(price.time) if price else None,
        "price_source": price.source if price else None,
        "bars": [
            {
                "close_time": utc_text(bar[0]),
                **{name: float(v) for name, v in zip(_BAR, bar[1:], strict=True)},
            }
            for bar in (record.bars if record else ())
        ],
    }


_BAR = ("open", "high", "low", "close", "volume")


def explanation_json(judged: Judged, explanation: Explanation | None) -> Json:
    """What is to be said about a signal; where there is none, why."""
    if explanation is None:
        text = f"There is no signal to explain: {'; '.join(judged.reasons)}."
        written = {"text": text, "source": "none", "action": None, "bar_close": None, "written_at": None}
    else:
        written = {
            "text": explanation.text,
            "source": explanation.source,
            "action": explanation.action,
            "bar_close": utc_text(explanation.bar_close),
            "written_at": utc_text(explanation.written_at),
        }
    return {"symbol": judged.asset.symbol, "timeframe": judged.timeframe, **written}


def health_json(health: MarketHealth) -> Json:
    return {
        "market": health.market,
        "open": health.open,
        "next_open": _instant_or_none(health.next_open),
        "fresh_share": None if health.fresh_share is None else round(health.fresh_share, 4),
        "statuses": dict(health.statuses),
        "reasons": dict(health.reasons),
        "revisions": list(health.revisions),
        "newest_bar_close": _instant_or_none(health.newest_bar),
    }


def _instant_or_none(seconds: int | None) -> str | None:
    return None if seconds is None else utc_text(seconds)


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


SMALLEST = 1e-15
"""What is smaller is no price: written out, 1e-300 would take 300 digits for five."""


def to_json(value: object) -> str:
    """Compact JSON whose small numbers are plain decimals: SHIB's price is 0.00001345, not 1.345e-05.

    The json module cannot be told so, but is fast: only what holds such a number is written piece by
    piece. Raises ValueError for a number that JSON does not have (NaN, infinity) and TypeError for any
    other value that it does not have.
    """
    text = _encode(value)
    if "e-" not in text:
        return text
    if isinstance(value, Mapping):
        return "{" + ",".join([f"{_encode(str(key))}:{to_json(each)}" for key, each in value.items()]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join([to_json(each) for each in value]) + "]"
    plain = isinstance(value, float) and abs(value) >= SMALLEST
    return format(Decimal(text), "f") if plain else text
