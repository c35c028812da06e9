"""What training makes of gaps, and that it sees what serving sees."""

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.features import BARS_NEEDED, features
from growfolio.domain.forecast import WINDOW
from growfolio.errors import BadCandles

from tests.training.conftest import simulated
from training.data.dataset import Samples, build_samples
from training.data.history import stretches
from training.data.labels import LabelRule

AAPL, BTC = find_asset("AAPL"), find_asset("BTC")


def without(bars: Bars, first: int, count: int) -> Bars:
    keep = np.ones(len(bars), dtype=bool)
    keep[first : first + count] = False
    return bars.where(keep)


def samples_of(bars: dict[Asset, Bars], timeframe: Timeframe = Timeframe.M5) -> Samples:
    samples, _ = build_samples(next(iter(bars)).market, timeframe, bars, LabelRule())
    assert samples is not None
    return samples


def test_an_unbroken_history_is_one_stretch() -> None:
    bars = simulated("AAPL", 10)
    (stretch,) = stretches(AAPL, bars, Timeframe.M5)
    assert (stretch.close_time == bars.open_time + 300).all()
    assert (stretch.close[0] == bars.close).all()


def test_a_gap_that_serving_fills_is_filled_flat_here_too() -> None:
    bars = without(simulated("BTC", 2), 100, 3)
    (stretch,) = stretches(BTC, bars, Timeframe.M5)
    assert stretch.filled[0, 100:103].all()
    assert (stretch.close[0, 100:103] == bars.close[99]).all()


def test_a_gap_that_serving_refuses_breaks_the_stretch_and_nothing_is_filled() -> None:
    before, after = stretches(BTC, without(simulated("BTC", 2), 100, 4), Timeframe.M5)
    assert (len(before.close_time), len(after.close_time)) == (100, 2 * 288 - 104)
    assert not before.filled.any()
    assert not after.filled.any()


def test_a_missing_session_breaks_the_stretch() -> None:
    before, after = stretches(AAPL, without(simulated("AAPL", 14), 78 * 3, 78), Timeframe.M15)
    assert len(before.close_time) == 3 * 26
    assert len(after.close_time) == (len(simulated("AAPL", 14)) // 78 - 4) * 26


@pytest.mark.parametrize("first", [100, 101, 102])
def test_a_15m_bar_with_a_slot_in_a_long_gap_is_in_no_stretch(first: int) -> None:
    bars = without(simulated("BTC", 2), first, 5)
    found = stretches(BTC, bars, Timeframe.M15)
    slots = np.concatenate([s.close_time[:, None] - np.array([600, 300, 0]) for s in found]).ravel()
    missing = simulated("BTC", 2).open_time[first : first + 5] + 300
    assert not np.isin(missing, slots).any()
    assert len(found) == 2


def test_no_sample_looks_back_over_a_long_gap_or_forward_into_it() -> None:
    bars = without(simulated("BTC", 8), 1000, 50)
    samples = samples_of({BTC: bars})
    gap = (int(bars.open_time[999]) + 300, int(bars.open_time[1000]))
    looked_back = samples.bar_close - (BARS_NEEDED[Timeframe.M5] - 1) * 300
    touches = (looked_back <= gap[1]) & (samples.decided > gap[0])
    assert not (samples.usable & touches).any()
    assert (samples.usable & (samples.bar_close > gap[1])).any()


def test_bars_that_no_market_prints_leave_the_asset_out_with_the_reason() -> None:
    bars = simulated("BTC", 8)
    bars.low[500] = bars.high[500] * 2
    with pytest.raises(BadCandles, match="a high below its low"):
        stretches(BTC, bars, Timeframe.M5)
    samples, left_out = build_samples(BTC.market, Timeframe.M5, {BTC: bars}, LabelRule())
    assert samples is None
    assert "a high below its low" in str(left_out[BTC])


def test_an_asset_with_hardly_any_candles_is_left_out_with_the_reason() -> None:
    pool = {AAPL: simulated("AAPL", 30), find_asset("TMO"): simulated("TMO", 4)}
    samples, left_out = build_samples(AAPL.market, Timeframe.M5, pool, LabelRule())
    assert samples is not None
    assert samples.assets == (AAPL,)
    assert "too few candles" in str(left_out[find_asset("TMO")])


@pytest.mark.parametrize("timeframe", list(Timeframe))
@pytest.mark.parametrize("symbol", ["AAPL", "BTC"])
def test_a_training_window_is_what_serving_would_see(symbol: str, timeframe: Timeframe) -> None:
    asset, bars = find_asset(symbol), simulated(symbol, 70 if symbol == "AAPL" else 16)
    samples = samples_of({asset: bars}, timeframe)
    for row in np.flatnonzero(samples.usable)[[0, 40, -1]]:
        grid = samples.bar_close[row + 1 - BARS_NEEDED[timeframe] : row + 1]
        served, refused = align({asset: bars.closed_by(int(grid[-1]))}, grid, timeframe)
        assert not refused
        seen = features(served)[0, -WINDOW:]
        # EMAs remember what lies before the bars that a refresh fetches, if ever less.
        np.testing.assert_allclose(samples.features[row + 1 - WINDOW : row + 1], seen, atol=2e-4, rtol=1e-4)
