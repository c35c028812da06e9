"""The market around a bar: sessions and moves, made by one function for training and serving."""

from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import Candles, CloseTimes
from growfolio.domain.grid import last_slots
from growfolio.domain.times import DAY
from growfolio.indicators.scene import market_series, moves, scene_of

from tests.bars import moment
from tests.synthetic import synthetic_candles

COINS, STOCKS = assets_of(Market.CRYPTO), assets_of(Market.STOCKS)
BTC, ETH, SOL, AAPL = (find_asset(symbol) for symbol in ("BTC", "ETH", "SOL", "AAPL"))


def one_by_one(candles: Candles) -> list[Candles]:
    """Each asset's candles alone, as training has them."""
    return [
        Candles(
            (asset,),
            candles.timeframe,
            CloseTimes(candles.times[row]),
            *(
                getattr(candles, name)[row : row + 1]
                for name in ("open", "high", "low", "close", "volume", "filled")
            ),
        )
        for row, asset in enumerate(candles.assets)
    ]


def test_the_markets_move_is_the_mean_of_its_assets_and_the_leaders_its_own() -> None:
    candles = synthetic_candles(COINS, 50)
    series = market_series([candles])
    np.testing.assert_array_equal(series.close_time, candles.close_time)
    np.testing.assert_allclose(series.market_move, moves(candles).mean(axis=0), atol=1e-15)
    np.testing.assert_array_equal(series.leader_move, moves(candles)[COINS.index(BTC)])


def test_stocks_are_led_by_their_own_mean() -> None:
    series = market_series([synthetic_candles(STOCKS, 50)])
    np.testing.assert_array_equal(series.leader_move, series.market_move)


def test_all_assets_together_and_stretch_after_stretch_make_the_same_series() -> None:
    candles = synthetic_candles(COINS, 50)
    together, apart = market_series([candles]), market_series(reversed(one_by_one(candles)))
    np.testing.assert_array_equal(apart.close_time, together.close_time)
    np.testing.assert_allclose(apart.market_move, together.market_move, atol=1e-15)
    np.testing.assert_array_equal(apart.leader_move, together.leader_move)


def test_bars_without_trades_are_no_part_of_the_mean() -> None:
    candles = synthetic_candles((BTC, ETH, SOL), 50)
    candles.filled[[0, 1], 20] = True
    candles.filled[:, 30] = True
    series = market_series([candles])
    assert series.market_move[20] == series.leader_move[20] == moves(candles)[2, 20]
    assert 30 not in np.searchsorted(candles.close_time, series.close_time)
    scene = scene_of(candles, Market.CRYPTO, series)
    assert (scene.market_move[:, 30] == 0).all()
    assert (scene.leader_move[:, 30] == 0).all()


def test_one_assets_trouble_reaches_the_others_through_the_mean_alone() -> None:
    fine = synthetic_candles((BTC, ETH, SOL), 50)
    prices = {name: getattr(fine, name).copy() for name in ("open", "high", "low", "close")}
    for column in prices.values():
        column[2, 40:] *= 0.8
    fallen = replace(fine, **prices)
    before, after = (market_series([candles]) for candles in (fine, fallen))
    changed = np.flatnonzero(~np.isclose(before.market_move, after.market_move, rtol=0, atol=1e-12))
    assert changed.tolist() == [40]
    assert after.market_move[40] == pytest.approx(before.market_move[40] + np.log(0.8) / 3)
    np.testing.assert_array_equal(after.leader_move, before.leader_move)


@pytest.mark.parametrize("factor", [0.5, 1.5, 6.0])
def test_a_price_that_no_market_moves_to_is_no_move_of_the_market(factor: float) -> None:
    fine = synthetic_candles(assets_of(Market.CRYPTO), 50)
    close, opened = fine.close.copy(), fine.open.copy()
    close[3, 30:] *= factor
    opened[3, 31:] *= factor
    after = market_series([replace(fine, close=close, open=opened)])
    without = fine.filled.copy()
    without[3, 30] = True
    expected = market_series([replace(fine, filled=without)])
    np.testing.assert_allclose(after.market_move, expected.market_move, atol=1e-12)


def test_without_a_leader_the_market_leads() -> None:
    series = market_series([synthetic_candles((ETH, SOL), 50)])
    np.testing.assert_array_equal(series.leader_move, series.market_move)


def test_nights_and_breaks_are_no_moves() -> None:
    grid = last_slots(Market.STOCKS, moment("2024-07-03 20:00"), Timeframe.M5, 160)
    candles = replace(synthetic_candles((AAPL,), 160), times=grid)
    opens = np.flatnonzero(np.diff(grid) > 300) + 1
    assert len(opens) == 2
    moved = moves(candles)[0]
    within = np.log(candles.close / candles.open)[0]
    np.testing.assert_array_equal(moved[opens], within[opens])
    expected = np.log(candles.close[0, 1:] / candles.close[0, :-1])
    np.testing.assert_allclose(np.delete(moved[1:], opens - 1), np.delete(expected, opens - 1), atol=1e-15)


def test_each_bar_has_its_own_session_on_half_days_and_over_changes_of_the_clock() -> None:
    for closes, session in {
        "2024-07-03 15:00": ("2024-07-03 13:30", "2024-07-03 17:00"),
        "2024-03-08 16:00": ("2024-03-08 14:30", "2024-03-08 21:00"),
        "2024-03-11 16:00": ("2024-03-11 13:30", "2024-03-11 20:00"),
    }.items():
        grid = last_slots(Market.STOCKS, moment(closes), Timeframe.M5, 5)
        candles = replace(synthetic_candles((AAPL,), 5), times=grid)
        scene = scene_of(candles, Market.STOCKS, market_series([candles]))
        assert (scene.session_open[0, -1], scene.session_close[0, -1]) == tuple(map(moment, session))


def test_the_last_bar_of_a_session_belongs_to_it() -> None:
    grid = last_slots(Market.STOCKS, moment("2024-09-05 20:00"), Timeframe.M5, 1)
    candles = replace(synthetic_candles((AAPL,), 1), times=grid)
    scene = scene_of(candles, Market.STOCKS, market_series([candles]))
    assert scene.session_close[0, 0] == moment("2024-09-05 20:00")


def test_a_coins_session_is_its_utc_day() -> None:
    candles = synthetic_candles((BTC,), 400)
    scene = scene_of(candles, Market.CRYPTO, market_series([candles]))
    assert ((scene.session_close - scene.session_open) == DAY).all()
    assert ((scene.session_open < candles.times) & (candles.times <= scene.session_close)).all()


def test_rows_that_reach_back_over_a_break_have_the_moves_of_their_own_bars() -> None:
    candles = synthetic_candles((BTC, ETH), 60)
    times = candles.times.copy()
    times[1, :30] -= 10 * 300
    broken = replace(candles, times=CloseTimes(times))
    series = market_series([broken])
    scene = scene_of(broken, Market.CRYPTO, series)
    at = np.searchsorted(series.close_time, times[1])
    np.testing.assert_array_equal(scene.market_move[1], series.market_move[at])
    assert moves(broken)[1, 30] == np.log(broken.close[1, 30] / broken.open[1, 30])


def test_no_candles_make_no_series() -> None:
    assert len(market_series([]).close_time) == 0
    candles = synthetic_candles((BTC,), 5)
    scene = scene_of(candles, Market.CRYPTO, market_series([]))
    assert not scene.market_move.any()
