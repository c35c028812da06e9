"""The budget of calls is counted in the table, so that it holds across containers."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from growfolio.storage.dynamodb import DynamoStore

from tests.dynamodb import FreshTable
from tests.samples import BAR

HOUR = BAR - BAR % 3_600


def test_calls_are_granted_up_to_the_limit_of_their_hour(store: DynamoStore) -> None:
    assert [store.count_call("explain", HOUR, limit=3) for _ in range(5)] == [True, True, True, False, False]
    assert store.count_call("explain", HOUR + 3_600, limit=3)
    assert store.count_call("another", HOUR, limit=3)


def test_of_many_callers_at_once_no_more_are_granted_than_the_limit(table: FreshTable) -> None:
    together = threading.Barrier(8)

    def call(_: int) -> bool:
        together.wait()
        return table.store.count_call("explain", HOUR, limit=5)

    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(call, range(8))) == {True: 5, False: 3}


@pytest.mark.parametrize("limit", [0, -1])
def test_without_a_budget_nothing_is_granted_or_written(table: FreshTable, limit: int) -> None:
    with table.requests() as sent:
        assert not table.store.count_call("explain", HOUR, limit)
    assert sent == []


def test_a_count_expires_by_the_machines_clock_after_its_hour_is_over(table: FreshTable) -> None:
    written = 2_000_000_000
    DynamoStore(table.name, table.client, clock=lambda: written).count_call("explain", HOUR, limit=3)
    item = table.item("BUDGET#explain", str(HOUR))
    assert item["calls"] == {"N": "1"}
    assert item["ttl"] == {"N": str(written + 7_200)}
