"""Which live prices are worth showing."""

from decimal import Decimal

import numpy as np
import pytest
from growfolio.domain.bars import FloatArray
from growfolio.domain.live_price import AHEAD, dispute, live_or_close
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


CALM = np.full(100, 200.2), np.full(100, 200.0)
WILD = np.append(CALM[0][:-9], np.full(9, 220.0)), CALM[1]


@pytest.mark.parametrize(
    ("live", "bars", "disputed"),
    [
        (quote("201.99"), CALM, False),
        (quote("202.10"), CALM, True),
        (quote("197.90"), CALM, True),
        (quote("20100"), CALM, True),
        (quote("230.00"), WILD, False),
        (quote("250.00"), WILD, True),
    ],
    ids=["near", "above", "below", "another asset's", "after wild bars", "too far for wild bars"],
)
def test_a_quote_further_away_than_the_asset_moves_disputes_the_close(
    live: Price, bars: tuple[FloatArray, FloatArray], disputed: bool
) -> None:
    caveats = dispute(live, CLOSE, *bars, NOW)
    assert caveats == (
        (f"price disputed: finnhub says {live.value}, the last candle 200.00",) if disputed else ()
    )


@pytest.mark.parametrize(
    "odd", [None, quote("NaN"), quote("-1"), quote("300", time=BAR - 1), quote("300", time=NOW * 1000)]
)
def test_a_quote_that_is_none_or_of_another_time_disputes_nothing(odd: Price | None) -> None:
    assert dispute(odd, CLOSE, *CALM, NOW) == ()


def test_wild_bars_of_long_ago_excuse_nothing() -> None:
    high = np.append(np.full(50, 260.0), np.full(78, 200.2))
    assert dispute(quote("205.00"), CLOSE, high, np.full(128, 200.0), NOW)
