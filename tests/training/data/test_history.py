"""What training makes of gaps, and that it sees what serving sees."""

import numpy as np
import pytest
from growfolio.domain.alignment import REACH, align
from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.forecast import WINDOW
from growfolio.domain.grid import last_slots
from growfolio.domain.label import Label
from growfolio.domain.labels import UNKNOWN, labels_of
from growfolio.domain.times import BAR
from growfolio.indicators.standard import features

from tests.training.conftest import simulated
from training.data.dataset import Samples, build_samples
from training.data.history import stretches

AAPL, BTC = find_asset("AAPL"), find_asset("BTC")


def without(bars: Bars, first: int, count: int) -> Bars:
    keep = np.ones(len(bars), dtype=bool)
    keep[first : first + count] = False
    return bars.where(keep)


def samples_of(bars: dict[Asset, Bars], timeframe: Timeframe = Timeframe.M5) -> Samples:
    samples, _ = build_samples(next(iter(bars)).market, timeframe, bars, Label())
    assert samples is not None
    return samples


def test_an_unbroken_history_is_one_stretch() -> None:
    bars = simulated("AAPL", 10)
    (stretch,) = stretches(AAPL, bars, Timeframe.M5)
    assert (stretch.close_time == bars.open_time + BAR).all()
    assert (stretch.close[0] == bars.close).all()


def test_a_gap_that_serving_fills_is_filled_flat_here_too() -> None:
    bars = without(simulated("BTC", 2), 100, 3)
    (stretch,) = stretches(BTC, bars, Timeframe.M5)
    assert stretch.filled[0, 100:103].all()
    assert (stretch.close[0, 100:103] == bars.close[99]).all()


def test_a_longer_gap_is_a_break_in_trading_as_in_serving() -> None:
    bars = without(simulated("BTC", 2), 100, 4)
    (stretch,) = stretches(BTC, bars, Timeframe.M5)
    np.testing.assert_array_equal(stretch.close[0], bars.close)
    np.testing.assert_array_equal(stretch.close_time, bars.open_time + BAR)
    assert np.flatnonzero(stretch.after_break[0]).tolist() == [100]
    labels, _ = labels_of(stretch, Label())
    assert (labels[99], labels[-1]) == (UNKNOWN, UNKNOWN)
    assert (np.delete(labels, [99, len(labels) - 1]) != UNKNOWN).all()


def test_a_missing_session_is_a_break_too() -> None:
    (stretch,) = stretches(AAPL, without(simulated("AAPL", 14), 78 * 3, 78), Timeframe.M15)
    assert len(stretch.close_time) == (len(simulated("AAPL", 14)) // 78 - 1) * 26


def test_a_gap_that_serving_does_not_reach_across_ends_the_stretch() -> None:
    before, after = stretches(BTC, without(simulated("BTC", 4), 100, REACH + 1), Timeframe.M5)
    assert (len(before.close_time), len(after.close_time)) == (100, 4 * 288 - 101 - REACH)


@pytest.mark.parametrize("first", [99, 100, 101])
def test_a_15m_bar_in_which_nothing_traded_is_in_no_stretch(first: int) -> None:
    bars = without(simulated("BTC", 2), first, 5)
    (stretch,) = stretches(BTC, bars, Timeframe.M15)
    slots = stretch.close_time[:, None] - np.array([600, 300, 0])
    assert np.isin(slots, bars.open_time + BAR).any(axis=1).all()
    assert not stretch.filled.any()


def test_no_sample_looks_forward_into_a_break() -> None:
    bars = without(simulated("BTC", 8), 1000, 50)
    samples = samples_of({BTC: bars})
    gap = (int(bars.open_time[999]) + BAR, int(bars.open_time[1000]))
    across = (samples.bar_close <= gap[0]) & (samples.decided > gap[0])
    assert across.any()
    assert not (samples.usable & across).any()


def test_a_bar_that_no_market_prints_is_a_slot_without_trades() -> None:
    bars = simulated("BTC", 8)
    bars.low[500] = bars.high[500] * 2
    (stretch,) = stretches(BTC, bars, Timeframe.M5)
    assert np.flatnonzero(stretch.quarantined[0]).tolist() == [500]
    assert stretch.close[0, 500] == bars.close[499]


def test_an_asset_with_hardly_any_candles_is_left_out_with_the_reason() -> None:
    pool = {AAPL: simulated("AAPL", 30), find_asset("TMO"): simulated("TMO", 4)}
    samples, left_out = build_samples(AAPL.market, Timeframe.M5, pool, Label())
    assert samples is not None
    assert samples.assets == (AAPL,)
    assert "too few candles" in str(left_out[find_asset("TMO")])


@pytest.mark.parametrize("gap", [0, 20])
@pytest.mark.parametrize("timeframe", list(Timeframe))
@pytest.mark.parametrize("symbol", ["AAPL", "BTC"])
def test_a_training_window_is_what_serving_would_see(symbol: str, timeframe: Timeframe, gap: int) -> None:
    asset, bars = find_asset(symbol), simulated(symbol, 70 if symbol == "AAPL" else 16)
    bars = without(bars, len(bars) - 90, gap) if gap else bars
    samples, needed = samples_of({asset: bars}, timeframe), BARS_NEEDED[timeframe]
    for row in np.flatnonzero(samples.usable)[[0, 40, -1]]:
        closed = int(samples.bar_close[row])
        grid = last_slots(asset.market, closed, timeframe, needed + REACH * BAR // timeframe.seconds)
        served, refused = align({asset: bars.closed_by(closed)}, grid, timeframe, needed)
        assert not refused
        seen = features(served)[0, -WINDOW:]
        # EMAs remember what lies before the bars that a refresh fetches, if ever less.
        np.testing.assert_allclose(samples.features[row + 1 - WINDOW : row + 1], seen, atol=2e-4, rtol=1e-4)
