"""Records derive their attributes from their fields: a new field is stored, an older item stays readable."""

import json
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.calendar import MarketHours, market_hours
from growfolio.domain.signals import Action, Signal
from growfolio.storage import items
from growfolio.storage.codec import DAMAGE, Codec
from growfolio.storage.records import Explanation
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import BAR, a_failure, a_market, a_signal

AAPL = find_asset("AAPL")
M5 = Timeframe.M5
SHARES = (Decimal("0.3"), Decimal("0.45"), Decimal("0.25"))
LABELLED = replace(
    a_signal("SHIB", Timeframe.M15, price="0.0000134500", action=Action.SELL),
    label="triple_barrier",
    class_shares=SHARES,
    in_sample=True,
    simulated=True,
)
FAILURE = replace(a_failure(), reasons=("yahoo did not answer", "binance answered 451"))
EXPLANATION = Explanation(AAPL, M5, BAR, Action.SELL, "It fell.", "template", BAR + 9)
SHIB = LABELLED.asset

STORED: dict[str, Any] = json.loads(Path(__file__).with_name("stored_items.json").read_text())
"""Attributes as the table holds them since before they were derived. They change only with a migration."""


def test_todays_records_are_stored_as_before() -> None:
    assert {
        "signal": items.signal_value(a_signal()),
        "labelled signal": items.signal_value(LABELLED),
        "attempt": items.attempt_value(FAILURE),
        "history": items.history_item(a_signal(), BAR + 9),
        "stock hours": items.hours_item(market_hours(Market.STOCKS, BAR)),
        "no hours": items.hours_item(MarketHours(Market.CRYPTO, ())),
        "explanation": items.explanation_item(EXPLANATION),
    } == {name: item for name, item in STORED.items() if not name.startswith("market")}


def test_the_picture_is_stored_packed_and_the_rest_of_its_item_as_before() -> None:
    for name, record in (
        ("market", a_market()),
        ("market without bars", a_market("SHIB", price="0.0000134500", bars=0)),
    ):
        item = items.market_item(record)
        assert {**item, "bars": STORED[name]["bars"]} == STORED[name]
        assert items.market_record_from(record.asset, item) == record


def test_what_was_stored_before_stays_readable() -> None:
    assert items.signal_from(AAPL, M5, STORED["signal"]) == a_signal()
    assert items.signal_from(SHIB, Timeframe.M15, STORED["labelled signal"]) == LABELLED
    assert items.signal_from(AAPL, M5, STORED["history"]["signal"]) == a_signal()
    assert items.attempt_from(AAPL, M5, STORED["attempt"]) == FAILURE
    assert items.market_record_from(AAPL, STORED["market"]) == a_market()
    assert items.market_record_from(SHIB, STORED["market without bars"]).bars == ()
    assert items.hours_from(Market.STOCKS, STORED["stock hours"]) == market_hours(Market.STOCKS, BAR)
    assert items.hours_from(Market.CRYPTO, STORED["no hours"]) == MarketHours(Market.CRYPTO, ())
    assert items.explanation_from(AAPL, M5, STORED["explanation"]) == EXPLANATION


class Mood(StrEnum):
    CALM = "calm"
    WILD = "wild"


@dataclass(frozen=True, slots=True)
class Span:
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class LaterSignal(Signal):
    """A signal with a field of every kind that a later version may bring."""

    conviction: int = 0
    record: Decimal | None = None
    span: Span | None = None
    mood: Mood = Mood.CALM
    shadow: bool = False
    note: str = ""
    targets: tuple[Decimal, ...] = ()
    spans: tuple[Span, ...] = ()


def later(**values: Any) -> LaterSignal:
    own = {name: getattr(a_signal(), name) for name in Signal.__dataclass_fields__}
    return LaterSignal(**own, **values)


CODEC = Codec(LaterSignal, key=("asset", "timeframe"), flat=("price", "model", "facts"), names=items.NAMES)

decimals = st.decimals("0.0001", "9999", places=4)
spans = st.builds(Span, decimals, decimals)


@given(
    st.builds(
        later,
        conviction=st.integers(0, 9),
        record=st.none() | decimals,
        span=st.none() | spans,
        mood=st.sampled_from(Mood),
        shadow=st.booleans(),
        note=st.text(),
        targets=st.lists(decimals).map(tuple),
        spans=st.lists(spans).map(tuple),
    )
)
def test_a_field_of_any_kind_comes_back_equal(signal: LaterSignal) -> None:
    assert CODEC.decode(CODEC.encode(signal), AAPL, M5) == signal


def test_a_field_that_equals_its_default_takes_no_room_and_a_missing_one_gives_the_default() -> None:
    assert CODEC.encode(later()) == STORED["signal"]["M"]
    assert CODEC.decode(STORED["signal"]["M"], AAPL, M5) == later()


@pytest.mark.parametrize(
    "name", [name for name in LaterSignal.__dataclass_fields__ if name not in Signal.__slots__]
)
@pytest.mark.parametrize("damage", [{"X": "?"}, {"N": "many"}, {"L": [{"N": "many"}]}, {"M": {}}, None])
def test_a_damaged_attribute_never_passes_for_its_default(name: str, damage: Any) -> None:
    with pytest.raises(DAMAGE):
        CODEC.decode(STORED["signal"]["M"] | {name: damage}, AAPL, M5)


def test_a_list_of_another_length_is_damage() -> None:
    stored = STORED["signal"]["M"] | {"probabilities": {"L": [{"N": "1"}]}}
    with pytest.raises(ValueError, match="1 values in place of 3"):
        CODEC.decode(stored, AAPL, M5)


@dataclass
class _Unstorable:
    share: float


@dataclass
class _Optional:
    share: Decimal | None


@dataclass
class _Twice:
    value: Decimal
    span: Span = field(default_factory=lambda: Span(Decimal(0), Decimal(1)))


@pytest.mark.parametrize(
    ("record", "arguments", "why"),
    [
        (_Unstorable, {}, "float"),
        (_Optional, {}, "None, which must then be its default"),
        (_Twice, {"flat": ["span"], "names": {"span.low": "value"}}, "have one attribute"),
    ],
)
def test_what_cannot_be_stored_is_refused_when_the_codec_is_made(
    record: type, arguments: dict[str, Any], why: str
) -> None:
    with pytest.raises(TypeError, match=why):
        Codec(record, **arguments)
