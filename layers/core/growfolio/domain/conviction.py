"""What a signal's direction is worth, and how large a move its model foresees. Pure; imports no numpy.

Models know more of whether a price moves than of which way. So a direction counts only where signals like it
(market, timeframe, action, strength) were right more often than chance would have it, and where the move to
expect pays what acting on it costs.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import pi, sqrt

from growfolio.domain.assets import Market
from growfolio.domain.costs import COST_EACH_WAY
from growfolio.domain.signals import Action, Signal
from growfolio.domain.times import HOUR

MINUTE = 60
STRONG_FROM = 0.55
"""The lower end of the interval of direction from which on conviction is strong; above 0.5 it is weak."""
LEAST_LIKE = 100
"""Settled signals of one kind below which nothing is known of them."""
QUIET, LARGE = 0.75, 1.25
"""Of the usual probability of a move at this time of the hour: below a move is quiet, above it is large."""
STRENGTHS = {"high": 0.6, "middle": 0.45, "low": 0.0}
"""The probability of a signal's action from which on it is of this strength."""


class Conviction(StrEnum):
    NONE = "none"
    WEAK = "weak"
    STRONG = "strong"


class Move(StrEnum):
    QUIET = "quiet"
    NORMAL = "normal"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class Like:
    """What became of settled signals of one kind."""

    n: int
    right: int
    opposite: int
    direction_90: tuple[float, float] | None
    """The interval of the share of right among right and opposite; None where they are too few."""


def strength_of(most: float) -> str:
    """The strength of a signal whose action has this probability, 0 to 1."""
    return next(name for name, least in STRENGTHS.items() if most >= least)


def call_of(action: str, most: float) -> str:
    """The kind of signals that are counted together, e.g. `BUY high`; most is the action's probability."""
    return f"{action} {strength_of(most)}"


def slot_of(bar_close: int) -> str:
    """The minute of the hour that a bar closes in, as text: what is usual for a move is known by it."""
    return str(bar_close % HOUR // MINUTE)


def conviction(signal: Signal, like: Like | None) -> Conviction:
    """None for a HOLD, without an edge over chance, or where the move to expect does not pay its cost."""
    if signal.action is Action.HOLD or like is None or like.direction_90 is None or like.n < LEAST_LIKE:
        return Conviction.NONE
    low, _ = like.direction_90
    if low <= 0.5 or expected_move_pct(signal) <= break_even_pct(signal.asset.market):
        return Conviction.NONE
    return Conviction.STRONG if low >= STRONG_FROM else Conviction.WEAK


def expected_move_pct(signal: Signal) -> float:
    """The mean size of a normal move until the horizon, in per cent, by the last bars' deviation."""
    return float(signal.facts.volatility_pct) * sqrt(signal.horizon_bars) * sqrt(2 / pi)


def break_even_pct(market: Market) -> float:
    """What entering and leaving cost, in per cent."""
    return 200 * COST_EACH_WAY[market]


def move(signal: Signal, usual: float | None) -> Move:
    """The probability of a move, 1 - P(HOLD), against what is usual at this time of the hour."""
    if usual is None:
        return Move.NORMAL
    given = 1 - float(signal.probabilities[1])
    if given < QUIET * usual:
        return Move.QUIET
    return Move.LARGE if given > LARGE * usual else Move.NORMAL
