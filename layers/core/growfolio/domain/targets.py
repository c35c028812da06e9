"""Where the buy target, the sell target and the stop loss of a signal lie: their formula and its words.

Signals, the training labels of kind triple_barrier and the explanations all call it. Imports no numpy, so
that readers start fast.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Generic, NamedTuple, TypeVar

from growfolio.domain.signals import Action, in_ticks

Number = TypeVar("Number")
"""Decimal, float or an array of floats."""


class Levels(NamedTuple, Generic[Number]):
    """A price each, or each as a multiple of the ATR."""

    buy: Number
    sell: Number
    stop: Number


MULTIPLES = {
    Action.BUY: Levels(buy=Decimal("-0.5"), sell=Decimal("2"), stop=Decimal("-1.5")),
    Action.SELL: Levels(buy=Decimal("-2"), sell=Decimal("0.5"), stop=Decimal("1.5")),
    Action.HOLD: Levels(buy=Decimal("-1"), sell=Decimal("1"), stop=Decimal("-2")),
}
"""Distances from the price in multiples of the ATR.

BUY: enter on a dip, take profit above, stop below. SELL, its mirror: leave on a rise, buy back below, stop
above. HOLD: the edges of the range, and the stop of one who is long.
"""


def levels(action: Action, price: Number, atr: Number) -> Levels[Number]:
    """The prices of one action, as exact as what is given: arrays (…) give arrays (…)."""
    exactly: Any = Decimal if isinstance(price, Decimal) else float
    from_price: Any = price
    return Levels(*(from_price + exactly(multiple) * atr for multiple in MULTIPLES[action]))


def targets(action: Action, price: Decimal, atr_pct: Decimal) -> Levels[Decimal]:
    """The prices that readers are shown, in ticks. atr_pct is the ATR in per cent of the price."""
    return Levels(*map(in_ticks, levels(action, price, price * atr_pct / 100)))


def barriers_in_words(scale: Decimal, figure: Callable[[Decimal], str]) -> tuple[str, str]:
    """What BUY and SELL foresee where barriers stand at scale times the targets. figure writes a number."""
    long, short = MULTIPLES[Action.BUY], MULTIPLES[Action.SELL]
    moves = (("rise", long.sell, "fall", long.stop), ("fall", short.buy, "rise", short.stop))
    up, down = (
        f"a {gain} by {figure(abs(scale * won))} times the average true range "
        f"before a {loss} by {figure(abs(scale * lost))} times"
        for gain, won, loss, lost in moves
    )
    return up, down
