"""What a reader is told of a stored signal, at every moment of its life."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.calendar import MarketHours, Session, expiry, market_hours
from growfolio.domain.freshness import Judged, judge
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import Action, Attempt, Signal, SignalRecord, Status

from tests.samples import a_failure, a_signal


def utc(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


# Thursday; New York is four hours behind UTC.
OPEN, NOON, CLOSE = utc("2024-09-05 13:30"), utc("2024-09-05 16:00"), utc("2024-09-05 20:00")
FRIDAY_OPEN, FRIDAY_CLOSE = utc("2024-09-06 13:30"), utc("2024-09-06 20:00")
MONDAY_OPEN = utc("2024-09-09 13:30")
THURSDAY = market_hours(Market.STOCKS, OPEN)


def a_current_signal(bar_close: int, symbol: str = "AAPL", timeframe: Timeframe = Timeframe.M5) -> Signal:
    signal = a_signal(symbol, timeframe, bar_close=bar_close)
    return replace(signal, expires_at=expiry(signal.asset.market, bar_close, timeframe))


def judged(
    signal: Signal, now: int, hours: MarketHours | None = THURSDAY, attempt: Attempt | None = None
) -> Judged:
    good = Attempt(signal.bar_close, signal.generated_at, Status.OK)
    return judge(SignalRecord(signal.asset, signal.timeframe, signal, attempt or good), hours, now)


def nothing_stored(attempt: Attempt | None = None, symbol: str = "AAPL") -> SignalRecord:
    return SignalRecord(find_asset(symbol), Timeframe.M5, None, attempt)


def test_a_signal_is_current_from_the_close_of_its_bar() -> None:
    signal = a_current_signal(NOON)
    answer = judged(signal, NOON)
    assert (answer.signal, answer.status, answer.reasons) == (signal, Status.OK, ())


def test_a_signal_is_current_until_the_refresh_of_the_next_bar_is_overdue() -> None:
    assert judged(a_current_signal(NOON), NOON + 300 + GRACE_SECONDS - 1).status is Status.OK


def test_at_the_second_of_its_expiry_a_signal_is_stale() -> None:
    answer = judged(a_current_signal(NOON), NOON + 300 + GRACE_SECONDS)
    assert answer.status is Status.STALE
    assert answer.reasons == ("expired at 2024-09-05T16:07:00Z",)


def test_a_15m_signal_lives_as_long_as_its_bar() -> None:
    signal = a_current_signal(NOON, timeframe=Timeframe.M15)
    assert judged(signal, NOON + 900 + GRACE_SECONDS - 1).status is Status.OK
    assert judged(signal, NOON + 900 + GRACE_SECONDS).status is Status.STALE


def test_a_stale_signal_stays_attached_as_the_last_known() -> None:
    signal = a_current_signal(NOON)
    answer = judged(signal, NOON + 3600)
    assert (answer.signal, answer.action, answer.confidence) == (signal, Action.BUY, Decimal("61.2"))


def test_a_stale_signal_tells_what_went_wrong_since() -> None:
    failed = a_failure(NOON + 300, Status.BAD_DATA, "4 slots in a row without trades")
    answer = judged(a_current_signal(NOON), NOON + 421, attempt=failed)
    assert answer.status is Status.STALE
    assert answer.reasons == ("expired at 2024-09-05T16:07:00Z", "4 slots in a row without trades")


@pytest.mark.parametrize("bar_close", [NOON - 300, NOON])
def test_a_failure_that_the_signal_made_up_for_is_no_reason(bar_close: int) -> None:
    answer = judged(a_current_signal(NOON), NOON + 421, attempt=a_failure(bar_close))
    assert answer.reasons == ("expired at 2024-09-05T16:07:00Z",)


def test_a_failure_at_the_next_bar_does_not_take_a_signal_that_is_still_current() -> None:
    answer = judged(a_current_signal(NOON), NOON + 320, attempt=a_failure(NOON + 300))
    assert (answer.status, answer.reasons) == (Status.OK, ())


def test_one_second_before_the_close_the_market_is_open() -> None:
    answer = judged(a_current_signal(CLOSE - 300), CLOSE - 1)
    assert (answer.status, answer.next_open) == (Status.OK, None)


def test_at_the_second_of_the_close_the_market_is_closed_and_the_next_open_is_told() -> None:
    signal = a_current_signal(CLOSE - 300)
    answer = judged(signal, CLOSE)
    assert (answer.status, answer.next_open) == (Status.MARKET_CLOSED, FRIDAY_OPEN)
    assert (answer.signal, answer.reasons) == (signal, ("the market is closed",))


def test_even_the_signal_of_the_last_bar_is_not_current_once_the_market_has_closed() -> None:
    assert judged(a_current_signal(CLOSE), CLOSE + 30).status is Status.MARKET_CLOSED


def test_a_failed_last_bar_of_the_day_is_told_with_the_close() -> None:
    answer = judged(a_current_signal(CLOSE - 300), CLOSE + 60, attempt=a_failure(CLOSE))
    assert answer.reasons == ("the market is closed", "yahoo did not answer")


def test_before_the_open_the_market_is_closed() -> None:
    answer = judged(a_current_signal(CLOSE), FRIDAY_OPEN - 1)
    assert (answer.status, answer.next_open) == (Status.MARKET_CLOSED, FRIDAY_OPEN)


@pytest.mark.parametrize("day", ["2024-09-07 15:00", "2024-09-08 15:00"])
def test_on_a_weekend_the_next_open_is_mondays(day: str) -> None:
    hours = market_hours(Market.STOCKS, FRIDAY_CLOSE)
    answer = judged(a_current_signal(FRIDAY_CLOSE), utc(day), hours)
    assert (answer.status, answer.next_open) == (Status.MARKET_CLOSED, MONDAY_OPEN)


def test_on_a_half_day_the_market_is_closed_from_one_o_clock() -> None:
    half_day_close = utc("2024-11-29 18:00")
    signal = a_current_signal(half_day_close - 300)
    hours = market_hours(Market.STOCKS, half_day_close - 3600)
    assert judged(signal, half_day_close - 1, hours).status is Status.OK
    answer = judged(signal, half_day_close, hours)
    assert (answer.status, answer.next_open) == (Status.MARKET_CLOSED, utc("2024-12-02 14:30"))


def test_on_a_holiday_the_market_is_closed() -> None:
    hours = market_hours(Market.STOCKS, utc("2024-11-27 16:00"))
    thanksgiving = utc("2024-11-28 16:00")
    answer = judged(a_current_signal(utc("2024-11-27 21:00")), thanksgiving, hours)
    assert (answer.status, answer.next_open) == (Status.MARKET_CLOSED, utc("2024-11-29 14:30"))


@pytest.mark.parametrize("timeframe", Timeframe)
def test_until_the_first_bar_of_a_session_is_due_its_signal_is_awaited(timeframe: Timeframe) -> None:
    signal = a_current_signal(CLOSE, timeframe=timeframe)
    due = FRIDAY_OPEN + timeframe.seconds + GRACE_SECONDS
    for now in (FRIDAY_OPEN, due - 1):
        answer = judged(signal, now)
        assert answer.status is Status.STALE
        assert answer.reasons == ("waiting for the first bar of the session",)
    assert judged(signal, due).reasons == ("expired at 2024-09-05T20:02:00Z",)


def test_a_signal_of_this_session_that_expired_is_not_told_to_wait_for_the_first_bar() -> None:
    signal = replace(a_current_signal(OPEN + 300), expires_at=OPEN + 310)
    assert judged(signal, OPEN + 320).reasons == ("expired at 2024-09-05T13:35:10Z",)


@pytest.mark.parametrize("hours", [None, MarketHours(Market.STOCKS, ())])
def test_without_known_hours_no_stock_signal_is_current(hours: MarketHours | None) -> None:
    answer = judged(a_current_signal(NOON), NOON, hours)
    assert (answer.status, answer.next_open) == (Status.STALE, None)
    assert answer.reasons == ("market hours unknown",)


def test_hours_know_nothing_before_their_first_session_and_from_their_last_close_on() -> None:
    hours = MarketHours(Market.STOCKS, (Session(OPEN, CLOSE), Session(FRIDAY_OPEN, FRIDAY_CLOSE)))
    signal = a_current_signal(NOON)
    assert judged(signal, OPEN - 1, hours).reasons == ("market hours unknown",)
    assert judged(signal, FRIDAY_CLOSE - 1, hours).reasons == ("expired at 2024-09-05T16:07:00Z",)
    assert judged(signal, FRIDAY_CLOSE, hours).reasons == ("market hours unknown",)


def test_hours_of_another_market_are_refused() -> None:
    with pytest.raises(ValueError, match="hours of crypto say nothing about stocks"):
        judged(a_current_signal(NOON), NOON, market_hours(Market.CRYPTO, NOON))


@pytest.mark.parametrize("day", ["2024-09-07 15:00", "2024-12-25 03:00", "2024-09-09 00:00"])
@pytest.mark.parametrize("known", [True, False])
def test_crypto_never_closes(day: str, known: bool) -> None:
    now = utc(day)
    hours = market_hours(Market.CRYPTO, now) if known else None
    signal = a_current_signal(now, "BTC")
    assert judged(signal, now, hours).status is Status.OK
    assert judged(signal, now + 300 + GRACE_SECONDS - 1, hours).status is Status.OK
    expired = judged(signal, now + 300 + GRACE_SECONDS, hours)
    assert (expired.status, expired.next_open) == (Status.STALE, None)
    assert expired.reasons[0].startswith("expired at ")


def test_before_the_first_refresh_there_is_no_signal_yet() -> None:
    answer = judge(nothing_stored(), THURSDAY, NOON)
    assert (answer.status, answer.reasons) == (Status.NO_DATA, ("no signal yet",))


@pytest.mark.parametrize("status", [Status.NO_DATA, Status.BAD_DATA, Status.NO_MODEL])
def test_without_a_good_signal_the_last_failure_speaks(status: Status) -> None:
    answer = judge(nothing_stored(a_failure(NOON, status, "all models have expired")), THURSDAY, NOON)
    assert (answer.status, answer.reasons) == (status, ("all models have expired",))


def test_where_there_is_no_signal_the_placeholder_is_hold_with_no_confidence() -> None:
    answer = judge(nothing_stored(), THURSDAY, NOON)
    assert (answer.signal, answer.action, answer.confidence) == (None, Action.HOLD, Decimal(0))


def test_nothing_is_ok_without_a_signal() -> None:
    attempt = Attempt(NOON, NOON, Status.OK)
    assert judge(nothing_stored(attempt), THURSDAY, NOON).status is Status.NO_DATA


def test_without_a_signal_the_next_open_of_a_closed_market_is_told_all_the_same() -> None:
    assert judge(nothing_stored(), THURSDAY, CLOSE).next_open == FRIDAY_OPEN
