"""Where a signal's targets and stop lie."""

from decimal import Decimal

import pytest
from growfolio.decision import targets
from growfolio.signals import Action


@pytest.mark.parametrize(
    ("action", "buy", "sell", "stop"),
    [(Action.BUY, "99", "104", "97"), (Action.SELL, "96", "101", "103"), (Action.HOLD, "98", "102", "96")],
)
def test_targets_and_stop_stand_around_the_price_in_atrs(
    action: Action, buy: str, sell: str, stop: str
) -> None:
    expected = (Decimal(buy), Decimal(sell), Decimal(stop))
    assert targets(action, Decimal(100), Decimal(2)) == expected
