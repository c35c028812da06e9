"""Where a signal's targets and stop lie."""

from decimal import Decimal

import numpy as np
import pytest
from growfolio.domain.signals import Action
from growfolio.domain.targets import barriers_in_words, levels, targets
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("action", "buy", "sell", "stop"),
    [(Action.BUY, "99", "104", "97"), (Action.SELL, "96", "101", "103"), (Action.HOLD, "98", "102", "96")],
)
def test_targets_and_stop_stand_around_the_price_in_atrs(
    action: Action, buy: str, sell: str, stop: str
) -> None:
    expected = (Decimal(buy), Decimal(sell), Decimal(stop))
    assert targets(action, Decimal(100), Decimal(2)) == expected


@given(
    action=st.sampled_from(Action),
    price=st.decimals("0.00001", "100000", places=5),
    share=st.decimals("0.0001", "0.2", places=4),
)
def test_arrays_have_the_levels_of_decimals(action: Action, price: Decimal, share: Decimal) -> None:
    exact = levels(action, price, share * price)
    arrays = levels(action, np.array([float(price)]), np.array([float(share * price)]))
    for one, many in zip(exact, arrays, strict=True):
        assert isinstance(one, Decimal)
        np.testing.assert_allclose(many, [float(one)], rtol=1e-9)


def test_barriers_are_said_in_multiples_of_the_average_true_range() -> None:
    assert barriers_in_words(Decimal("0.5"), str) == (
        "a rise by 1.0 times the average true range before a fall by 0.75 times",
        "a fall by 1.0 times the average true range before a rise by 0.75 times",
    )
