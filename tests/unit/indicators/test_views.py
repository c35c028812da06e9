"""What serving sees of a bar is what training saw of it, and each model gets the columns that it names."""

import numpy as np
import pytest
from growfolio.domain.alignment import REACH, align, history
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.forecast import Inputs, Views
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.indicators import indicators
from growfolio.domain.times import BAR, DAY
from growfolio.errors import PermanentModelError
from growfolio.indicators.proofs import all_inputs
from growfolio.indicators.registry import context, sequence
from growfolio.indicators.scene import market_series, scene_of
from growfolio.indicators.views import STANDARD, views_of

from tests.bars import changed, moment, printed, without
from tests.synthetic import synthetic_candles

NOW = {Market.STOCKS: moment("2024-09-05 15:00"), Market.CRYPTO: moment("2024-09-05 03:00")}


def with_bad_days(asset: Asset, seed: int, now: int) -> Bars:
    """A short gap, a break in trading and an impossible bar, hours before now."""
    bars = printed(asset, now - 40 * DAY, now)
    newest = len(bars) - 60 - seed
    spoiled = changed(bars, newest - 40, high=float(bars.high[newest - 40]) * 9)
    return without(spoiled, newest - 90, newest - 91, *range(newest - 140, newest - 130))


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("market", Market)
def test_serving_sees_the_bar_that_training_learned_from(market: Market, timeframe: Timeframe) -> None:
    now, inputs = NOW[market], all_inputs()
    bars = {asset: with_bad_days(asset, seed, now) for seed, asset in enumerate(assets_of(market))}
    wanted = BARS_NEEDED[timeframe]
    grid = last_slots(market, now, timeframe, wanted + REACH * BAR // timeframe.seconds)
    candles, refused = align(bars, grid, timeframe, wanted)
    assert not refused
    rows = list(range(len(candles.assets)))
    served = views_of(candles, rows, [wanted - 1] * len(rows), inputs, indicators(candles))

    past = {
        asset: history(asset, own, slots_between(market, now - 39 * DAY, now, timeframe), timeframe)
        for asset, own in bars.items()
    }
    series = market_series(past.values())
    for row, asset in enumerate(candles.assets):
        learned = sequence(inputs.sequence, past[asset])[0, -60:]
        np.testing.assert_allclose(served.windows[row], learned, rtol=1e-3, atol=1e-5)
        scene = scene_of(past[asset], market, series)
        for name in inputs.context:
            seen = context([name], scene)[0, -1]
            np.testing.assert_allclose(served.context[name][row], seen, atol=1e-5, err_msg=name)


def test_each_model_gets_the_columns_that_it_names_in_its_order() -> None:
    candles = synthetic_candles(assets_of(Market.CRYPTO)[:3], 100)
    known = indicators(candles)
    both = Inputs(("hl_spread", "open"), ("bars_to_close", "weekday")) | STANDARD
    views = views_of(candles, [2, 0], [99, 60], both, known)
    windows, columns = views.of(Inputs(("open", "hl_spread"), ("weekday", "bars_to_close")))
    alone = views_of(candles, [2, 0], [99, 60], STANDARD, known)
    np.testing.assert_array_equal(windows, alone.windows[..., [0, 15]])
    assert windows.flags.c_contiguous
    assert columns.shape == (2, 8)
    np.testing.assert_array_equal(columns[:, 7:], views.context["bars_to_close"])
    assert alone.of(STANDARD)[1].shape == (2, 0)


def test_rows_are_picked_with_their_context() -> None:
    candles = synthetic_candles(assets_of(Market.CRYPTO)[:3], 100)
    views = views_of(candles, [0, 1, 2], [99, 98, 97], all_inputs(), indicators(candles))
    some = views.at([2, 0])
    np.testing.assert_array_equal(some.windows, views.windows[[2, 0]])
    for name, columns in views.context.items():
        np.testing.assert_array_equal(some.context[name], columns[[2, 0]])


def test_an_input_that_nobody_registered_is_left_out_with_the_reason() -> None:
    candles = synthetic_candles(assets_of(Market.CRYPTO)[:3], 100)
    wanted = Inputs(("open", "moon_phase"), ("tides", "weekday"))
    views = views_of(candles, [0], [99], wanted, indicators(candles))
    assert (views.sequence, tuple(views.context)) == (("open",), ("weekday",))
    assert views.broken == {"moon_phase": "KeyError: 'moon_phase'", "tides": "KeyError: 'tides'"}
    with pytest.raises(PermanentModelError, match="its input moon_phase is missing: KeyError"):
        views.of(wanted)
    with pytest.raises(PermanentModelError, match="its input close is missing: not asked for"):
        views.of(Inputs(("close",)))


def test_a_union_has_each_input_once() -> None:
    one, other = Inputs(("a", "b"), ("x",)), Inputs(("b", "c"), ("x", "y"))
    assert one | other == Inputs(("a", "b", "c"), ("x", "y"))
    assert Inputs() | one == one


def test_context_of_other_bars_than_the_windows_is_a_fault_of_the_caller() -> None:
    windows = np.zeros((2, 60, 1), np.float32)
    with pytest.raises(ValueError, match=r"context weekday is float32 \(3, 7\); \(2, n\) of float32"):
        Views(windows, ("open",), {"weekday": np.zeros((3, 7), np.float32)})
    with pytest.raises(ValueError, match=r"context weekday is float64"):
        Views(windows, ("open",), {"weekday": np.zeros((2, 7))})  # type: ignore[dict-item]
