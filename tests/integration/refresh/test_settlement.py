"""Settlement after refreshes: late by one bar, once, and repaired after cut-off runs."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn

import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.signals import Price, Signal
from growfolio.domain.times import BAR, DAY, day_of
from growfolio.errors import ArchiveError
from growfolio.record.entries import PENDING, SCORED, Entry
from growfolio.record.ledger import Ledger
from growfolio.record.outcomes import TARGET_BARS
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.run import refresh
from growfolio.refresh.settlement import Settlement
from growfolio.storage.objects import MemoryObjects, Tagged

from tests.bars import moment, printed
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedFeed, FixedForecaster
from tests.samples import a_signal

START = moment("2024-09-05 15:00")
LOOK_BACK = 30 * DAY


def near(asset: Asset, timeframe: Timeframe, bar: int, close: float) -> Signal:
    """A signal whose targets are reached sooner or later."""
    buy, sell, stop = (Decimal(repr(round(close * far, 10))) for far in (0.9985, 1.003, 0.997))
    return replace(
        a_signal(asset.symbol, timeframe, bar_close=bar),
        price=Price(Decimal(repr(close)), bar, "fake close"),
        buy_target=buy,
        sell_target=sell,
        stop_loss=stop,
    )


class World:
    """One market whose refreshes settle into one bucket; each run may be of another function."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self.store, self.objects = MemoryStore(), MemoryObjects()
        self.settlement = self.cold()

    def cold(self) -> Settlement:
        return Settlement(Ledger(self.objects, self.market), self.store, self.market)

    def bars(self, bar: int) -> dict[Asset, Bars]:
        """What a feed has of each asset just after a bar's close."""
        return {
            asset: printed(asset, START - LOOK_BACK, START + 2 * DAY).closed_by(bar)
            for asset in assets_of(self.market)
        }

    def refresh(self, bar: int, settlement: Settlement) -> RefreshReport:
        """A whole refresh just after a bar's close."""
        feed = FixedFeed(self.bars(bar))
        return refresh(
            Ports(self.market, feed, FixedForecaster(), self.store, settlement=settlement), bar + 5
        )

    def settle(self, bar: int, settlement: Settlement | None, without: Collection[Asset] = ()) -> None:
        """What a refresh does of it: read the stored signals, store new ones, settle those read."""
        known = {
            timeframe: {one.asset: one.signal for one in self.store.signals(timeframe) if one.signal}
            for timeframe in Timeframe
        }
        bars = {asset: own for asset, own in self.bars(bar).items() if asset not in without}
        for asset, own in bars.items():
            for timeframe in Timeframe:
                if bar % timeframe.seconds == 0:
                    self.store.put_signal(near(asset, timeframe, bar, float(own.close[-1])))
        if settlement:
            settlement.settle(known, dict(bars), bar + 5)

    def run(self, bars: Iterable[int]) -> None:
        for bar in bars:
            self.settle(bar, self.settlement)

    def entries(self, *timeframes: Timeframe) -> dict[tuple[int, str, str], Entry]:
        ledger = Ledger(self.objects, self.market)
        found = {key: entry for day in ledger.days() for key, entry in ledger.day(day).items()}
        return {key: one for key, one in found.items() if not timeframes or one.timeframe in timeframes}


def bars_from(start: int, count: int) -> list[int]:
    return [start + at * BAR for at in range(count)]


@pytest.fixture(params=list(Market))
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


def test_one_refresh_after_its_horizon_every_signal_is_scored(world: World) -> None:
    for bar in bars_from(START, 3):
        assert not world.refresh(bar, world.settlement).notes
    entries = world.entries(Timeframe.M5)
    assert {entry.bar_close for entry in entries.values()} == {START, START + BAR}
    assert len(entries) == 2 * len(assets_of(world.market))
    assert {entry.status for entry in entries.values()} == {SCORED}


def test_after_twelve_bars_all_is_known_and_both_timeframes_are_in_one_ledger(world: World) -> None:
    world.run(bars_from(START, TARGET_BARS + 2))
    entries = world.entries()
    assert {timeframe for _, timeframe, _ in entries} == set(Timeframe)
    first = [entry for (bar, timeframe, _), entry in entries.items() if (bar, timeframe) == (START, "5m")]
    assert len(first) == len(assets_of(world.market))
    assert all(entry.settled for entry in first)


def test_settling_reads_nothing_of_the_history_while_all_goes_well(world: World) -> None:
    world.run(bars_from(START, 5))
    world.store.reads.clear()
    world.run(bars_from(START + 5 * BAR, 6))
    assert world.store.reads
    assert not [read for read in world.store.reads if read.startswith("history")]


def test_duplicates_change_nothing(world: World) -> None:
    bars = bars_from(START, 5)
    world.run(bars)
    known = world.entries()
    world.run(bars)
    world.settle(bars[-1], world.cold())
    assert world.entries() == known


@pytest.mark.parametrize("missed", [1, *(pytest.param(many, marks=pytest.mark.slow) for many in (12, 40))])
def test_runs_that_were_cut_off_before_they_settled_are_made_up_for(world: World, missed: int) -> None:
    """The signals were stored, the function died; each later run is of a new function."""
    whole, bars = World(world.market), bars_from(START, missed + 6)
    whole.run(bars)
    world.run(bars[:3])
    for bar in bars[3 : 3 + missed]:
        world.settle(bar, None)
    for bar in bars[3 + missed :]:
        world.settle(bar, world.cold())
    assert world.entries() == whole.entries()


@pytest.mark.parametrize("broken", ["read_tagged", "replace"])
def test_a_bucket_out_of_reach_is_a_note_and_settled_by_the_next_run(world: World, broken: str) -> None:
    class Unreachable(MemoryObjects):
        def read_tagged(self, key: str) -> Tagged | None:
            return super().read_tagged(key) if broken == "replace" else self._refuse()

        def replace(self, key: str, content: bytes, tag: str | None) -> str:
            self._refuse()

        def _refuse(self) -> NoReturn:
            raise ArchiveError("the bucket does not answer")

    world.refresh(START, world.settlement)
    unreachable = Settlement(Ledger(Unreachable(), world.market), world.store, world.market)
    report = world.refresh(START + BAR, unreachable)
    assert report.notes == ["signals were not settled: ArchiveError: the bucket does not answer"]
    assert report.written
    world.run(bars_from(START + 2 * BAR, 2))
    states = {one.bar_close: one.status for one in world.entries(Timeframe.M5).values()}
    assert states == dict.fromkeys(bars_from(START, 3), SCORED)


def test_whatever_settling_raises_no_signal_is_lost(world: World) -> None:
    class Raising(Settlement):
        def settle(self, *_: object) -> list[Entry]:
            raise RuntimeError("out of order")

    broken = Raising(Ledger(world.objects, world.market), world.store, world.market)
    report = world.refresh(START, broken)
    assert report.written == len(Timeframe) * len(assets_of(world.market))
    assert report.notes == ["signals were not settled: RuntimeError: out of order"]


def test_an_asset_without_candles_waits_and_stops_no_other(world: World) -> None:
    world.run(bars_from(START, 2))
    silent = assets_of(world.market)[0]
    world.settle(START + 2 * BAR, world.settlement, without=[silent])
    entries = world.entries(Timeframe.M5)
    states = {symbol: one.status for (bar, _, symbol), one in entries.items() if bar > START}
    assert states.pop(silent.symbol) == PENDING
    assert set(states.values()) == {SCORED}
    world.run([START + 3 * BAR])
    assert world.entries()[START + BAR, "5m", silent.symbol].status == SCORED


def test_the_day_changes_at_midnight_and_open_entries_of_the_day_before_are_completed() -> None:
    world = World(Market.CRYPTO)
    midnight = (START // DAY + 1) * DAY
    world.run(bars_from(midnight - 3 * BAR, TARGET_BARS + 6))
    ledger = Ledger(world.objects, Market.CRYPTO)
    assert ledger.days() == [day_of(midnight - 1), day_of(midnight)]
    before = [one for one in ledger.day(day_of(midnight - 1)).values() if one.timeframe == "5m"]
    assert len(before) == 3 * len(assets_of(Market.CRYPTO))
    assert all(one.settled for one in before)


def test_the_evenings_last_signals_are_settled_in_the_morning() -> None:
    world = World(Market.STOCKS)
    close = moment("2024-09-05 20:00")
    world.run([close - BAR, close])
    morning = moment("2024-09-06 13:35")
    world.run([morning])
    states = {one.bar_close: (one.status, one.first) for one in world.entries(Timeframe.M5).values()}
    assert states[close] == ("not_scored", "session_ended")
    assert states[close - BAR][0] == SCORED


def test_bars_that_have_not_closed_yet_settle_nothing() -> None:
    world = World(Market.CRYPTO)
    world.run([START])
    known = {Timeframe.M5: {one.asset: one.signal for one in world.store.signals(Timeframe.M5) if one.signal}}
    world.settlement.settle(known, dict(world.bars(START + 3 * BAR)), START + BAR + 5)
    entries = world.entries(Timeframe.M5).values()
    assert {entry.status for entry in entries} == {SCORED}
    assert not [entry for entry in entries if (entry.first_after or 1) > 1]
