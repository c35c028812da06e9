"""When a provider is left alone, how many calls it gets, and how long one waits between tries."""

import time

import pytest
from growfolio.limits import Backoff, CircuitBreaker, RateLimiter

NOW = 1_725_559_200


def test_a_provider_is_left_alone_after_failures_in_a_row_and_asked_again_after_its_rest() -> None:
    breaker = CircuitBreaker(failures=3, rest=900)
    for _ in range(2):
        breaker.failed(NOW)
    breaker.succeeded()
    for _ in range(2):
        breaker.failed(NOW)
    assert not breaker.is_open(NOW)
    breaker.failed(NOW)
    assert breaker.is_open(NOW)
    assert breaker.is_open(NOW + 899)
    assert not breaker.is_open(NOW + 900)


def test_one_failure_after_the_rest_is_enough_for_another_and_one_success_forgives_all() -> None:
    breaker = CircuitBreaker(failures=3, rest=900)
    for _ in range(3):
        breaker.failed(NOW)
    breaker.failed(NOW + 900)
    assert breaker.is_open(NOW + 1_799)
    breaker.succeeded()
    breaker.failed(NOW + 1_800)
    assert not breaker.is_open(NOW + 1_800)


def test_a_provider_that_says_when_to_come_back_is_not_asked_before_whatever_else_it_says() -> None:
    breaker = CircuitBreaker(failures=3, rest=900)
    breaker.open_for(3_600, NOW)
    breaker.open_for(60, NOW)
    breaker.succeeded()
    assert breaker.is_open(NOW + 3_599)
    assert not breaker.is_open(NOW + 3_600)


def test_no_more_calls_are_granted_within_any_window_than_its_limit() -> None:
    window = RateLimiter(limit=60, seconds=120)
    assert window.take(14, NOW) == 14
    assert window.take(40, NOW + 60) == 40
    assert window.take(14, NOW + 61) == 6
    assert window.take(14, NOW + 119) == 0
    assert window.take(14, NOW + 120) == 14
    assert window.take(1, NOW + 121) == 0


def test_the_first_try_waits_for_nothing_and_each_pause_grows() -> None:
    waits: list[float] = []
    assert list(Backoff(tries=4, pause=0.5, factor=3.0).attempts(wait=waits.append)) == [0, 1, 2, 3]
    assert waits == [0.5, 1.5, 4.5]


def test_pauses_are_spread_by_their_jitter() -> None:
    waits: list[float] = []
    for _ in range(200):
        list(Backoff(tries=2, pause=1.0, jitter=0.5).attempts(wait=waits.append))
    assert 0.5 <= min(waits) < 0.7 < 1.3 < max(waits) <= 1.5


@pytest.mark.parametrize("seconds", [0.0, 59.0])
def test_no_try_follows_whose_pause_would_pass_the_deadline(seconds: float) -> None:
    waits: list[float] = []
    backoff = Backoff(tries=3, pause=60.0)
    assert list(backoff.attempts(time.monotonic() + seconds, waits.append)) == [0]
    assert waits == []
