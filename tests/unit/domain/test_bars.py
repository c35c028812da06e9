"""Bars of one asset: what has closed, and how answers are put together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from growfolio.domain.bars import QUARTER, Bars, Split, among, closes_of, opens_of
from growfolio.domain.quarantine import untraded
from growfolio.domain.times import BAR
from hypothesis import given
from hypothesis import strategies as st
from mypy import api as mypy

MIX_UPS = """
import numpy as np
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import Bars, Candles, CloseTimes, OpenTimes, closes_of, opens_of
from growfolio.domain.grid import last_slots, session_number

def fine(bars: Bars, candles: Candles) -> None:
    session_number(closes_of(bars.open_time), Market.STOCKS)
    session_number(candles.close_time, Market.STOCKS)
    opened: OpenTimes = opens_of(last_slots(Market.STOCKS, 0, Timeframe.M15, 3), Timeframe.M15.seconds)

def refused(bars: Bars, candles: Candles) -> None:
    session_number(bars.open_time, Market.STOCKS)  # refused
    session_number(bars.open_time + 300, Market.STOCKS)  # refused
    closes_of(candles.close_time)  # refused
    opens_of(bars.open_time)  # refused
    closed: CloseTimes = np.zeros(3, dtype=np.int64)  # refused
    opened: OpenTimes = last_slots(Market.STOCKS, 0, Timeframe.M5, 3)  # refused
"""


def bars_at(times: list[int], price: float = 1.0) -> Bars:
    return Bars.of([(time, price, price, price, price, price) for time in times])


def test_a_bar_has_closed_five_minutes_after_it_opened_and_not_a_second_before() -> None:
    bars = bars_at([0, 300, 600])
    assert bars.closed_by(899).open_time.tolist() == [0, 300]
    assert bars.closed_by(900).open_time.tolist() == [0, 300, 600]


def test_closes_and_opens_are_a_bars_length_apart() -> None:
    opened = bars_at([0, 300, 600]).open_time
    assert closes_of(opened).tolist() == [300, 600, 900]
    for seconds in (BAR, QUARTER):
        assert opens_of(closes_of(opened, seconds), seconds).tolist() == opened.tolist()


@pytest.mark.slow
def test_mypy_refuses_open_times_for_close_times(tmp_path: Path) -> None:
    program = tmp_path / "mix_ups.py"
    program.write_text(MIX_UPS)
    answer, _, _ = mypy.run(["--no-pretty", "--show-error-codes", str(program)])
    lines = {int(line.split(":")[1]) for line in answer.splitlines() if ": error:" in line}
    assert lines == {n for n, line in enumerate(MIX_UPS.splitlines(), 1) if line.endswith("# refused")}, (
        answer
    )


def test_no_rows_are_no_bars() -> None:
    assert len(Bars.of([])) == 0


def test_newer_bars_follow_those_before_the_first_of_them() -> None:
    joined = bars_at([0, 300, 600], 1).followed_by(bars_at([300, 900], 2))
    assert joined.open_time.tolist() == [0, 300, 900]
    assert joined.close.tolist() == [1, 2, 2]
    assert bars_at([0]).followed_by(bars_at([])).open_time.tolist() == [0]


TIMES = st.lists(st.integers(0, 40).map(lambda n: 300 * n), unique=True).map(sorted)


@given(known=TIMES, newer=TIMES)
def test_joined_bars_are_in_order_none_is_lost_and_the_newer_answer_holds(
    known: list[int], newer: list[int]
) -> None:
    joined = bars_at(known, 1).joined_with(bars_at(newer, 2))
    assert joined.open_time.tolist() == sorted({*known, *newer})
    expected: npt.NDArray[np.float64] = np.where(np.isin(joined.open_time, newer), 2.0, 1.0)
    np.testing.assert_array_equal(joined.close, expected)


def test_splits_stay_with_their_bars() -> None:
    early, late = Split(0, 2.0), Split(600, 4.0)
    known, newer = replace(bars_at([0, 300]), splits=(early,)), replace(bars_at([600]), splits=(early, late))
    assert known.where(known.open_time > 0).splits == (early,)
    assert known.followed_by(newer).splits == known.joined_with(newer).splits == (early, late)
    assert known.followed_by(replace(bars_at([]), splits=(late,))).splits == (early, late)


@pytest.mark.parametrize("minutes", [5, 10, 15, 20, 30, 45, 60])
def test_only_candles_of_whole_quarters_are_made_of_15_minute_bars(minutes: int) -> None:
    older = Bars.of([(QUARTER * n, 10, 14, 8, 12, 3) for n in range(4)])
    own = replace(bars_at([4 * QUARTER, 4 * QUARTER + 300]), quarters=older)
    known = own.with_quarters(60 * minutes)
    if minutes % 15:
        assert known is own
    else:
        assert known.open_time.tolist() == list(range(0, 4 * QUARTER + 301, 300))
        merged = [column[:12].reshape(4, 3) for column in (known.open, known.high, known.low, known.close)]
        assert (merged[0][:, 0] == 10).all()
        assert (merged[1].max(1) == 14).all()
        assert (merged[2].min(1) == 8).all()
        assert (merged[3][:, -1] == 12).all()
        np.testing.assert_allclose(known.volume[:12].reshape(4, 3).sum(1), 3)
        assert not untraded(known)[:12].any()


TIMES = st.lists(st.integers(-5, 5).map(lambda slot: slot * BAR), max_size=8)


@given(TIMES, TIMES)
def test_times_among_others_are_found_in_whatever_order_they_come(times: list[int], known: list[int]) -> None:
    expected = [time in known for time in times]
    assert among(np.array(times, dtype=np.int64), known).tolist() == expected
    assert among(np.array(times, dtype=np.int64), np.array(known, dtype=np.int64)).tolist() == expected
