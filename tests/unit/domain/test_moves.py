"""Which bars moved further than their asset's own do, and that readers hear of it."""

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Timeframe, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.caveats import caveats
from growfolio.domain.grid import last_slots
from growfolio.domain.moves import doubtful
from growfolio.domain.times import BAR, DAY

from tests.bars import changed, moment, on_slots, printed, without

AAPL, BTC = find_asset("AAPL"), find_asset("BTC")
NOW = moment("2024-09-05 18:00")
AT = -20


def spike(bars: Bars, factor: float) -> Bars:
    """One bar at a multiple of its price."""
    prices = {name: float(getattr(bars, name)[AT]) * factor for name in ("open", "high", "low", "close")}
    return changed(bars, AT, **prices)


@pytest.mark.parametrize("asset", [AAPL, BTC])
@pytest.mark.parametrize("factor", [1.04, 1.5, 3.0, 0.5])
def test_a_bar_at_another_price_and_the_one_after_it_are_doubtful(asset: Asset, factor: float) -> None:
    found = doubtful(spike(printed(asset, NOW - 2 * DAY, NOW), factor))
    assert (np.flatnonzero(found) - len(found)).tolist() == [AT, AT + 1]


def test_a_wick_far_longer_than_the_others_is_doubtful() -> None:
    bars = printed(BTC, NOW - 2 * DAY, NOW)
    assert np.flatnonzero(doubtful(changed(bars, AT, high=float(bars.high[AT]) * 1.5))).size == 1


def test_what_assets_do_on_a_usual_day_over_nights_and_over_gaps_is_not_doubtful() -> None:
    for asset in (*assets_of(AAPL.market), *assets_of(BTC.market)):
        assert not doubtful(printed(asset, NOW - 9 * DAY, NOW)).any()
    bars = printed(AAPL, NOW - 9 * DAY, NOW)
    later = bars.open_time > bars.open_time[AT]
    prices = {
        name: np.where(later, 1.1, 1.0) * getattr(bars, name) for name in ("open", "high", "low", "close")
    }
    stepped = Bars(bars.open_time, volume=bars.volume, **prices)
    assert doubtful(stepped).sum() == 1
    assert not doubtful(without(stepped, AT, AT - 1)).any()


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_readers_of_signals_that_see_a_doubtful_bar_are_warned(timeframe: Timeframe) -> None:
    grid = last_slots(BTC.market, NOW, timeframe, min(100, 300 * BAR // timeframe.seconds))
    bars = on_slots(BTC, last_slots(BTC.market, NOW, Timeframe.M5, 300))
    usual, _ = align({BTC: bars}, grid, timeframe)
    assert caveats(usual, 0) == ()
    for spoiled in (spike(bars, 1.5), changed(bars, AT, volume=float(bars.volume[AT]) * 1e5)):
        odd, _ = align({BTC: spoiled}, grid, timeframe)
        assert caveats(odd, 0) == (
            "a candle moved further, or traded more, than its asset's own do: an error or news",
        )


def test_bars_without_prices_or_none_at_all_raise_nothing() -> None:
    assert doubtful(Bars.of([])).tolist() == []
    assert not doubtful(Bars.of([(0, np.nan, np.nan, np.nan, np.nan, 0.0)])).any()
