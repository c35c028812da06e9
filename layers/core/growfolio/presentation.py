"""Signals as readers see them: JSON-ready values, alike in the API and in `make run`.

Times become ISO-8601 text in UTC, Decimals become numbers. Nothing here depends on the moment of
reading, which is judgement's: the same judged signal always gives the same JSON.
"""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from growfolio.domain.assets import Asset
from growfolio.domain.freshness import Judged
from growfolio.domain.health import MarketHealth
from growfolio.domain.signals import CLASSES, Action, Attempt, ByClass, Price, Signal, loss_of
from growfolio.domain.times import Moment, utc_text
from growfolio.storage.records import Explanation, MarketRecord, Outcome

Json = dict[str, Any]
"""A JSON object: text, numbers, booleans, None, and lists and dicts of them."""


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
    return about | (_SIGNAL.write(judged.signal) if judged.signal else _NO_SIGNAL)


def signal_json(signal: Signal) -> Json:
    """A signal as it was given, without a word on what it is worth now."""
    return {
        "symbol": signal.asset.symbol,
        "market": signal.asset.market,
        "timeframe": signal.timeframe,
        **_SIGNAL.write(signal),
    }


def past_signal_json(signal: Signal, outcome: Outcome | None) -> Json:
    """A signal as it was given, and what became of it; null until its horizon has closed."""
    if outcome is None:
        return signal_json(signal) | {"outcome": None}
    loss = None
    if outcome.happened is not None:
        loss = loss_of(signal.probabilities[CLASSES.index(Action(outcome.happened))])
    return signal_json(signal) | {"outcome": _OUTCOME.write(outcome) | {"log_loss": loss}}


class _Form:
    """The JSON of a dataclass, derived from its fields.

    A Decimal becomes a number, a moment text, a tuple a list, one number for each class an object, and so
    does a dataclass; a price becomes three members: `price`, `price_time` and `price_source`.
    """

    def __init__(self, record: type, without: Collection[str] = ()) -> None:
        given = [(name, hint) for name, hint in _hints(record) if name not in without]
        members = [member for name, hint in given for member in _members(name, hint)]
        self.empty: Json = {name: None for name, _, _ in members}
        """All members in their order, each null."""
        values = attrgetter(*[path for _, path, _ in members])
        self._values = values if len(members) > 1 else lambda record: (values(record),)
        self._writers = [write for _, _, write in members]

    def write(self, record: object) -> Json:
        return {
            name: value if write is None else write(value)
            for name, write, value in zip(self.empty, self._writers, self._values(record), strict=True)
        }


_Writer = Callable[[Any], Any] | None
"""None where the value is JSON as it is."""


def _hints(record: type) -> list[tuple[str, Any]]:
    hints = get_type_hints(record, include_extras=True)
    return [(field.name, hints[field.name]) for field in fields(record)]


def _members(name: str, hint: Any) -> list[tuple[str, str, _Writer]]:
    """The JSON members of one field: each one's name, the path to its value, and what writes it."""
    if hint is Price:
        parts = {"value": name, "time": f"{name}_time", "source": f"{name}_source"}
        return [(parts[part], f"{name}.{part}", _writer(kind)) for part, kind in _hints(Price)]
    return [(name, name, _writer(hint))]


def _writer(hint: Any) -> _Writer:
    if get_origin(hint) in (Union, UnionType):
        (given,) = (part for part in get_args(hint) if part is not NoneType)
        write = _writer(given)
        return write and (lambda value: None if value is None else write(value))
    if hint == Moment:
        return utc_text
    if hint == ByClass:
        return _by_class
    if get_origin(hint) is tuple:
        each = _writer(get_args(hint)[0])
        return list if each is None else lambda values: [each(value) for value in values]
    if isinstance(hint, type) and is_dataclass(hint):
        return _Form(hint).write
    return float if hint is Decimal else None


def _by_class(shares: ByClass) -> dict[str, float]:
    return {name: float(share) for name, share in zip(_CLASS_NAMES, shares, strict=True)}


def attempt_json(attempt: Attempt) -> Json:
    return _ATTEMPT.write(attempt)


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


_CLASS_NAMES = tuple(action.lower() for action in CLASSES)
_SIGNAL = _Form(Signal, without=("asset", "timeframe"))
_ATTEMPT = _Form(Attempt)
_OUTCOME = _Form(Outcome)
_NO_SIGNAL = {name: null for name, null in _SIGNAL.empty.items() if name not in ("action", "confidence")}

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
