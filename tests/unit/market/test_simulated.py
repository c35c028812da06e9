"""Made-up candles: the same for everyone who asks, and like those of a market."""

from functools import cache

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import PRICES, Bars, FloatArray
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR, DAY
from growfolio.market.simulated import LEVELS, SimulatedSource
from hypothesis import given
from hypothesis import strategies as st

from tests.bars import moment

NOW = moment("2024-09-05 18:00")


def bars_of(asset: Asset, since: int, now: int, seed: int = 0) -> Bars:
    bars = SimulatedSource(seed).fetch({asset: since}, now)[asset]
    assert isinstance(bars, Bars)
    return bars


@cache
def everything(asset: Asset) -> Bars:
    return bars_of(asset, NOW - 20 * DAY, NOW + 5 * DAY)


def test_every_answer_says_that_it_is_made_up() -> None:
    assert SimulatedSource().simulated
    assert SimulatedSource().name == "simulated"


@given(
    asset=st.sampled_from(ASSETS),
    since=st.integers(NOW - 20 * DAY, NOW),
    now=st.integers(NOW - 5 * DAY, NOW + 5 * DAY),
)
def test_a_bar_is_the_same_whenever_and_since_whenever_it_is_asked_for(
    asset: Asset, since: int, now: int
) -> None:
    part, whole = bars_of(asset, since, now), everything(asset)
    same = whole.where((whole.open_time >= since) & (whole.open_time + BAR <= now))
    for name in ("open_time", *PRICES):
        np.testing.assert_array_equal(getattr(part, name), getattr(same, name))


def test_another_seed_is_another_market_and_each_asset_has_its_own_path() -> None:
    asset, other = find_asset("AAPL"), find_asset("MSFT")
    close = bars_of(asset, NOW - DAY, NOW).close
    assert (close != bars_of(asset, NOW - DAY, NOW, seed=1).close).mean() > 0.9
    ours, theirs = np.diff(np.log(close)), np.diff(np.log(bars_of(other, NOW - DAY, NOW).close))
    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.5


@pytest.mark.parametrize("market", Market)
@pytest.mark.parametrize(
    "now", ["2016-03-01 15:00", "2024-07-03 16:00", "2024-09-07 12:00", "2029-12-28 20:00"]
)
def test_every_asset_has_flawless_candles_at_any_time_the_calendar_covers(market: Market, now: str) -> None:
    grid = last_slots(market, moment(now), Timeframe.M15, 430)
    answers = SimulatedSource().fetch(dict.fromkeys(assets_of(market), int(grid[0]) - 900), moment(now))
    bars = {asset: own for asset, own in answers.items() if isinstance(own, Bars)}
    candles, refused = align(bars, grid, Timeframe.M15)
    assert refused == {}
    assert candles.assets == assets_of(market)
    assert not candles.filled.any()
    assert (candles.volume > 0).all()


@pytest.mark.parametrize("asset", ASSETS, ids=lambda asset: asset.id)
def test_prices_stay_around_what_the_asset_costs(asset: Asset) -> None:
    close = bars_of(asset, NOW - 250 * DAY, NOW).close
    assert 0.4 < np.median(close) / LEVELS.get(asset.symbol, 100.0) < 2.5


def returns_of(market: Market) -> list[FloatArray]:
    """Log returns within sessions of every asset, over ten weeks."""
    found = []
    for asset in assets_of(market):
        bars = bars_of(asset, NOW - 70 * DAY, NOW)
        steps = np.diff(np.log(bars.close))
        found.append(steps[np.diff(bars.open_time) == BAR])
    return found


@pytest.mark.parametrize("market", Market)
def test_wild_bars_come_in_clusters_and_their_direction_cannot_be_told(market: Market) -> None:
    def memory(series: FloatArray) -> float:
        return float(np.corrcoef(series[1:], series[:-1])[0, 1])

    returns = returns_of(market)
    assert np.mean([memory(np.abs(series)) for series in returns]) > 0.1
    assert abs(np.mean([memory(series) for series in returns])) < 0.02
    kurtosis = [float(np.mean((s - s.mean()) ** 4) / s.var() ** 2) for s in returns]
    assert np.mean(kurtosis) > 4  # a normal distribution has 3


def test_stocks_are_busy_at_the_open_and_the_close_and_quiet_at_noon() -> None:
    volumes = []
    for asset in assets_of(Market.STOCKS):
        bars = bars_of(asset, moment("2024-06-03 00:00"), moment("2024-06-29 00:00"))
        days = bars.volume.reshape(-1, 78)
        volumes.append((days / days.mean(axis=1, keepdims=True)).mean(axis=0))
    shape = np.mean(volumes, axis=0)
    assert shape[:6].mean() > 1.3
    assert shape[-6:].mean() > 1.3
    assert shape[30:48].mean() < 0.8


def test_all_assets_have_their_window_at_once() -> None:
    source = SimulatedSource()
    for market in Market:
        grid = last_slots(market, NOW, Timeframe.M5, 1400)
        answers = source.fetch(dict.fromkeys(assets_of(market), int(grid[0]) - BAR), NOW)
        assert all(isinstance(bars, Bars) and len(bars) == 1400 for bars in answers.values())
