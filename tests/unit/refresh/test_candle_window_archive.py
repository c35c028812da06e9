"""What a refresh keeps for the next one and for training, and what it costs where that fails."""

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, assets_of
from growfolio.domain.bars import PRICES, Bars
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ArchiveError
from growfolio.market.simulated import SimulatedSource
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.storage.candle_archive import CandleArchive, KeptCandles
from growfolio.storage.objects import MemoryObjects
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import changed, moment
from tests.fakes.sources import ScriptedSource
from tests.unit.refresh.windows import (
    AAPL,
    BEFORE_SESSION,
    BTC,
    EVERYTHING,
    FIRST,
    MSFT,
    NOW,
    answered,
    feed,
    history,
)


def test_a_cold_function_goes_on_where_the_last_one_stopped() -> None:
    source, objects = history(AAPL, MSFT), MemoryObjects()
    first = feed(source, objects)
    before = answered(first, AAPL, MSFT)
    assert first.save(NOW) == ()
    after = answered(feed(source, objects), AAPL, MSFT)
    assert source.asked[-1] == dict.fromkeys([AAPL, MSFT], BEFORE_SESSION)
    for old, new in zip(before, after, strict=True):
        for name in ("open_time", *PRICES):
            np.testing.assert_array_equal(getattr(old, name), getattr(new, name))


@pytest.mark.parametrize("content", [b"", b"PK no zip", bytes(1000)])
def test_a_damaged_window_is_a_cold_start(content: bytes) -> None:
    source, objects = history(AAPL), MemoryObjects()
    objects.write("window/stocks/scripted.npz", content)
    (bars,) = answered(feed(source, objects), AAPL)
    assert bars.open_time[-1] == NOW - BAR
    assert source.asked[-1][AAPL] < FIRST


class UnreachableObjects(MemoryObjects):
    """A bucket behind a broken network."""

    def read(self, key: str) -> bytes | None:
        raise ArchiveError(f"{key} cannot be read: no route")

    def write(self, key: str, content: bytes) -> None:
        raise ArchiveError(f"{key} cannot be written: no route")


RUNS = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["update", "save", "cold"])), max_size=20)


@given(runs=RUNS)
def test_whatever_runs_write_in_whatever_order_the_newest_window_is_kept(
    runs: list[tuple[int, str]],
) -> None:
    """Three functions at the same bucket; each run sees a bar more than the one before it."""
    objects, source, now = MemoryObjects(), ScriptedSource({BTC: EVERYTHING[Market.CRYPTO]}), NOW
    feeds, seen, newest = [feed(source, objects) for _ in range(3)], [0, 0, 0], 0
    for number, step in runs:
        if step == "update":
            now += BAR
            answered(feeds[number], BTC, now=now, first=now - DAY)
            seen[number] = now
        elif step == "cold":
            feeds[number], seen[number] = feed(source, objects), 0
        else:
            assert feeds[number].save(now) == ()
            newest = max(newest, seen[number])
    kept = CandleArchive(objects, Market.CRYPTO).read_window("scripted", now)
    assert (int(kept.bars[BTC].open_time[-1]) + BAR if kept else 0) == newest


def test_a_run_that_lost_the_race_keeps_nothing_of_what_it_refused() -> None:
    source, objects = history(AAPL, MSFT), MemoryObjects()
    one, other = feed(source, objects), feed(source, objects)
    for run in (one, other):
        answered(run, AAPL, MSFT)
    other.save(NOW)
    one.doubt([MSFT], [])
    assert one.save(NOW) == ()
    kept = CandleArchive(objects, Market.STOCKS).read_window("scripted", NOW)
    assert kept is not None
    assert set(kept.bars) == {AAPL}


def test_an_archive_out_of_reach_costs_a_note_and_no_signal() -> None:
    one = feed(history(AAPL), UnreachableObjects())
    assert len(answered(one, AAPL)) == 1
    (note,) = one.save(NOW)
    assert note.startswith("candles were not kept: ")


@pytest.mark.parametrize("fault", [KeyError("Body"), OSError(5, "disk"), RuntimeError("x"), MemoryError()])
def test_whatever_the_archive_raises_costs_a_note_and_no_signal(fault: Exception) -> None:
    class Raising(MemoryObjects):
        def read(self, key: str) -> bytes | None:
            raise fault

        def write(self, key: str, content: bytes) -> None:
            raise fault

    one = feed(history(AAPL), Raising())
    assert len(answered(one, AAPL)) == 1
    (note,) = one.save(NOW)
    assert note == f"candles were not kept: {type(fault).__name__}: {fault}"


def test_without_a_bucket_nothing_is_written_and_nothing_is_missed() -> None:
    one = feed(history(AAPL))
    answered(one, AAPL)
    assert one.save(NOW) == ()


def test_a_window_of_another_source_is_not_continued() -> None:
    objects = MemoryObjects()
    made_up = WindowedFeed(SimulatedSource(1), CandleArchive(objects, Market.STOCKS), Market.STOCKS)
    made_up.update(assets_of(Market.STOCKS), FIRST, NOW)
    made_up.save(NOW)
    source = history(AAPL)
    (bars,) = answered(feed(source, objects), AAPL)
    assert source.asked == [{AAPL: int(bars.open_time[0])}]
    real = source.bars[AAPL]
    assert isinstance(real, Bars)
    np.testing.assert_array_equal(bars.close[-5:], real.closed_by(NOW).close[-5:])


def test_a_session_is_archived_once_it_has_closed_and_not_before() -> None:
    objects = MemoryObjects()
    one = feed(history(AAPL, MSFT), objects)
    archive = CandleArchive(objects, Market.STOCKS)
    answered(one, AAPL, MSFT, now=moment("2024-09-04 19:55"))
    one.save(moment("2024-09-04 19:55"))
    assert [str(day) for day in archive.days()] == ["2024-08-29", "2024-08-30", "2024-09-03"]
    answered(one, AAPL, MSFT, now=moment("2024-09-04 20:00"))
    one.save(moment("2024-09-04 20:00"))
    assert [str(day) for day in archive.days()][-1] == "2024-09-04"
    kept = archive.read_day(archive.days()[-1])
    assert kept is not None
    assert {asset: len(bars) for asset, bars in kept.bars.items()} == {AAPL: 78, MSFT: 78}


def test_the_archive_is_written_when_a_session_closes_and_then_left_alone() -> None:
    class CountingObjects(MemoryObjects):
        writes: list[str]

        def write(self, key: str, content: bytes) -> None:
            self.writes.append(key)
            super().write(key, content)

    objects = CountingObjects()
    objects.writes = []
    one = feed(history(BTC), objects)
    for minutes in range(0, 60, 5):
        now = NOW + 60 * minutes
        answered(one, BTC, now=now)
        one.save(now)
    assert len([key for key in objects.writes if key.startswith("archive/")]) == 3
    assert len([key for key in objects.writes if key.startswith("window/")]) == 12


def test_what_an_outage_kept_back_reaches_the_archive_when_the_next_session_closes() -> None:
    source, objects = history(AAPL), MemoryObjects()
    full = source.bars[AAPL]
    assert isinstance(full, Bars)
    one = feed(source, objects)
    source.bars[AAPL] = full.where(
        (full.open_time < moment("2024-09-03 15:00")) | (full.open_time >= moment("2024-09-04 00:00"))
    )
    evening = moment("2024-09-03 20:00")
    answered(one, AAPL, now=evening)
    one.save(evening)
    archive = CandleArchive(objects, Market.STOCKS)
    tuesday = archive.days()[-1]
    assert len(held(archive, AAPL)) == 18
    source.bars[AAPL] = full
    next_evening = moment("2024-09-04 20:00")
    answered(one, AAPL, now=next_evening)
    one.save(next_evening)
    kept = archive.read_day(tuesday)
    assert kept is not None
    assert len(kept.bars[AAPL]) == 78


def held(archive: CandleArchive, asset: Asset) -> Bars:
    """The asset's bars of the newest day in the archive."""
    kept: KeptCandles | None = archive.read_day(archive.days()[-1])
    assert kept is not None
    return kept.bars[asset]


def test_a_kept_window_with_a_doubtful_bar_is_asked_for_anew_by_a_cold_function() -> None:
    source, objects = history(BTC), MemoryObjects()
    odd = source.bars[BTC]
    assert isinstance(odd, Bars)
    at = int(np.flatnonzero(odd.open_time == NOW - 60 * BAR)[0])
    prices = {name: 1.5 * float(getattr(odd, name)[at]) for name in ("open", "high", "low", "close")}
    source.bars[BTC] = changed(odd, at, **prices)
    warm = feed(source, objects)
    answered(warm, BTC)
    warm.save(NOW)
    source.bars[BTC] = odd
    (bars,) = answered(feed(source, objects), BTC, now=NOW + BAR, first=FIRST + BAR)
    np.testing.assert_array_equal(bars.close, odd.closed_by(NOW + BAR).close[-len(bars) :])
