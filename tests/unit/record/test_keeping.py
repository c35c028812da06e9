"""The record's items: windows, revisions, what is counted apart, and what a cold start finds."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.times import BAR, DAY, HOUR
from growfolio.errors import TemporaryStoreError
from growfolio.record.entries import SCORED, Entry, entry_of
from growfolio.record.keeping import MOST_ROLLED, RecordKeeper, outcome_of
from growfolio.record.ledger import Ledger
from growfolio.record.totals import LEAST_SETTLED
from growfolio.storage.objects import MemoryObjects
from growfolio.storage.records import Outcomes, StoredRecord

from tests.bars import moment
from tests.fakes.memory_store import MemoryStore
from tests.samples import a_signal

NOON = moment("2024-09-05 12:00")
M5 = Timeframe.M5


def entry(bar_close: int, revision: str = "a" * 40, symbol: str = "BTC", **known: Any) -> Entry:
    """A scored signal: a SELL that foresaw what happened, unless told otherwise."""
    made = entry_of(a_signal(symbol, bar_close=bar_close, revision=revision))
    settled = replace(made, status=SCORED, outcome="SELL", change=-0.01, log_loss=1.0)
    return replace(settled, **known)


def over(start: int, count: int, step: int = BAR, **known: Any) -> list[Entry]:
    return [entry(start + at * step, **known) for at in range(count)]


class World:
    def __init__(self, entries: Iterable[Entry]) -> None:
        self.store, self.objects = MemoryStore(), MemoryObjects()
        self.add(entries)
        self.keeper = self.cold()

    def add(self, entries: Iterable[Entry]) -> None:
        Ledger(self.objects, Market.CRYPTO).add(entries)

    def cold(self) -> RecordKeeper:
        return RecordKeeper(Ledger(self.objects, Market.CRYPTO), self.store, Market.CRYPTO)

    def stored(self) -> StoredRecord:
        record = self.store.record(Market.CRYPTO, M5)
        assert record
        return record

    def windows(self, now: int, keeper: RecordKeeper | None = None) -> dict[str, Any]:
        (keeper or self.cold()).update(now)
        found: dict[str, Any] = json.loads(self.stored().content)["windows"]
        return found


def whole(window: dict[str, Any]) -> dict[str, Any]:
    (line,) = window["revisions"]
    market: dict[str, Any] = line["market"]
    return market


def test_each_window_counts_its_own_days() -> None:
    midnight = NOON // DAY * DAY
    days = {1: 120, 3: 130, 20: 140, 40: 150}
    entries = [one for ago, count in days.items() for one in over(midnight - ago * DAY, count)]
    windows = World([*entries, *over(midnight, 100)]).windows(NOON)
    # Of yesterday's bars from midnight on, none lies within the last 24 hours but today's.
    assert {name: whole(window)["scored"] for name, window in windows.items()} == {
        "day": 100,
        "week": 250,
        "month": 390,
        "all": 640,
    }


def test_a_market_asset_and_strength_stand_side_by_side_with_intervals_and_calibration() -> None:
    entries = over(NOON - 13 * HOUR, 150) + over(NOON - 13 * HOUR, 150, symbol="ETH", p_buy=0.5, p_hold=0.4)
    (line,) = World(entries).windows(NOON)["day"]["revisions"]
    assert set(line["assets"]) == {"BTC", "ETH"}
    assert set(line["strengths"]) == {"high", "middle"}
    assert line["assets"]["BTC"]["scores"]["confusion"][0] == [0, 0, 150]
    market = line["market"]
    assert market["calibration_in_slots"]["rows"] == market["calibration"]["rows"] == 300
    assert market["direction_90"] == [0.0, 0.0]
    assert line["assets"]["ETH"]["calibration_in_slots"] is None


def test_a_change_of_revision_starts_a_new_line_the_newest_first() -> None:
    entries = over(NOON - 20 * HOUR, 110) + over(NOON - 5 * HOUR, 50, revision="b" * 40)
    lines = World(entries).windows(NOON)["day"]["revisions"]
    assert [line["revision"][0] for line in lines] == ["b", "a"]
    assert [line["market"]["note"] for line in lines] == [
        f"too few: 50 of {LEAST_SETTLED} settled signals",
        None,
    ]


@pytest.mark.parametrize("kind", ["in_sample", "simulated"])
def test_what_proves_nothing_is_counted_apart(kind: str) -> None:
    entries = over(NOON - 2 * DAY, 120, **{kind: True}) + over(NOON - 13 * HOUR, 110, **{kind: True})
    windows = World(entries).windows(NOON)
    for name, count in (("day", 110), ("all", 230)):
        assert windows[name]["revisions"] == []
        (line,) = windows[name][kind]
        assert line["market"]["scored"] == count
        assert line["market"]["scores"]


def test_a_cold_start_goes_on_from_what_is_stored_and_no_day_is_counted_twice() -> None:
    """Day after day, by one warm function and by cold ones: the same record."""
    warm, cold = World([]), World([])
    keeper = warm.keeper
    for day in range(6):
        now = NOON + day * DAY
        own = over(now - 6 * HOUR, 60)
        warm.add(own)
        cold.add(own)
        assert warm.windows(now, keeper) == cold.windows(now)
    assert whole(cold.windows(NOON + 6 * DAY)["all"])["scored"] == 360
    lost = World([])
    lost.objects = cold.objects
    assert whole(lost.windows(NOON + 6 * DAY)["all"])["scored"] == 360


def test_an_item_is_written_once_an_hour() -> None:
    class Counting(MemoryStore):
        puts = 0

        def put_record(self, record: StoredRecord) -> bool:
            self.puts += record.timeframe is M5
            return super().put_record(record)

    world = World(over(NOON - HOUR, 5))
    store = Counting()
    keeper = RecordKeeper(Ledger(world.objects, Market.CRYPTO), store, Market.CRYPTO)
    for bar in range(25):
        keeper.update(NOON + 5 + bar * BAR)
    assert store.puts == 3


def test_a_day_is_rolled_up_only_when_all_of_it_is_settled() -> None:
    midnight = NOON // DAY * DAY
    world = World(over(midnight - HOUR, 12))
    world.windows(midnight + 3 * HOUR)
    assert world.stored().through == midnight - DAY
    world.windows(midnight + 5 * HOUR)
    assert world.stored().through == midnight


def test_outcomes_are_written_hour_by_hour_as_they_become_known() -> None:
    world = World([])
    early, late = entry(NOON - HOUR), entry(NOON)
    waiting = entry_of(a_signal("BTC", bar_close=NOON))
    for known in ([early, waiting], [replace(late, first="buy", first_after=1)]):
        world.add(known)
        world.cold().update(NOON + BAR, known)
    assert world.store.outcomes(Market.CRYPTO, M5, NOON - HOUR, NOON) == {
        ("BTC", NOON - HOUR): outcome_of(early),
        ("BTC", NOON): outcome_of(replace(late, first="buy", first_after=1)),
    }


def test_outcomes_that_were_refused_are_written_by_the_next_run() -> None:
    class Refusing(MemoryStore):
        refusing = True

        def put_outcomes(self, market: Market, timeframe: Timeframe, hour: int, outcomes: Outcomes) -> bool:
            if self.refusing:
                raise TemporaryStoreError("throttled")
            return super().put_outcomes(market, timeframe, hour, outcomes)

    world, store = World([entry(NOON)]), Refusing()
    keeper = RecordKeeper(Ledger(world.objects, Market.CRYPTO), store, Market.CRYPTO)
    with pytest.raises(TemporaryStoreError):
        keeper.update(NOON + BAR, [entry(NOON)])
    store.refusing = False
    keeper.update(NOON + 2 * BAR, [])
    assert ("BTC", NOON) in store.outcomes(Market.CRYPTO, M5, NOON, NOON)


def test_a_record_that_was_lost_is_counted_again_over_some_hours() -> None:
    """One run must end in time however many days there are."""
    count = MOST_ROLLED + 5
    world = World(one for ago in range(1, count + 1) for one in over(NOON - ago * DAY, 10))
    midnight = NOON // DAY * DAY
    world.windows(NOON)
    assert world.stored().through == midnight - 5 * DAY
    windows = world.windows(NOON + HOUR)
    assert world.stored().through == midnight
    assert whole(windows["all"])["scored"] == 10 * count
