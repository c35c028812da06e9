"""When markets trade, and how long a signal is current."""

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.calendar import (
    Session,
    calendar_end,
    calendar_notice,
    expiry,
    market_hours,
    sessions_between,
)
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.grid import last_slots
from growfolio.domain.times import DAY
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import moment

STOCKS, CRYPTO = Market.STOCKS, Market.CRYPTO
ANY_TIME = st.integers(moment("2016-02-01 00:00"), moment("2029-11-30 00:00"))


def session(opens: str, closes: str) -> Session:
    return Session(moment(opens), moment(closes))


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2024-09-05", "13:30", "20:00"),  # summer time
        ("2024-12-12", "14:30", "21:00"),  # winter time
        ("2024-03-08", "14:30", "21:00"),  # the Friday before the clocks change,
        ("2024-03-11", "13:30", "20:00"),  # and the Monday after
        ("2024-07-03", "13:30", "17:00"),  # half days, in both
        ("2024-11-29", "14:30", "18:00"),
    ],
)
def test_new_york_trades_from_0930_to_1600_or_1300_in_its_own_time(day: str, opens: str, closes: str) -> None:
    found = sessions_between(STOCKS, moment(f"{day} 00:00"), moment(f"{day} 23:59"))
    assert found == [session(f"{day} {opens}", f"{day} {closes}")]


@pytest.mark.parametrize("day", ["2024-09-07", "2024-09-08", "2024-07-04", "2024-09-02", "2025-01-09"])
def test_weekends_holidays_and_days_of_mourning_have_no_session(day: str) -> None:
    assert sessions_between(STOCKS, moment(f"{day} 00:00"), moment(f"{day} 23:59")) == []


def test_crypto_trades_in_whole_utc_days_every_day() -> None:
    found = sessions_between(CRYPTO, moment("2024-09-07 05:00"), moment("2024-09-08 00:01"))
    assert found == [
        session("2024-09-07 00:00", "2024-09-08 00:00"),
        session("2024-09-08 00:00", "2024-09-09 00:00"),
    ]


def test_a_session_that_only_touches_a_stretch_of_time_is_not_in_it() -> None:
    day = session("2024-09-05 13:30", "2024-09-05 20:00")
    assert sessions_between(STOCKS, day.close, day.close + 3600) == []
    assert sessions_between(STOCKS, day.open - 3600, day.open) == []
    assert sessions_between(STOCKS, day.close - 1, day.close) == [day]
    assert sessions_between(STOCKS, day.open, day.open + 1) == [day]


def test_the_end_of_the_calendar_is_announced_clips_and_raises_nothing() -> None:
    end = calendar_end(STOCKS)
    assert end is not None
    assert calendar_notice(STOCKS, end - 181 * DAY) is None
    for now, verb in ((end - 179 * DAY, "ends"), (end + DAY, "ended")):
        notice = calendar_notice(STOCKS, now)
        assert notice is not None
        assert f"{verb} on" in notice
        assert "make sessions" in notice
    assert market_hours(STOCKS, end - DAY).next_open(end) is None
    assert market_hours(STOCKS, end + 30 * DAY).sessions == ()
    assert sessions_between(STOCKS, end, end + 400 * DAY) == []
    assert last_slots(STOCKS, end + 400 * DAY, Timeframe.M5, 3)[-1] == end
    assert (calendar_end(Market.CRYPTO), calendar_notice(Market.CRYPTO, end + DAY)) == (None, None)


def test_hours_say_what_is_open_until_when_and_what_opens_next() -> None:
    now = moment("2024-09-06 15:00")  # a Friday
    hours = market_hours(STOCKS, now)
    assert hours.current(now) == session("2024-09-06 13:30", "2024-09-06 20:00")
    assert hours.next_open(now) == moment("2024-09-09 13:30")
    assert hours.current(moment("2024-09-06 19:59") + 59) is not None
    assert hours.current(moment("2024-09-06 20:00")) is None


def test_hours_of_a_closed_market_begin_with_the_session_that_closed_last() -> None:
    now = moment("2024-09-07 15:00")
    hours = market_hours(STOCKS, now)
    assert hours.sessions[0] == session("2024-09-06 13:30", "2024-09-06 20:00")
    assert hours.current(now) is None
    assert hours.next_open(now) == moment("2024-09-09 13:30")
    assert hours.known_at(now)


def test_hours_tell_when_they_are_too_old_to_tell() -> None:
    hours = market_hours(STOCKS, moment("2024-09-06 15:00"))
    assert hours.known_at(moment("2024-09-12 15:00"))
    assert not hours.known_at(moment("2024-09-20 15:00"))
    assert not hours.known_at(moment("2024-09-05 15:00"))


def test_crypto_is_always_open() -> None:
    now = moment("2024-09-07 23:59")
    assert market_hours(CRYPTO, now).current(now) == session("2024-09-07 00:00", "2024-09-08 00:00")


@given(now=ANY_TIME, market=st.sampled_from(Market))
def test_hours_cover_their_own_moment_and_the_week_after_it(now: int, market: Market) -> None:
    hours = market_hours(market, now)
    assert hours.known_at(now)
    assert hours.sessions[0].open <= now
    assert all(later.open > now for later in hours.sessions[1:])
    assert hours.sessions[-1].close > now + 3 * DAY


@pytest.mark.parametrize(
    ("timeframe", "bar_close", "until"),
    [
        (Timeframe.M5, "2024-09-05 18:00", "2024-09-05 18:05"),
        (Timeframe.M15, "2024-09-05 18:00", "2024-09-05 18:15"),
        (Timeframe.M5, "2024-09-05 19:55", "2024-09-05 20:00"),
        (Timeframe.M5, "2024-09-05 20:00", "2024-09-05 20:00"),
        (Timeframe.M15, "2024-09-05 19:45", "2024-09-05 20:00"),
        (Timeframe.M15, "2024-09-05 20:00", "2024-09-05 20:00"),
        (Timeframe.M5, "2024-07-03 17:00", "2024-07-03 17:00"),
    ],
)
def test_a_stock_signal_is_current_until_the_next_bar_of_its_session_and_a_grace(
    timeframe: Timeframe, bar_close: str, until: str
) -> None:
    assert expiry(STOCKS, moment(bar_close), timeframe) == moment(until) + GRACE_SECONDS


@given(now=ANY_TIME, timeframe=st.sampled_from(Timeframe), market=st.sampled_from(Market))
def test_every_signal_is_current_for_its_grace_and_for_one_bar_more_at_most(
    now: int, timeframe: Timeframe, market: Market
) -> None:
    bar_close = int(last_slots(market, now, timeframe, 1)[0])
    lifetime = expiry(market, bar_close, timeframe) - bar_close
    assert lifetime in (GRACE_SECONDS, timeframe.seconds + GRACE_SECONDS)
    assert market is STOCKS or lifetime > GRACE_SECONDS
