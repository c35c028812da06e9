"""How often an asset is traded, session by session, and what its newest slots are measured against."""

from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.activity import SESSIONS_COUNTED, counts_of, newest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.bars import Bars, SessionCount, closes_of
from growfolio.domain.calendar import sessions_between
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY
from growfolio.errors import BadCandles
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.work import first_open
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import MemoryObjects

from tests.bars import changed, moment, on_slots, printed, without
from tests.fakes.sources import ScriptedSource

BTC, AAPL = find_asset("BTC"), find_asset("AAPL")
NOW = moment("2024-09-05 18:00")
GRID = last_slots(Market.CRYPTO, NOW, Timeframe.M5, 640)
BARS = on_slots(BTC, GRID)
YESTERDAY = sessions_between(Market.CRYPTO, NOW - DAY, NOW - DAY + 1)
START = int(np.flatnonzero(BARS.open_time == YESTERDAY[0].open)[0])


def every_fourth_missing(bars: Bars, first: int) -> Bars:
    """A quarter of the slots from a position on is without trades."""
    return without(bars, *range(first, len(bars) - 1, 4))


def test_a_session_is_counted_without_its_breaks() -> None:
    gone = (START, START + 1, START + 10, *range(START + 50, START + 54), *range(START + 100, START + 130))
    counted = counts_of(without(BARS, *gone), YESTERDAY)
    assert counted == [SessionCount(YESTERDAY[0].close, 288 - 34, 3)]


def test_a_flat_bar_with_volume_0_counts_as_a_slot_without_trades() -> None:
    last = float(BARS.close[START + 20])
    flat = changed(BARS, START + 21, open=last, high=last, low=last, close=last, volume=0.0)
    assert counts_of(flat, YESTERDAY) == [SessionCount(YESTERDAY[0].close, 288, 1)]


def test_a_session_without_any_bar_and_a_half_day_are_what_they_are() -> None:
    eve = sessions_between(Market.STOCKS, moment("2024-11-29 15:00"), moment("2024-11-29 16:00"))
    slots = last_slots(Market.STOCKS, moment("2024-11-29 18:00"), Timeframe.M5, 200)
    assert counts_of(on_slots(AAPL, slots), eve) == [SessionCount(eve[0].close, 42, 0)]
    assert counts_of(BARS, sessions_between(Market.CRYPTO, NOW - 60 * DAY, NOW - 59 * DAY)) == []


def test_the_newest_twenty_are_held_and_a_later_count_of_a_session_replaces_an_earlier_one() -> None:
    older = [SessionCount(n * DAY, 288, 0) for n in range(1, 25)]
    held = newest(older, [SessionCount(24 * DAY, 288, 7)])
    assert len(held) == SESSIONS_COUNTED
    assert held[0] == SessionCount(5 * DAY, 288, 0)
    assert held[-1] == SessionCount(24 * DAY, 288, 7)


@pytest.mark.parametrize(("usual", "served"), [(72, True), (0, False)])
def test_the_newest_slots_are_measured_against_twenty_days_and_not_the_window_alone(
    usual: int, served: bool
) -> None:
    """A pair that is thin again after two busy days is itself; one that was never thin has a frozen feed."""
    days = [SessionCount(int(GRID[0]) - n * DAY, 288, usual) for n in range(1, 17)]
    bars = replace(every_fourth_missing(BARS, len(BARS) - 60), counts=tuple(days))
    candles, refused = align({BTC: bars}, closes_of(BARS.open_time), Timeframe.M5)
    assert (candles.assets == (BTC,)) is served
    assert served or isinstance(refused[BTC], BadCandles)


def test_sessions_that_the_slots_hold_are_not_counted_twice() -> None:
    held = [SessionCount(int(GRID[n]), 288, 288) for n in (1, 200, 500)]
    bars = replace(every_fourth_missing(BARS, len(BARS) - 60), counts=tuple(held))
    assert BTC in align({BTC: bars}, closes_of(BARS.open_time), Timeframe.M5)[1]


def test_a_thin_pair_without_any_trade_in_its_newest_slot_is_served_by_its_twenty_days() -> None:
    days = tuple(SessionCount(int(GRID[0]) - n * DAY, 288, 40) for n in range(1, 17))
    late = without(BARS, -1)
    grid = closes_of(BARS.open_time)
    assert BTC in align({BTC: late}, grid, Timeframe.M5)[1]
    assert align({BTC: replace(late, counts=days)}, grid, Timeframe.M5)[0].assets == (BTC,)
    assert int(late.open_time[-1]) + 2 * BAR == NOW


def test_a_function_that_starts_anew_knows_the_twenty_days_and_without_its_object_those_of_its_bars() -> None:
    objects = MemoryObjects()
    thin = every_fourth_missing(printed(BTC, NOW - 20 * DAY, NOW), 0)
    source = ScriptedSource({BTC: thin})

    def counts(now: int, archive: CandleArchive | None) -> list[int]:
        feed = WindowedFeed(source, archive, Market.CRYPTO)
        bars = feed.update([BTC], first_open(Market.CRYPTO, now), now)[BTC]
        assert isinstance(bars, Bars)
        feed.save(now)
        return [count.untraded for count in bars.counts]

    for day in range(8, 0, -1):
        kept = counts(NOW - day * DAY, CandleArchive(objects, Market.CRYPTO))
    assert len(kept) == 7 + len(counts(NOW - 8 * DAY, None))
    assert set(kept) == {72}
    assert 2 <= len(counts(NOW - DAY, None)) < len(kept)
