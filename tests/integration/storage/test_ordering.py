"""The grid bar orders everything: duplicates, retries, late and concurrent runs change nothing."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.signals import Attempt, Signal, SignalRecord, Status
from growfolio.storage.dynamodb import DynamoStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dynamodb import FreshTable
from tests.samples import BAR, a_failure, a_signal

OLDER, SAME, NEWER = BAR - 300, BAR, BAR + 300
REVISION, OTHER = "a" * 40, "b" * 40
M5 = Timeframe.M5
AAPL = a_signal().asset

Write = Signal | Attempt
"""A good signal, or a failed attempt."""


def good(bar_close: int, revision: str = REVISION) -> Signal:
    """The other revision decides a minute later."""
    return a_signal(
        bar_close=bar_close, revision=revision, generated_at=bar_close + (65 if revision == OTHER else 5)
    )


def failed(bar_close: int) -> Attempt:
    return a_failure(bar_close)


def write(store: DynamoStore, what: Write) -> bool:
    if isinstance(what, Signal):
        return store.put_signal(what)
    return store.note_attempt(AAPL, M5, what)


def record(store: DynamoStore) -> SignalRecord:
    (only,) = store.signals(M5)
    return only


def succeeded(signal: Signal) -> Attempt:
    return Attempt(signal.bar_close, signal.generated_at, Status.OK)


@dataclass(frozen=True)
class Pair:
    """What is there, what comes, whether it changes anything, and what a reader then sees."""

    there: Write
    comes: Write
    changes: bool
    signal: Signal | None
    attempt: Attempt

    def __str__(self) -> str:
        def named(what: Write) -> str:
            bar = {OLDER: "older", SAME: "same", NEWER: "newer"}[what.bar_close]
            if isinstance(what, Attempt):
                return f"failed {bar}"
            return f"good {bar}{' other revision' if what.model.revision == OTHER else ''}"

        return f"{named(self.there)}, then {named(self.comes)}"


def kept(there: Signal, comes: Write) -> Pair:
    return Pair(there, comes, changes=False, signal=there, attempt=succeeded(there))


def replaced(there: Write, comes: Signal) -> Pair:
    return Pair(there, comes, changes=True, signal=comes, attempt=succeeded(comes))


PAIRS = [
    kept(good(SAME), good(OLDER)),
    kept(good(SAME), good(OLDER, OTHER)),
    kept(good(SAME), good(SAME)),
    replaced(good(SAME), good(SAME, OTHER)),
    replaced(good(SAME), good(NEWER)),
    replaced(good(SAME), good(NEWER, OTHER)),
    kept(good(SAME), failed(OLDER)),
    kept(good(SAME), failed(SAME)),
    Pair(good(SAME), failed(NEWER), changes=True, signal=good(SAME), attempt=failed(NEWER)),
    Pair(failed(SAME), good(OLDER), changes=True, signal=good(OLDER), attempt=failed(SAME)),
    Pair(failed(SAME), good(OLDER, OTHER), changes=True, signal=good(OLDER, OTHER), attempt=failed(SAME)),
    replaced(failed(SAME), good(SAME)),
    replaced(failed(SAME), good(SAME, OTHER)),
    replaced(failed(SAME), good(NEWER)),
    replaced(failed(SAME), good(NEWER, OTHER)),
    Pair(failed(SAME), failed(OLDER), changes=False, signal=None, attempt=failed(SAME)),
    Pair(failed(SAME), failed(SAME), changes=False, signal=None, attempt=failed(SAME)),
    Pair(failed(SAME), failed(NEWER), changes=True, signal=None, attempt=failed(NEWER)),
]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_what_may_replace_what(store: DynamoStore, pair: Pair) -> None:
    assert write(store, pair.there) is True
    assert write(store, pair.comes) is pair.changes
    assert record(store) == SignalRecord(AAPL, M5, pair.signal, pair.attempt)


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_repeating_either_write_changes_nothing(store: DynamoStore, pair: Pair) -> None:
    write(store, pair.there)
    write(store, pair.comes)
    assert write(store, pair.there) is False
    assert write(store, pair.comes) is False
    assert record(store) == SignalRecord(AAPL, M5, pair.signal, pair.attempt)


def test_a_late_signal_of_an_older_bar_is_stored_while_a_newer_failure_stays_noted(
    store: DynamoStore,
) -> None:
    for what in (good(OLDER), failed(NEWER)):
        assert write(store, what) is True
    assert store.put_signal(good(SAME)) is True
    assert record(store) == SignalRecord(AAPL, M5, good(SAME), failed(NEWER))


def test_a_failure_that_a_newer_signal_made_up_for_is_no_longer_told(store: DynamoStore) -> None:
    for what in (good(OLDER), failed(SAME), good(NEWER)):
        assert write(store, what) is True
    assert record(store).last_attempt == succeeded(good(NEWER))


def test_a_slow_run_of_the_revision_before_does_not_undo_the_next_ones_signal(store: DynamoStore) -> None:
    assert store.put_signal(good(SAME, OTHER)) is True
    assert store.put_signal(good(SAME, REVISION)) is False
    assert record(store).signal == good(SAME, OTHER)


def test_a_rollback_replaces_the_signal_of_the_revision_rolled_back(store: DynamoStore) -> None:
    rolled_back = a_signal(bar_close=SAME, revision=REVISION, generated_at=SAME + 120)
    store.put_signal(good(SAME, OTHER))
    assert store.put_signal(rolled_back) is True
    assert record(store).signal == rolled_back


def test_the_first_reason_of_a_bars_failure_stays(store: DynamoStore) -> None:
    store.note_attempt(AAPL, M5, a_failure(SAME, reason="no answer within 6 s"))
    assert store.note_attempt(AAPL, M5, a_failure(SAME, reason="429")) is False
    assert record(store).last_attempt == a_failure(SAME, reason="no answer within 6 s")


@pytest.mark.parametrize("status", [Status.OK, Status.STALE])
def test_only_failures_are_noted_as_failed_attempts(store: DynamoStore, status: Status) -> None:
    with pytest.raises(ValueError, match="is not a failed one"):
        store.note_attempt(AAPL, M5, a_failure(SAME, status))
    assert store.signals(M5) == []


def test_assets_and_timeframes_do_not_touch_each_other(store: DynamoStore) -> None:
    signals = [a_signal("AAPL"), a_signal("BTC"), a_signal("AAPL", Timeframe.M15)]
    assert [store.put_signal(signal) for signal in signals] == [True, True, True]
    assert [r.signal for r in store.signals(M5)] == signals[:2]
    assert [r.signal for r in store.signals(Timeframe.M15)] == signals[2:]


def expected(writes: Sequence[Write]) -> SignalRecord:
    """The state that any order of the writes must end in."""
    signals = [what for what in writes if isinstance(what, Signal)]
    newest = max(signals, key=lambda s: (s.bar_close, s.generated_at), default=None)
    attempts = [what for what in writes if isinstance(what, Attempt)]
    failure = max(attempts, key=lambda a: a.bar_close, default=None)
    if newest is not None and (failure is None or failure.bar_close <= newest.bar_close):
        failure = succeeded(newest)
    return SignalRecord(AAPL, M5, newest, failure)


bars = st.integers(0, 4).map(lambda n: BAR + 300 * n)
writes = st.lists(
    st.builds(good, bars, st.sampled_from([REVISION, OTHER])) | st.builds(failed, bars),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), some=writes)
def test_every_order_of_the_same_writes_ends_in_the_same_state(
    table: FreshTable, data: st.DataObject, some: list[Write]
) -> None:
    for order in (some, data.draw(st.permutations(some))):
        table.clear()
        for what in order:
            write(table.store, what)
        assert record(table.store) == expected(some)


@pytest.mark.slow
def test_concurrent_runs_end_in_the_state_of_the_newest_bar(store: DynamoStore) -> None:
    everything: list[Write] = [
        write_of(BAR + 300 * n) for n in range(6) for write_of in (good, failed, lambda bar: good(bar, OTHER))
    ]

    def run(seed: int) -> None:
        for what in random.Random(seed).sample(everything, len(everything)):
            write(store, what)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(run, range(8)))
    assert record(store) == expected(everything)


def test_of_many_runs_that_write_the_same_signal_one_writes_it(store: DynamoStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(store.put_signal, [good(SAME)] * 24))
    assert sorted(answers) == [False] * 23 + [True]


def test_of_many_runs_that_note_the_same_failure_one_notes_it(store: DynamoStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda what: write(store, what), [failed(SAME)] * 24))
    assert sorted(answers) == [False] * 23 + [True]


def test_the_same_signal_stored_again_later_changes_nothing(store: DynamoStore) -> None:
    first = replace(good(SAME), stored_at=SAME + 9)
    assert store.put_signal(first)
    assert not store.put_signal(replace(first, stored_at=SAME + 99))
    stored = [record(store).signal, *store.history(AAPL, M5, 5).signals]
    assert [signal.stored_at for signal in stored if signal] == [SAME + 9, SAME + 9]
