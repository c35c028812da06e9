"""The history of a signal is what readers were given, for two weeks."""

import time

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.signals import Signal
from growfolio.domain.times import DAY
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.retention import HISTORY_SECONDS

from tests.dynamodb import FreshTable
from tests.samples import BAR, a_signal

AAPL = a_signal().asset
M5 = Timeframe.M5
NEWER = BAR + 300
OTHER = "b" * 40


def history(store: DynamoStore) -> tuple[Signal, ...]:
    return store.history(AAPL, M5, 100).signals


def test_a_signal_given_to_readers_is_in_the_history(store: DynamoStore) -> None:
    store.put_signal(a_signal())
    assert history(store) == (a_signal(),)


def test_another_revision_that_replaced_the_signal_replaces_its_history_too(store: DynamoStore) -> None:
    other = a_signal(revision=OTHER, generated_at=BAR + 65)
    store.put_signal(a_signal())
    store.put_signal(other)
    assert history(store) == (other,)


def test_a_later_model_cannot_better_the_record_of_an_earlier_one(store: DynamoStore) -> None:
    store.put_signal(a_signal())
    store.put_signal(a_signal(bar_close=NEWER))
    replayed = a_signal(revision=OTHER, generated_at=BAR + 3600)
    assert store.put_signal(replayed) is False
    store.put_history(replayed)
    assert history(store) == (a_signal(bar_close=NEWER), a_signal())


def test_a_bar_that_was_handled_late_fills_its_gap(store: DynamoStore) -> None:
    store.put_signal(a_signal(bar_close=NEWER))
    store.put_history(a_signal())
    assert history(store) == (a_signal(bar_close=NEWER), a_signal())
    assert [r.signal for r in store.signals(M5)] == [a_signal(bar_close=NEWER)]


def test_a_signal_overtaken_by_a_newer_bar_still_fills_its_gap(store: DynamoStore) -> None:
    store.put_signal(a_signal(bar_close=NEWER))
    assert store.put_signal(a_signal()) is False
    assert history(store) == (a_signal(bar_close=NEWER), a_signal())


def test_the_retry_of_a_run_cut_off_between_signal_and_history_mends_the_history(table: FreshTable) -> None:
    store = table.store
    store.put_signal(a_signal())
    table.delete(f"HISTORY#AAPL#{M5}", str(BAR))
    assert history(store) == ()
    assert store.put_signal(a_signal()) is False
    assert history(store) == (a_signal(),)


def test_pages_run_from_the_newest_to_the_oldest_and_end(store: DynamoStore) -> None:
    signals = [a_signal(bar_close=BAR + 300 * n) for n in range(7)]
    for signal in signals:
        store.put_history(signal)
    pages, before = [], None
    while True:
        page = store.history(AAPL, M5, 3, before)
        pages.append(page.signals)
        if page.next_before is None:
            break
        before = page.next_before
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [signal for page in pages for signal in page] == signals[::-1]


def test_a_history_that_ends_with_its_page_promises_no_other(store: DynamoStore) -> None:
    for n in range(3):
        store.put_history(a_signal(bar_close=BAR + 300 * n))
    assert store.history(AAPL, M5, 3).next_before is None


def test_a_page_is_one_request(table: FreshTable) -> None:
    for n in range(4):
        table.store.put_history(a_signal(bar_close=BAR + 300 * n))
    with table.requests() as made:
        table.store.history(AAPL, M5, 2)
    assert made == ["Query"]


def test_before_is_exclusive(store: DynamoStore) -> None:
    store.put_history(a_signal())
    assert store.history(AAPL, M5, 3, before=BAR).signals == ()
    assert store.history(AAPL, M5, 3, before=BAR + 1).signals == (a_signal(),)


def test_histories_of_other_timeframes_and_assets_stay_apart(store: DynamoStore) -> None:
    for signal in (a_signal(), a_signal(timeframe=Timeframe.M15), a_signal("META"), a_signal("MA")):
        store.put_history(signal)
    assert history(store) == (a_signal(),)


def test_a_damaged_entry_is_left_out_and_its_page_goes_on(table: FreshTable) -> None:
    store = table.store
    for n in range(3):
        store.put_history(a_signal(bar_close=BAR + 300 * n))
    table.put({"pk": {"S": f"HISTORY#AAPL#{M5}"}, "sk": {"S": str(BAR + 300)}})
    first = store.history(AAPL, M5, 2)
    assert [signal.bar_close for signal in first.signals] == [BAR + 600]
    assert store.history(AAPL, M5, 2, first.next_before).signals == (a_signal(),)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_without_room_is_refused(store: DynamoStore, limit: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        store.history(AAPL, M5, limit)


def test_entries_expire_two_weeks_after_they_were_written_even_those_of_a_replayed_day(
    table: FreshTable,
) -> None:
    next_year = int(time.time()) + 365 * DAY
    DynamoStore(table.name, table.client, clock=lambda: next_year).put_signal(a_signal())
    entry = table.item(f"HISTORY#AAPL#{M5}", str(BAR))
    assert entry["ttl"] == {"N": str(next_year + HISTORY_SECONDS)}
    status = table.client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    assert (status["TimeToLiveStatus"], status["AttributeName"]) == ("ENABLED", "ttl")
