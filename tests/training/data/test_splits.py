"""One calendar for all assets, and room between its parts."""

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars
from growfolio.domain.forecast import WINDOW
from growfolio.domain.label import Label

from training.data.dataset import Part, Samples, build_samples


@pytest.fixture(params=[(Market.STOCKS, 1), (Market.STOCKS, 5), (Market.CRYPTO, 1), (Market.CRYPTO, 12)])
def pool(request: pytest.FixtureRequest, market: dict[Asset, Bars]) -> Samples:
    wanted, horizon = request.param
    bars = {asset: own for asset, own in market.items() if asset.market is wanted}
    samples, _ = build_samples(wanted, Timeframe.M5, bars, Label(horizon_bars=horizon))
    assert samples is not None
    return samples


def test_the_parts_hold_about_70_15_and_15_percent_of_the_samples(pool: Samples) -> None:
    counts = np.array([len(pool.rows(part)) for part in Part])
    assert counts / counts.sum() == pytest.approx([0.7, 0.15, 0.15], abs=0.03)


def test_every_asset_of_a_pool_is_cut_at_the_same_moments(pool: Samples) -> None:
    for earlier, later in ((Part.TRAIN, Part.VALIDATION), (Part.VALIDATION, Part.TEST)):
        ends = [pool.bar_close[pool.rows(earlier, asset)].max() for asset in pool.assets]
        starts = [pool.bar_close[pool.rows(later, asset)].min() for asset in pool.assets]
        assert len(pool.assets) == 2
        assert max(ends) < min(starts)
        assert len(set(starts)) == 1


def test_labels_of_a_part_are_decided_before_the_next_part_begins(pool: Samples) -> None:
    assert pool.decided[pool.rows(Part.TRAIN)].max() <= pool.split.train_until
    assert pool.decided[pool.rows(Part.VALIDATION)].max() <= pool.split.validate_until
    assert pool.split.train_until < pool.bar_close[pool.rows(Part.VALIDATION)].min()
    assert pool.split.validate_until < pool.bar_close[pool.rows(Part.TEST)].min()


def test_no_window_of_a_part_holds_a_bar_of_the_part_before(pool: Samples) -> None:
    for part, until in ((Part.VALIDATION, pool.split.train_until), (Part.TEST, pool.split.validate_until)):
        first_seen = pool.bar_close[pool.rows(part) - (WINDOW - 1)]
        assert first_seen.min() > until


def test_the_gap_is_no_wider_than_it_must_be(pool: Samples) -> None:
    between = (pool.bar_close > pool.split.train_until) & (pool.bar_close < pool.split.validate_from)
    assert np.bincount(pool.asset[between]).tolist() == [WINDOW - 1] * 2
