"""A run that is cut off anywhere, late, doubled or concurrent loses nothing and makes nothing wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.signals import Attempt, Signal
from growfolio.errors import TemporaryStoreError
from growfolio.limits import Deadline
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.storage.records import Completion, MarketRecord

from tests.fakes.events import END, Events, walks
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedFeed, FixedForecaster, FixedQuotes

NOW = int(datetime(2024, 9, 5, 18, 0, 10, tzinfo=UTC).timestamp())
MARKET = Market.CRYPTO
ASSETS = assets_of(MARKET)


class Killed(BaseException):
    """The process is gone: nobody catches this."""


class CutOffStore(MemoryStore):
    """Asks before each write whether the run still lives; what is not asked for is made."""

    may_write: Callable[[object], bool] = staticmethod(lambda about: True)

    def put_signal(self, signal: Signal) -> bool:
        return self.may_write(signal.asset) and super().put_signal(signal)

    def put_history(self, signal: Signal, *, shown: bool = False) -> None:
        if self.may_write(signal.asset):
            super().put_history(signal, shown=shown)

    def note_attempt(self, asset: Asset, timeframe: Timeframe, attempt: Attempt) -> bool:
        return self.may_write(asset) and super().note_attempt(asset, timeframe, attempt)

    def put_market(self, record: MarketRecord) -> None:
        if self.may_write("market"):
            super().put_market(record)

    def put_hours(self, hours: Any) -> None:
        if self.may_write("hours"):
            super().put_hours(hours)

    def put_completion(self, completion: Completion) -> bool:
        return self.may_write("completion") and super().put_completion(completion)


def run(store: MemoryStore, now: int, **ports: Any) -> Any:
    return refresh(Ports(MARKET, FixedFeed(walks(MARKET)), FixedForecaster(), store, **ports), now)


def state(store: MemoryStore) -> dict[str, object]:
    """All that is stored, without the moments at which runs happened to decide."""

    def timeless(signal: Signal | None) -> Signal | None:
        return signal and replace(signal, generated_at=0)

    return {
        "signals": [
            (r.asset, r.timeframe, timeless(r.signal)) for tf in Timeframe for r in store.signals(tf)
        ],
        "history": [
            [timeless(signal) for signal in store.history(asset, timeframe, 99).signals]
            for asset in ASSETS
            for timeframe in Timeframe
        ],
        "markets": store.markets(ASSETS),
        "hours": store.hours(MARKET),
        "completions": [replace(done, at=0) for tf in Timeframe for done in store.completions(MARKET, tf, 1)],
    }


def undisturbed(*moments: int) -> dict[str, object]:
    store = MemoryStore()
    for now in moments:
        run(store, now)
    return state(store)


def writes_of_a_run() -> int:
    count = 0

    def counted(_about: object) -> bool:
        nonlocal count
        count += 1
        return True

    store = CutOffStore()
    run(store, NOW - 300)
    store.may_write = counted
    run(store, NOW)
    return count


WRITES = writes_of_a_run()


@pytest.mark.slow
@pytest.mark.parametrize("later", [20, 300], ids=["a retry of the bar", "the next bar"])
def test_after_a_kill_at_any_write_the_next_run_leaves_the_state_of_an_undisturbed_one(later: int) -> None:
    expected = undisturbed(NOW - 300, NOW, NOW + later)
    for last in range(WRITES):
        left = last

        def may_write(_about: object) -> bool:
            nonlocal left
            if left == 0:
                raise Killed
            left -= 1
            return True

        store = CutOffStore()
        run(store, NOW - 300)
        store.may_write = may_write
        with pytest.raises(Killed):
            run(store, NOW)
        store.may_write = lambda about: True
        run(store, NOW + later)
        assert state(store) == expected, f"killed at write {last}"


@pytest.mark.parametrize("seed", range(12))
def test_after_a_kill_with_any_subset_of_writes_done_the_next_run_mends_the_rest(
    seed: int,
) -> None:
    random = Random(seed)
    left = {asset: random.choice([0, 1, 2, 3, 4, 9]) for asset in ASSETS}

    def may_write(about: object) -> bool:
        if not isinstance(about, Asset):
            return about != "completion" and random.random() < 0.5
        left[about] -= 1
        return left[about] >= 0

    store = CutOffStore()
    run(store, NOW - 300)
    store.may_write = may_write
    run(store, NOW)
    store.may_write = lambda about: True
    run(store, NOW + 300)
    assert state(store) == undisturbed(NOW - 300, NOW, NOW + 300)


def test_what_says_done_is_written_after_everything_else_and_only_then() -> None:
    order: list[object] = []
    store = CutOffStore()
    store.may_write = lambda about: not order.append(about)  # type: ignore[func-returns-value]
    run(store, NOW)
    markers = len(Timeframe)
    assert order[-markers:] == ["completion"] * markers
    assert "completion" not in order[:-markers]
    (done,) = store.completions(MARKET, Timeframe.M5, 9)
    assert (done.bar_close, done.revision, done.signals, done.failures) == (
        *(NOW - 10, "a" * 40),
        *(len(ASSETS), 0),
    )


def test_a_duplicate_writes_no_signal_and_says_done_no_second_time() -> None:
    store = CutOffStore()
    run(store, NOW)
    order: list[object] = []
    store.may_write = lambda about: not order.append(about)  # type: ignore[func-returns-value]
    run(store, NOW + 9)
    assert order == ["hours"]


class ThrottledStore(MemoryStore):
    tries = 0

    def put_signal(self, signal: Signal) -> bool:
        self.tries += 1
        raise TemporaryStoreError("throttled")


@pytest.mark.parametrize("writers", [1, 8])
def test_a_run_stops_by_itself_when_the_table_refuses_write_after_write(writers: int) -> None:
    store = ThrottledStore()
    report = run(store, NOW, writers=writers)
    assert "the table refused 3 writes in a row" in report.stopped
    assert store.tries <= 3 + writers
    assert report.metrics()["RefreshStopped"] == 1
    assert store.completions(MARKET, Timeframe.M5, 1) == []


def test_a_run_whose_time_is_up_writes_nothing_more_and_the_next_one_goes_on() -> None:
    store, left = CutOffStore(), iter([1.0] * 7)
    store.may_write = lambda about: True
    ports = Ports(MARKET, FixedFeed(walks(MARKET)), FixedForecaster(), store)
    report = refresh(ports, NOW, Deadline(lambda: 60 + next(left, -60.0)))
    assert "its time was up" in report.stopped
    assert 0 < len(store.signals(Timeframe.M5)) < len(ASSETS)
    run(store, NOW + 20)
    assert state(store) == undisturbed(NOW)


@pytest.mark.parametrize("fault", [KeyError("c"), RuntimeError("x"), OSError(5, "disk"), MemoryError()])
def test_whatever_a_quote_provider_raises_signals_are_served_and_a_note_says_so(fault: Exception) -> None:
    class Raising(FixedQuotes):
        def latest(self, assets: Any, now: int) -> Any:
            raise fault

    store = MemoryStore()
    report = run(store, NOW, quotes=Raising({}))
    assert len(store.signals(Timeframe.M5)) == len(ASSETS)
    assert type(fault).__name__ in report.notes[0]


@pytest.mark.slow
def test_ten_thousand_duplicate_late_and_concurrent_events_lose_nothing_and_make_nothing_wrong() -> None:
    Events(MemoryStore(), seed=7).deliver(10_000)


def test_some_hundred_mixed_events_lose_nothing_and_make_nothing_wrong() -> None:
    assert END > NOW
    Events(MemoryStore(), seed=8, bars=6).deliver(300)
