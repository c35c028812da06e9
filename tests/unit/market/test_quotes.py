"""Which live prices are worth showing, and when a provider is left alone."""

from decimal import Decimal

import pytest
from growfolio.domain.assets import find_asset
from growfolio.domain.signals import Price
from growfolio.errors import PermanentMarketError, TemporaryMarketError
from growfolio.limits import Breaker, CallWindow
from growfolio.market.quotes import AHEAD, live_or_close, missing

from tests.samples import BAR

NOW = BAR + 10
CLOSE = Price(Decimal("200.00"), BAR, "yahoo close")


def quote(value: str = "201.00", time: int = BAR + 8) -> Price:
    return Price(Decimal(value), time, "finnhub")


@pytest.mark.parametrize(
    "good",
    [
        quote(),
        quote(time=BAR),
        quote(time=NOW + AHEAD),
        quote("190.00"),
        quote("210.00"),
    ],
    ids=["a newer one", "of the close itself", "while the refresh ran", "5 % below", "5 % above"],
)
def test_a_quote_that_goes_with_the_close_is_shown(good: Price) -> None:
    assert live_or_close(good, CLOSE, NOW) == good


@pytest.mark.parametrize(
    "odd",
    [
        None,
        quote("0"),
        quote("-1"),
        quote("NaN"),
        quote("Infinity"),
        quote(time=BAR - 1),
        quote(time=NOW + AHEAD + 1),
        quote(time=NOW * 1000),
        quote("189.99"),
        quote("210.01"),
        quote("20100"),
    ],
    ids=str,
)
def test_a_quote_that_is_none_or_odd_gives_way_to_the_close_with_its_source_and_time(
    odd: Price | None,
) -> None:
    assert live_or_close(odd, CLOSE, NOW) is CLOSE


def test_missing_prices_are_noted_once_for_each_reason() -> None:
    silent, refused = (
        TemporaryMarketError("no answer within 3 s"),
        PermanentMarketError("finnhub has no price"),
    )
    reasons = {find_asset("AAPL"): silent, find_asset("PEP"): refused, find_asset("AMD"): silent}
    assert missing(reasons) == (
        "no live price of AAPL, AMD: no answer within 3 s",
        "no live price of PEP: finnhub has no price",
    )


def test_a_provider_is_left_alone_after_failures_in_a_row_and_asked_again_after_its_rest() -> None:
    breaker = Breaker(failures=3, rest=900)
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
    breaker = Breaker(failures=3, rest=900)
    for _ in range(3):
        breaker.failed(NOW)
    breaker.failed(NOW + 900)
    assert breaker.is_open(NOW + 1_799)
    breaker.succeeded()
    breaker.failed(NOW + 1_800)
    assert not breaker.is_open(NOW + 1_800)


def test_a_provider_that_says_when_to_come_back_is_not_asked_before_whatever_else_it_says() -> None:
    breaker = Breaker(failures=3, rest=900)
    breaker.open_for(3_600, NOW)
    breaker.open_for(60, NOW)
    breaker.succeeded()
    assert breaker.is_open(NOW + 3_599)
    assert not breaker.is_open(NOW + 3_600)


def test_no_more_calls_are_granted_within_any_window_than_its_limit() -> None:
    window = CallWindow(limit=60, seconds=120)
    assert window.take(14, NOW) == 14
    assert window.take(40, NOW + 60) == 40
    assert window.take(14, NOW + 61) == 6
    assert window.take(14, NOW + 119) == 0
    assert window.take(14, NOW + 120) == 14
    assert window.take(1, NOW + 121) == 0
