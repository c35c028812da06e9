"""Every registered input holds what is asked of it: a newcomer's is tried here without being listed."""

import pytest
from growfolio.domain.forecast import Inputs
from growfolio.indicators.proofs import all_inputs, newcomers, prove
from growfolio.indicators.registry import (
    all_context_inputs,
    all_indicators,
    broken_modules,
    context,
    context_input,
    context_width,
    indicator,
    sequence,
)
from growfolio.indicators.standard import FEATURES
from growfolio.indicators.trials import ordinary_scenes


@pytest.mark.parametrize("name", all_indicators())
def test_the_indicator_is_sound(name: str) -> None:
    prove(Inputs((name,)))


@pytest.mark.parametrize("name", all_context_inputs())
def test_the_context_input_is_sound(name: str) -> None:
    prove(Inputs((), (name,)))


def test_every_file_of_inputs_can_be_imported() -> None:
    assert broken_modules() == {}


def test_the_products_own_need_no_proof_before_each_training() -> None:
    own = {name for name, one in all_indicators().items() if one.compute.__module__.endswith(".standard")}
    assert own == set(FEATURES)
    assert not set(newcomers(all_inputs()).sequence) & own
    assert not {"hour_slot", "market_moves"} & set(newcomers(all_inputs()).context)


def test_the_sixteen_are_among_them() -> None:
    assert set(FEATURES) <= set(all_indicators())
    assert set(FEATURES) <= set(all_inputs().sequence)


@pytest.mark.parametrize("name", ["rsi_14", "hour_slot"])
def test_a_name_is_registered_once(name: str) -> None:
    with pytest.raises(ValueError, match=f"two inputs of the name '{name}'"):
        indicator(name=name, bars=1)
    with pytest.raises(ValueError, match=f"two inputs of the name '{name}'"):
        context_input(name=name, bars=1)


@pytest.mark.parametrize("name", ["", "my indicator", "../x", "1st", "größe", "a" * 65])
def test_a_name_is_one_that_a_manifest_may_hold(name: str) -> None:
    with pytest.raises(ValueError, match="a name is of letters, digits and _"):
        indicator(name=name, bars=1)
    with pytest.raises(ValueError, match="a name is of letters, digits and _"):
        context_input(name=name, bars=1)


def test_a_version_and_a_width_are_one_or_more() -> None:
    with pytest.raises(ValueError, match="a version 1 or more"):
        indicator(name="fresh", bars=1, version=0)
    with pytest.raises(ValueError, match="fresh has 0 numbers"):
        context_input(name="fresh", bars=1, width=0)


@pytest.mark.parametrize("bars", [0, -1, 262, 320])
def test_an_indicator_may_not_need_more_bars_than_serving_holds_before_a_window(bars: int) -> None:
    with pytest.raises(ValueError, match=f"slow needs {bars} bars; declare 1 to 261"):
        indicator(name="slow", bars=bars)


def test_nor_may_context() -> None:
    with pytest.raises(ValueError, match="slow needs 321 bars; declare 1 to 320"):
        context_input(name="slow", bars=321)


def test_names_come_in_the_order_in_which_they_are_asked_for() -> None:
    scene = ordinary_scenes()[0]
    table = sequence(["hl_spread", "open"], scene.candles)
    assert (table == sequence(FEATURES, scene.candles)[..., [15, 0]]).all()
    both = context(["weekday", "bars_to_close"], scene)
    assert (
        both.shape
        == (*scene.candles.close.shape, 8)
        == (*scene.candles.close.shape, context_width(["weekday", "bars_to_close"]))
    )
    assert (both[..., 7:] == context(["bars_to_close"], scene)).all()
    assert sequence([], scene.candles).shape == (*scene.candles.close.shape, 0)
    assert context([], scene).shape == (*scene.candles.close.shape, 0)


def test_an_unknown_name_is_a_fault_of_the_caller() -> None:
    scene = ordinary_scenes()[0]
    with pytest.raises(KeyError, match="moon_phase"):
        sequence(["moon_phase"], scene.candles)
    with pytest.raises(KeyError, match="tides"):
        context(["tides"], scene)
