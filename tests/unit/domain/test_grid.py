"""The slots on which candles lie."""

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import CloseTimes
from growfolio.domain.calendar import sessions_between
from growfolio.domain.grid import last_slots, session_number, slots_between, slots_of
from growfolio.domain.times import BAR, DAY
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import moment

M5, M15 = Timeframe.M5, Timeframe.M15
ANY_TIME = st.integers(moment("2017-01-01 00:00"), moment("2029-11-30 00:00"))


@pytest.mark.parametrize(
    ("market", "day", "fine", "coarse"),
    [
        (Market.STOCKS, "2024-09-05", 78, 26),
        (Market.STOCKS, "2024-07-03", 42, 14),
        (Market.STOCKS, "2024-09-07", 0, 0),
        (Market.CRYPTO, "2024-09-07", 288, 96),
    ],
)
def test_a_day_has_as_many_bars_as_its_session_is_long(
    market: Market, day: str, fine: int, coarse: int
) -> None:
    start = moment(f"{day} 00:00")
    assert len(slots_between(market, start, start + DAY, M5)) == fine
    assert len(slots_between(market, start, start + DAY, M15)) == coarse


def test_the_first_bar_closes_a_bar_after_the_open_and_the_last_with_the_close() -> None:
    (day,) = sessions_between(Market.STOCKS, moment("2024-09-05 00:00"), moment("2024-09-06 00:00"))
    for timeframe in Timeframe:
        slots = slots_of(day, timeframe)
        assert (slots[0], slots[-1]) == (day.open + timeframe.seconds, day.close)
        assert (np.diff(slots) == timeframe.seconds).all()


def test_a_bar_is_between_two_times_if_it_opened_and_closed_between_them() -> None:
    opened, closed = moment("2024-09-05 18:00"), moment("2024-09-05 18:10")
    assert slots_between(Market.STOCKS, opened, closed, M5).tolist() == [opened + BAR, closed]
    assert slots_between(Market.STOCKS, opened + 1, closed, M5).tolist() == [closed]
    assert slots_between(Market.STOCKS, opened, closed - 1, M5).tolist() == [opened + BAR]
    assert slots_between(Market.STOCKS, opened, opened, M5).tolist() == []


def test_a_bar_counts_from_the_second_in_which_it_closes() -> None:
    close = moment("2024-09-05 18:00")
    assert last_slots(Market.STOCKS, close, M5, 1).tolist() == [close]
    assert last_slots(Market.STOCKS, close - 1, M5, 1).tolist() == [close - BAR]


def test_on_a_monday_morning_fridays_bars_come_right_before() -> None:
    slots = last_slots(Market.STOCKS, moment("2024-09-09 13:40"), M5, 4)
    times = ("2024-09-06 19:55", "2024-09-06 20:00", "2024-09-09 13:35", "2024-09-09 13:40")
    assert slots.tolist() == [moment(time) for time in times]


@given(
    now=ANY_TIME,
    bars=st.integers(1, 1500),
    timeframe=st.sampled_from(Timeframe),
    market=st.sampled_from(Market),
)
def test_the_last_slots_are_as_many_as_asked_and_leave_out_none(
    now: int, bars: int, timeframe: Timeframe, market: Market
) -> None:
    slots = last_slots(market, now, timeframe, bars)
    assert len(slots) == bars
    assert slots[-1] <= now
    since = int(slots[0]) - timeframe.seconds
    np.testing.assert_array_equal(slots, slots_between(market, since, now, timeframe))


@given(now=ANY_TIME, timeframe=st.sampled_from(Timeframe))
def test_bars_have_the_same_number_exactly_when_they_are_of_one_session(
    now: int, timeframe: Timeframe
) -> None:
    slots = last_slots(Market.STOCKS, now, timeframe, 300)
    number = session_number(slots, Market.STOCKS)
    sessions = sessions_between(Market.STOCKS, int(slots[0]) - 1, int(slots[-1]))
    owner = [next(n for n, s in enumerate(sessions) if s.open < slot <= s.close) for slot in slots.tolist()]
    np.testing.assert_array_equal(number - number[0], owner)


def test_crypto_is_one_session_without_end() -> None:
    slots = last_slots(Market.CRYPTO, moment("2024-09-05 18:00"), M5, 600)
    assert set(session_number(slots, Market.CRYPTO).tolist()) == {0}
    assert len(session_number(CloseTimes(slots[:0]), Market.STOCKS)) == 0
