"""Conviction needs an edge over chance and a move that pays; a move is large beside what is usual."""

from dataclasses import replace
from decimal import Decimal

import pytest
from growfolio.domain.conviction import (
    LEAST_LIKE,
    Conviction,
    Like,
    Move,
    break_even_pct,
    conviction,
    expected_move_pct,
    move,
    strength_of,
)
from growfolio.domain.signals import Action, Signal

from tests.samples import a_signal


def moving(volatility_pct: str, action: Action = Action.BUY, symbol: str = "AAPL") -> Signal:
    signal = a_signal(symbol, action=action)
    return replace(signal, facts=replace(signal.facts, volatility_pct=Decimal(volatility_pct)))


def like(low: float, n: int = 1000) -> Like:
    return Like(n, n // 2, n // 3, (low, low + 0.1))


@pytest.mark.parametrize(
    ("low", "expected"),
    [(0.45, Conviction.NONE), (0.5, Conviction.NONE), (0.501, Conviction.WEAK), (0.55, Conviction.STRONG)],
)
def test_conviction_is_how_far_the_interval_of_direction_lies_beyond_chance(
    low: float, expected: Conviction
) -> None:
    assert conviction(moving("0.2"), like(low)) is expected
    assert conviction(moving("0.2", Action.SELL), like(low)) is expected


def test_a_hold_claims_no_direction_and_of_few_or_no_signals_nothing_is_known() -> None:
    assert conviction(moving("0.2", Action.HOLD), like(0.7)) is Conviction.NONE
    assert conviction(moving("0.2"), None) is Conviction.NONE
    assert conviction(moving("0.2"), like(0.7, LEAST_LIKE - 1)) is Conviction.NONE
    assert conviction(moving("0.2"), Like(1000, 40, 30, None)) is Conviction.NONE


@pytest.mark.parametrize(("symbol", "pays", "does_not"), [("AAPL", "0.06", "0.05"), ("BTC", "0.26", "0.25")])
def test_a_move_that_does_not_pay_its_cost_is_no_reason_to_act(symbol: str, pays: str, does_not: str) -> None:
    assert conviction(moving(pays, symbol=symbol), like(0.6)) is Conviction.STRONG
    assert conviction(moving(does_not, symbol=symbol), like(0.6)) is Conviction.NONE
    signal = moving(pays, symbol=symbol)
    assert expected_move_pct(signal) > break_even_pct(signal.asset.market)


def test_over_four_bars_twice_the_move_of_one_is_to_be_expected() -> None:
    one = moving("0.1")
    assert expected_move_pct(replace(one, horizon_bars=4)) == pytest.approx(2 * expected_move_pct(one))


@pytest.mark.parametrize(
    ("hold", "expected"),
    [("0.7", Move.QUIET), ("0.5", Move.NORMAL), ("0.37", Move.LARGE), ("0.2", Move.LARGE)],
)
def test_a_move_is_judged_against_the_usual_one_of_its_slot(hold: str, expected: Move) -> None:
    sides = (1 - Decimal(hold)) / 2
    signal = replace(a_signal(), probabilities=(sides, Decimal(hold), sides))
    assert move(signal, 0.5) is expected
    assert move(signal, None) is Move.NORMAL


@pytest.mark.parametrize(("most", "strength"), [(0.34, "low"), (0.45, "middle"), (0.6, "high")])
def test_strength_is_the_probability_of_the_action(most: float, strength: str) -> None:
    assert strength_of(most) == strength
