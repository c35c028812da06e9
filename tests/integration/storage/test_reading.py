"""What is read comes back equal, in as few requests as there can be, whatever else lies in the table."""

import logging
from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, find_asset
from growfolio.domain.calendar import market_hours
from growfolio.domain.signals import Action, Price, Status
from growfolio.domain.times import DAY
from growfolio.errors import ConfigurationError, PermanentStoreError
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.items import signal_key, signal_value
from growfolio.storage.records import Explanation, MarketRecord

from infra.local.table import create_table
from tests.dynamodb import FreshTable
from tests.samples import BAR, a_failure, a_signal, at_price

M5 = Timeframe.M5
AAPL, SHIB = find_asset("AAPL"), find_asset("SHIB")
BARS = tuple((BAR + 300 * n, "1.5", "2", "0.5", "1.25", "1200") for n in range(78))


def market_record(asset: Asset, at: int = BAR, bars: int = 78) -> MarketRecord:
    return MarketRecord(asset, Price(Decimal("1.25"), at, "yahoo close"), BARS[:bars])


def explanation(bar_close: int = BAR, written_at: int = BAR + 10, text: str = "It rose.") -> Explanation:
    return Explanation(AAPL, M5, bar_close, Action.BUY, text, "template", written_at)


@pytest.mark.parametrize(
    "price",
    ["0.1", "0.0000134500", "0.00001345", "64123.45", "1." + "1" * 37, "1E-130", "9." + "9" * 37 + "E+125"],
)
def test_prices_come_back_equal_from_the_table(store: DynamoStore, price: str) -> None:
    signal = at_price(a_signal("SHIB"), Decimal(price))
    store.put_signal(signal)
    assert [record.signal for record in store.signals(M5)] == [signal]


def test_a_number_too_long_for_the_table_is_refused_and_nothing_is_written(store: DynamoStore) -> None:
    with pytest.raises(PermanentStoreError, match="does not fit"):
        store.put_signal(at_price(a_signal(), Decimal("1." + "1" * 38)))
    assert store.signals(M5) == []


def test_all_signals_of_a_timeframe_are_read_by_exactly_one_query(table: FreshTable) -> None:
    store = table.store
    for asset in ASSETS:
        store.put_signal(a_signal(asset.symbol))
    with table.requests() as made:
        records = store.signals(M5)
    assert made == ["Query"]
    assert {record.asset for record in records} == set(ASSETS)
    assert all(record.signal == a_signal(record.asset.symbol) for record in records)


def test_an_answer_longer_than_one_page_is_read_to_its_end(table: FreshTable) -> None:
    padding = {"S": "x" * 100_000}
    for asset in ASSETS:
        signal = a_signal(asset.symbol)
        table.put({**signal_key(asset, M5), "signal": signal_value(signal), "padding": padding})
    with table.requests() as made:
        records = table.store.signals(M5)
    assert made == ["Query"] * 3
    assert [record.signal for record in records] == [
        a_signal(symbol) for symbol in sorted(a.symbol for a in ASSETS)
    ]


def test_one_damaged_item_leaves_the_other_23_served(
    table: FreshTable, caplog: pytest.LogCaptureFixture
) -> None:
    for asset in ASSETS:
        table.store.put_signal(a_signal(asset.symbol))
    table.put({**signal_key(AAPL, M5), "signal": {"S": "of an older shape"}})
    with caplog.at_level(logging.WARNING):
        records = {record.asset: record for record in table.store.signals(M5)}
    assert sum(record.signal is not None for record in records.values()) == 23
    attempt = records[AAPL].last_attempt
    assert attempt is not None
    assert attempt.status is Status.NO_DATA
    assert attempt.reasons[0].startswith("the stored 5m signal of AAPL cannot be read")
    assert caplog.messages == list(attempt.reasons)


def test_an_item_of_an_asset_that_is_gone_is_left_out(table: FreshTable) -> None:
    table.store.put_signal(a_signal())
    table.put({"pk": {"S": "SIGNAL#5m"}, "sk": {"S": "ENRON"}, "signal": signal_value(a_signal())})
    assert [record.asset for record in table.store.signals(M5)] == [AAPL]


@pytest.mark.parametrize("damage", [{"S": "tomorrow"}, {"NULL": True}, None])
def test_a_damaged_item_is_replaced_by_the_next_good_signal(
    table: FreshTable, damage: dict[str, str] | None
) -> None:
    stored = {name: value for name, value in signal_value(a_signal())["M"].items() if name != "bar_close"}
    broken = {"M": stored | ({"bar_close": damage} if damage else {})}
    table.put({**signal_key(AAPL, M5), "signal": broken, "attempt": broken})
    assert table.store.note_attempt(AAPL, M5, a_failure()) is True
    assert table.store.put_signal(a_signal()) is True
    assert [record.signal for record in table.store.signals(M5)] == [a_signal()]


def test_an_empty_table_has_no_signals_markets_hours_or_history(store: DynamoStore) -> None:
    assert store.signals(M5) == []
    assert store.markets(ASSETS) == []
    assert store.hours(Market.STOCKS) is None
    assert store.explanations(M5) == []
    assert store.history(AAPL, M5, 5).signals == ()


def test_markets_are_read_in_the_order_asked_by_one_request(table: FreshTable) -> None:
    records = [market_record(asset) for asset in ASSETS]
    for record in reversed(records):
        table.store.put_market(record)
    with table.requests() as made:
        assert table.store.markets(ASSETS) == records
    assert made == ["BatchGetItem"]


def test_an_asset_asked_for_twice_is_answered_once(store: DynamoStore) -> None:
    store.put_market(market_record(AAPL))
    assert store.markets([AAPL, SHIB, AAPL]) == [market_record(AAPL)]


@pytest.mark.slow
def test_more_assets_than_one_batch_takes_are_read_in_several(table: FreshTable) -> None:
    many = [Asset(f"S{n:03d}", Market.STOCKS, "a stock") for n in range(150)]
    for asset in many:
        table.store.put_market(market_record(asset, bars=1))
    with table.requests() as made:
        assert table.store.markets(many) == [market_record(asset, bars=1) for asset in many]
    assert made == ["BatchGetItem"] * 2


@pytest.mark.slow
def test_what_a_batch_leaves_unanswered_is_asked_for_again(table: FreshTable) -> None:
    """DynamoDB answers with 16 MB at most."""
    many = [Asset(f"S{n:03d}", Market.STOCKS, "a stock") for n in range(48)]
    long_source = "x" * 390_000
    records = [replace(market_record(asset), price=Price(Decimal(1), BAR, long_source)) for asset in many]
    for record in records:
        table.store.put_market(record)
    with table.requests() as made:
        assert table.store.markets(many) == records
    assert made == ["BatchGetItem"] * 2


def test_a_damaged_market_item_leaves_the_others_served(table: FreshTable) -> None:
    table.store.put_market(market_record(SHIB))
    table.put({"pk": {"S": "MARKET"}, "sk": {"S": "AAPL"}, "price": {"N": "1"}})
    assert table.store.markets([AAPL, SHIB]) == [market_record(SHIB)]


@pytest.mark.parametrize(
    ("late", "holds"),
    [
        (market_record(AAPL, BAR - 1), False),
        (market_record(AAPL, BAR, bars=77), False),
        (market_record(AAPL, BAR, bars=78), True),
        (market_record(AAPL, BAR + 1, bars=1), True),
    ],
    ids=["an older price", "the same price with fewer bars", "the same again", "a newer price"],
)
def test_a_late_price_never_replaces_a_newer_one(store: DynamoStore, late: MarketRecord, holds: bool) -> None:
    store.put_market(market_record(AAPL))
    store.put_market(late)
    assert store.markets([AAPL]) == [late if holds else market_record(AAPL)]


@pytest.mark.parametrize("market", Market)
def test_hours_come_back_equal_and_late_ones_replace_nothing(store: DynamoStore, market: Market) -> None:
    today, yesterday = market_hours(market, BAR), market_hours(market, BAR - DAY)
    store.put_hours(today)
    store.put_hours(yesterday)
    assert store.hours(market) == today
    store.put_hours(market_hours(market, BAR + DAY))
    assert store.hours(market) == market_hours(market, BAR + DAY)


def test_damaged_hours_are_unknown_hours_until_they_are_written_again(table: FreshTable) -> None:
    table.put({"pk": {"S": "SESSION"}, "sk": {"S": "stocks"}})
    assert table.store.hours(Market.STOCKS) is None
    table.store.put_hours(market_hours(Market.STOCKS, BAR))
    assert table.store.hours(Market.STOCKS) == market_hours(Market.STOCKS, BAR)


def test_an_explanation_comes_back_equal_and_never_replaces_a_newer_one(store: DynamoStore) -> None:
    assert store.put_explanation(explanation()) is True
    assert store.put_explanation(explanation(BAR - 300, text="It fell.")) is False
    assert store.put_explanation(explanation(written_at=BAR + 9, text="It fell.")) is False
    assert store.explanations(M5) == [explanation()]
    assert store.put_explanation(explanation(written_at=BAR + 60, text="It rose much.")) is True
    assert store.put_explanation(explanation(BAR + 300, BAR + 310)) is True
    assert store.explanations(M5) == [explanation(BAR + 300, BAR + 310)]
    assert store.explanations(Timeframe.M15) == []


def test_explaining_never_touches_a_signal(store: DynamoStore) -> None:
    store.put_signal(a_signal())
    before = store.signals(M5)
    store.put_explanation(explanation())
    assert store.signals(M5) == before


def test_the_table_is_on_demand_keyed_by_pk_and_sk_and_streams_both_images(table: FreshTable) -> None:
    create_table(table.client, table.name)
    described = table.client.describe_table(TableName=table.name)["Table"]
    keys = {part["KeyType"]: part["AttributeName"] for part in described["KeySchema"]}
    assert keys == {"HASH": "pk", "RANGE": "sk"}
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    stream = described["StreamSpecification"]
    assert (stream["StreamEnabled"], stream["StreamViewType"]) == (True, "NEW_AND_OLD_IMAGES")


def test_a_table_that_does_not_exist_is_a_permanent_error(table: FreshTable) -> None:
    store = DynamoStore("no-such-table", table.client)
    with pytest.raises(PermanentStoreError, match="ResourceNotFoundException"):
        store.signals(M5)
    with pytest.raises(PermanentStoreError, match="ResourceNotFoundException"):
        store.put_signal(a_signal())


def test_a_store_without_a_table_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match="GROWFOLIO_TABLE"):
        DynamoStore("")


def test_the_address_of_the_table_comes_from_the_environment(
    table: FreshTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {
        "AWS_ENDPOINT_URL_DYNAMODB": table.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    DynamoStore(table.name).put_signal(a_signal())
    assert [record.signal for record in table.store.signals(M5)] == [a_signal()]
