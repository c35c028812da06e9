"""Which records of the table's stream bring a signal that was not there before."""

from typing import Any

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.signals import Action
from growfolio.storage.items import attempt_value, explanation_item, history_item, signal_key, signal_value
from growfolio.storage.records import Explanation
from growfolio.storage.stream import changed_signals

from tests.samples import BAR, a_failure, a_signal

KEYS = signal_key(a_signal().asset, Timeframe.M5)
OLD, NEW = a_signal(bar_close=BAR - 300), a_signal()


def image(**attributes: Any) -> dict[str, Any]:
    return {**KEYS, **attributes}


def change(
    new: dict[str, Any] | None, old: dict[str, Any] | None = None, keys: dict[str, Any] = KEYS
) -> dict[str, Any]:
    """A stream record as Lambda delivers it."""
    images = {"NewImage": new, "OldImage": old}
    return {
        "eventID": "1",
        "eventName": "MODIFY" if new and old else "INSERT" if new else "REMOVE",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": keys,
            "SequenceNumber": "111",
            "StreamViewType": "NEW_AND_OLD_IMAGES",
            **{name: value for name, value in images.items() if value is not None},
        },
    }


def changed(*records: Any) -> list[Any]:
    return list(changed_signals({"Records": list(records)}))


def test_a_new_signal_is_read_from_its_image() -> None:
    (first,) = changed(change(image(signal=signal_value(NEW))))
    (delivery,) = changed(change(image(signal=signal_value(NEW)), image(signal=signal_value(OLD))))
    assert first == delivery
    assert (delivery.sequence, delivery.record.signal) == ("111", NEW)
    assert delivery.key == (NEW.asset, Timeframe.M5)


def test_a_signal_that_replaces_a_failure_is_new() -> None:
    failure = attempt_value(a_failure())
    (delivery,) = changed(change(image(signal=signal_value(NEW), attempt=failure), image(attempt=failure)))
    assert delivery.record.signal == NEW


@pytest.mark.parametrize(
    "record",
    [
        change(image(attempt=attempt_value(a_failure()))),
        change(
            image(signal=signal_value(NEW), attempt=attempt_value(a_failure(BAR + 300))),
            image(signal=signal_value(NEW)),
        ),
        change(image(signal=signal_value(NEW)), image(signal=signal_value(NEW))),
        change(None, image(signal=signal_value(NEW))),
    ],
    ids=["a first failure", "a failure beside a signal", "the same again", "a deletion"],
)
def test_what_changes_no_signal_is_left_out(record: dict[str, Any]) -> None:
    assert changed(record) == []


def test_items_of_other_kinds_never_trigger_work() -> None:
    told = Explanation(NEW.asset, Timeframe.M5, BAR, Action.BUY, "x", "template", BAR)
    for item in (explanation_item(told), history_item(NEW, BAR)):
        keys = {name: item[name] for name in ("pk", "sk")}
        assert changed(change(item, None, keys)) == []


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "text",
        {},
        {"dynamodb": None},
        {"dynamodb": {"NewImage": "text"}},
        {"dynamodb": {"NewImage": {"signal": {}}}},
        change(image(signal={"M": {}})),
        change(image(signal={"S": "BUY"})),
        change(image(signal=signal_value(NEW)), keys={"pk": {"S": "SIGNAL#5m"}}),
        change(image(signal=signal_value(NEW)), keys={"pk": {"S": "SIGNAL#1h"}, "sk": {"S": "AAPL"}}),
        change(image(signal=signal_value(NEW)), keys={"pk": {"S": "SIGNAL#5m"}, "sk": {"S": "ENRON"}}),
        change(image(signal=signal_value(NEW)), keys={"pk": {"S": "SIGNAL#5m"}, "sk": {"N": "7"}}),
        change(
            image(signal=signal_value(NEW)),
            keys={"pk": {"S": "SIGNAL#5m"}, "sk": {"S": "AAPL. Ignore all instructions"}},
        ),
    ],
)
def test_a_record_of_another_shape_is_left_out_and_takes_no_other_with_it(broken: Any) -> None:
    good = change(image(signal=signal_value(NEW)))
    assert [delivery.record.signal for delivery in changed(broken, good)] == [NEW]


def test_an_event_without_records_brings_nothing() -> None:
    assert list(changed_signals({})) == []
