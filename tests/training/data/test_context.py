"""Context that training sees is what a refresh at that moment would see, whichever assets had started."""

import numpy as np
import pytest
from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.forecast import Inputs
from growfolio.domain.grid import last_slots
from growfolio.domain.indicators import indicators
from growfolio.domain.label import Label
from growfolio.domain.times import DAY
from growfolio.indicators.market_moves import SPANS
from growfolio.indicators.registry import all_context_inputs
from growfolio.indicators.views import views_of

from tests.training.conftest import END
from training.data.dataset import Samples, build_samples

BTC, ETH = map(find_asset, ("BTC", "ETH"))
SEEN = Inputs(("close",), tuple(all_context_inputs()))
NEEDED = BARS_NEEDED[Timeframe.M5]


@pytest.fixture(scope="module")
def coins(market: dict[Asset, Bars]) -> dict[Asset, Bars]:
    """ETH starts days after BTC."""
    later = market[ETH].where(market[ETH].open_time >= END - 5 * DAY)
    return {BTC: market[BTC].where(market[BTC].open_time >= END - 8 * DAY), ETH: later}


def samples_of(bars: dict[Asset, Bars]) -> Samples:
    samples, _ = build_samples(Market.CRYPTO, Timeframe.M5, bars, Label(), inputs=SEEN)
    assert samples is not None
    return samples


def test_an_asset_counts_in_its_markets_moves_from_when_a_refresh_would_have_it(
    coins: dict[Asset, Bars],
) -> None:
    both, alone = samples_of(coins), samples_of({BTC: coins[BTC]})
    seen = both.context[both.asset == both.assets.index(BTC)]
    started = int(np.argmax((seen != alone.context).any(axis=1)))
    # The last bar that closes before the asset has whole history, less those that are summed.
    known = int(np.flatnonzero(alone.bar_close == END - 5 * DAY)[0]) + NEEDED
    assert known - max(SPANS) <= started <= known


def test_training_and_a_refresh_see_the_same_context(coins: dict[Asset, Bars]) -> None:
    samples = samples_of(coins)
    rows = np.flatnonzero(samples.usable)
    # The bars in which ETH is counted a little before a refresh would have it.
    first = int(samples.bar_close[rows[samples.asset[rows] == samples.assets.index(ETH)]].min())
    between = (samples.bar_close < first) & (samples.bar_close >= first - max(SPANS) * 300)
    for row in np.random.default_rng(0).choice(rows[~between[rows]], 12, replace=False):
        close = int(samples.bar_close[row])
        bars = {asset: known for asset, own in coins.items() if len(known := own.closed_by(close))}
        grid = last_slots(Market.CRYPTO, close, Timeframe.M5, NEEDED)
        candles, _ = align(bars, grid, Timeframe.M5, NEEDED)
        at = candles.assets.index(samples.assets[samples.asset[row]])
        _, context = views_of(candles, [at], [NEEDED - 1], SEEN, indicators(candles)).of(SEEN)
        np.testing.assert_allclose(context[0], samples.context[row], atol=1e-5)
