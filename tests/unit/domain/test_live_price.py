"""Which live prices are worth showing."""

from decimal import Decimal

import pytest
from growfolio.domain.live_price import AHEAD, live_or_close
from growfolio.domain.signals import Price

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
