"""Records survive the table exactly; what is damaged says so and takes nothing else with it."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of, find_asset
from growfolio.domain.calendar import market_hours
from growfolio.domain.signals import Action, Price, Signal, Status
from growfolio.errors import BadItem, PermanentStoreError, UnknownAsset
from growfolio.storage.attributes import number
from growfolio.storage.items import (
    REASON_LENGTH,
    attempt_from,
    attempt_value,
    explanation_from,
    explanation_item,
    history_item,
    history_sort,
    hours_from,
    hours_item,
    market_item,
    market_record_from,
    outcomes_from,
    outcomes_item,
    record_from,
    signal_from,
    signal_key,
    signal_value,
)
from growfolio.storage.records import Explanation, MarketRecord, Outcome
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import BAR, a_failure, a_signal, at_price

AAPL = find_asset("AAPL")
M5 = Timeframe.M5
A_LATER_DAY = 1_893_456_000


def item_of(signal: Signal, **others: Any) -> dict[str, Any]:
    return {**signal_key(signal.asset, signal.timeframe), "signal": signal_value(signal), **others}


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from leaves(inner)
    else:
        yield value


prices = st.decimals("0.00000001", "999999", allow_nan=False, allow_infinity=False, places=10)


@given(price=prices, confidence=st.decimals("0", "100", places=1), action=st.sampled_from(Action))
def test_a_signal_comes_back_from_its_item_equal(price: Decimal, confidence: Decimal, action: Action) -> None:
    signal = replace(at_price(a_signal(action=action), price), confidence=confidence)
    assert signal_from(AAPL, M5, signal_value(signal)) == signal


@pytest.mark.parametrize("price", ["0.1", "0.0000134500", "1.345E-7", "64123.45", "1E+2"])
def test_prices_keep_every_digit(price: str) -> None:
    signal = at_price(a_signal("SHIB"), Decimal(price))
    stored = signal_value(signal)
    assert stored["M"]["price"] == {"N": price}
    assert signal_from(signal.asset, M5, stored).price.value == Decimal(price)


def test_no_item_holds_a_binary_floating_point_number() -> None:
    record = MarketRecord(AAPL, a_signal().price, ((BAR, "1", "2", "0.5", "1.5", "100"),))
    stored = [
        history_item(a_signal(), BAR),
        market_item(record),
        hours_item(market_hours(Market.STOCKS, BAR)),
    ]
    kinds = {type(leaf) for item in stored for leaf in leaves(item)}
    assert {kind for kind in kinds if not issubclass(kind, str)} == {bool, bytes}


@pytest.mark.parametrize("value", [0.1, 1.0, float("nan"), True, "0.1", None])
def test_only_exact_numbers_are_taken(value: Any) -> None:
    with pytest.raises(TypeError, match="only Decimal and int"):
        number(value)


def test_a_float_that_slipped_into_a_signal_is_refused() -> None:
    slipped: Any = 222.55
    with pytest.raises(TypeError, match=r"222\.55 is float"):
        signal_value(at_price(a_signal(), slipped))


def test_a_float_that_slipped_into_the_bars_is_refused() -> None:
    slipped: Any = ((BAR, 1.0, "2", "0.5", "1.5", "100"),)
    with pytest.raises(TypeError):
        market_item(MarketRecord(AAPL, a_signal().price, slipped))


@pytest.mark.parametrize("digits", ["1" * 38, "-" + "9" * 38, "1E-130", "9E+125", "0." + "1" * 38, "0"])
def test_numbers_within_the_limits_of_the_table_are_taken(digits: str) -> None:
    assert number(Decimal(digits)) == {"N": str(Decimal(digits))}


@pytest.mark.parametrize("digits", ["1" * 39, "1E-131", "1E+126", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_numbers_beyond_the_limits_of_the_table_are_refused_before_they_are_sent(digits: str) -> None:
    with pytest.raises(PermanentStoreError, match="does not fit"):
        number(Decimal(digits))


def test_items_are_small() -> None:
    size = sum(len(leaf) for leaf in leaves(item_of(a_signal())) if isinstance(leaf, str))
    names = sum(len(name) for name in signal_value(a_signal())["M"])
    assert size + names < 600


def test_an_attempt_comes_back_from_its_item_equal() -> None:
    attempt = replace(a_failure(), reasons=("yahoo did not answer", "binance answered 451"))
    assert attempt_from(AAPL, M5, attempt_value(attempt)) == attempt


def test_a_providers_error_page_does_not_fill_the_table() -> None:
    stored = attempt_value(a_failure(reason="<html>" + "x" * 100_000))
    assert len(attempt_from(AAPL, M5, stored).reasons[0]) == REASON_LENGTH


def test_a_market_record_comes_back_from_its_item_equal() -> None:
    bars = tuple((BAR + 300 * i, "1.5", "2", "0.5", "1.25", "1200") for i in range(78))
    record = MarketRecord(find_asset("SHIB"), Price(Decimal("0.0000134500"), BAR, "finnhub"), bars)
    assert market_record_from(record.asset, market_item(record)) == record


def test_a_market_record_without_bars_comes_back_equal() -> None:
    record = MarketRecord(AAPL, a_signal().price, ())
    assert market_record_from(AAPL, market_item(record)) == record


@pytest.mark.parametrize("market", Market)
def test_market_hours_come_back_from_their_item_equal(market: Market) -> None:
    hours = market_hours(market, BAR)
    assert hours_from(market, hours_item(hours)) == hours


def test_an_explanation_comes_back_from_its_item_equal() -> None:
    explanation = Explanation(AAPL, M5, BAR, Action.SELL, "It fell.", "template", BAR + 9)
    assert explanation_from(AAPL, M5, explanation_item(explanation)) == explanation


@given(first=st.integers(0, A_LATER_DAY), second=st.integers(0, A_LATER_DAY))
def test_history_sorts_by_time(first: int, second: int) -> None:
    assert (history_sort(first) < history_sort(second)) == (first < second)


def test_attributes_of_a_newer_version_are_ignored() -> None:
    item = item_of(a_signal(), colour={"S": "green"})
    item["signal"]["M"]["sentiment"] = {"N": "0.3"}
    assert record_from(item).signal == a_signal()


def test_the_last_attempt_of_a_good_signal_is_the_good_one() -> None:
    item = item_of(a_signal(), attempt=attempt_value(a_failure(BAR - 300)))
    attempt = record_from(item).last_attempt
    assert attempt is not None
    assert (attempt.status, attempt.bar_close, attempt.at) == (Status.OK, BAR, BAR + 5)


def test_a_failed_attempt_at_a_newer_bar_stands_beside_the_signal() -> None:
    record = record_from(item_of(a_signal(), attempt=attempt_value(a_failure(BAR + 300))))
    assert record.signal == a_signal()
    assert record.last_attempt == a_failure(BAR + 300)


def test_the_label_that_a_signal_speaks_of_comes_back_from_the_table() -> None:
    shares = (Decimal("0.3"), Decimal("0.45"), Decimal("0.25"))
    signal = replace(a_signal(), label="triple_barrier", class_shares=shares)
    assert signal_from(AAPL, M5, signal_value(signal)) == signal


FREE_TEXT = {"model", "revision", "price_source", "trend"}
DAMAGES: tuple[dict[str, Any], ...] = ({"S": "?"}, {"N": "not a number"}, {"L": []}, {"NULL": True})


@pytest.mark.parametrize(
    ("field", "damage"),
    [
        (field, damage)
        for field in signal_value(a_signal())["M"]
        for damage in DAMAGES
        if not (field in FREE_TEXT and "S" in damage)
    ],
)
def test_a_signal_with_any_field_spoilt_is_refused(field: str, damage: dict[str, Any]) -> None:
    with pytest.raises(BadItem, match="the stored 5m signal of AAPL cannot be read"):
        signal_from(AAPL, M5, {"M": {**signal_value(a_signal())["M"], field: damage}})


@pytest.mark.parametrize("field", signal_value(a_signal())["M"])
def test_a_signal_that_lacks_any_field_is_refused_by_its_name(field: str) -> None:
    stored = dict(signal_value(a_signal())["M"])
    del stored[field]
    with pytest.raises(BadItem, match=f"the stored 5m signal of AAPL cannot be read: no '{field}'"):
        signal_from(AAPL, M5, {"M": stored})


def test_an_unreadable_signal_counts_as_absent_and_its_reader_is_told_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    item = item_of(a_signal())
    del item["signal"]["M"]["expires_at"]
    with caplog.at_level(logging.WARNING):
        record = record_from(item)
    message = "the stored 5m signal of AAPL cannot be read: no 'expires_at'"
    assert record.signal is None
    assert record.last_attempt is not None
    assert record.last_attempt.status is Status.NO_DATA
    assert record.last_attempt.reasons == (message,)
    assert caplog.messages == [message]


def test_an_unreadable_signal_keeps_the_reasons_of_the_failure_beside_it() -> None:
    item = item_of(a_signal(), attempt=attempt_value(a_failure(status=Status.BAD_DATA)))
    item["signal"] = {"S": "of an older shape"}
    attempt = record_from(item).last_attempt
    assert attempt is not None
    assert attempt.status is Status.BAD_DATA
    assert attempt.reasons[1:] == a_failure().reasons


def test_an_unreadable_attempt_leaves_its_signal_readable() -> None:
    record = record_from(item_of(a_signal(), attempt={"M": {}}))
    assert record.signal == a_signal()
    assert record.last_attempt is not None
    assert record.last_attempt.status is Status.OK


def test_an_item_of_an_asset_that_is_gone_is_refused() -> None:
    with pytest.raises(UnknownAsset):
        record_from({**item_of(a_signal()), "sk": {"S": "ENRON"}})


@pytest.mark.parametrize("bars", ["1725559200,1,2,0.5", "yesterday,1,2,0.5,1.5,100"])
def test_damaged_bars_are_refused(bars: str) -> None:
    item = {**market_item(MarketRecord(AAPL, a_signal().price, ())), "bars": {"S": bars}}
    with pytest.raises(BadItem, match="the market item of AAPL cannot be read"):
        market_record_from(AAPL, item)


def test_damaged_hours_are_refused() -> None:
    item = {**hours_item(market_hours(Market.STOCKS, BAR)), "sessions": {"L": [{"L": [{"N": "1"}]}]}}
    with pytest.raises(BadItem, match="the session item of stocks cannot be read"):
        hours_from(Market.STOCKS, item)


def test_a_damaged_explanation_is_refused() -> None:
    with pytest.raises(BadItem, match="the 5m explanation of AAPL cannot be read: no 'bar_close'"):
        explanation_from(AAPL, M5, {})


def test_an_hour_of_outcomes_of_the_largest_market_takes_two_write_units() -> None:
    """They are written at each bar: DynamoDB bills a write by the kilobyte."""
    random = Random(3)
    outcomes = {
        (asset.symbol, BAR + 300 * at): Outcome(
            "scored",
            "",
            random.choice(("SELL", "HOLD", "BUY")),
            round(random.gauss(0, 1e-3), 6),
            random.choice(("buy", "sell", "stop", "none")),
            random.randrange(1, 13),
            random.choice(("reached", "stopped", "neither", "nothing_promised")),
        )
        for asset in assets_of(Market.STOCKS)
        for at in range(12)
    }
    item = outcomes_item(Market.STOCKS, M5, BAR, outcomes, BAR)
    assert outcomes_from(Market.STOCKS, M5, item) == outcomes
    assert len(item["outcomes"]["B"]) < 2 * 1024 - 100


def size(value: Any) -> int:
    """What DynamoDB counts of an attribute value: text and names as they are, half a byte for a digit."""
    [(kind, held)] = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name) + size(each) for name, each in held.items())
    if kind == "L":
        return 3 + sum(1 + size(each) for each in held)
    digits = len(str(held).strip("-").replace(".", ""))
    return {"S": len(str(held).encode()), "N": digits // 2 + 3, "BOOL": 1}[kind]


@pytest.mark.parametrize("price", ["123456.78", "0.0000134512"])
@pytest.mark.parametrize("symbol", ["GOOGL", "SHIB"])
def test_the_largest_signal_fits_into_one_write_unit(symbol: str, price: str) -> None:
    """With every number at its longest, a live price, and a caveat about its candles."""
    value = Decimal(price)
    signal = a_signal(symbol, Timeframe.M15, revision="f" * 40)
    largest = replace(
        signal,
        probabilities=(Decimal("0.1234"), Decimal("0.4321"), Decimal("0.4445")),
        class_shares=(Decimal("0.3123"), Decimal("0.3754"), Decimal("0.3123")),
        price=Price(value, BAR, "simulated close"),
        buy_target=value,
        sell_target=value,
        stop_loss=value,
        model=replace(signal.model, id="crypto_15m_transformer"),
        facts=replace(
            signal.facts,
            trend="mixed",
            rsi=Decimal("100.0"),
            atr_pct=Decimal("12.3456"),
            vwap_pct=Decimal("-12.345"),
            volume_ratio=Decimal("1234.56"),
            volatility_pct=Decimal("12.3456"),
        ),
        label="triple_barrier",
        source="simulated",
        stored_at=BAR + 20,
        caveats=("the price moved further over night than its nights do: a split or news",),
    )
    item = history_item(largest, BAR)
    assert size({"M": item}) - 3 <= 1024
