"""Who goes on from whom: only from what ended no later, and has more to learn from."""

from dataclasses import replace
from pathlib import Path

import pytest
from growfolio.assets import Asset, Market, Timeframe
from growfolio.candles import Bars

from training.dataset import Part, Samples, build_samples
from training.fit import FitSettings
from training.labels import LabelRule
from training.lineage import forebear
from training.pool import plan
from training.settings import TrainSettings


def pool(market: dict[Asset, Bars], kind: Market, timeframe: Timeframe) -> Samples:
    bars = {asset: bars for asset, bars in market.items() if asset.market is kind}
    samples, _ = build_samples(kind, timeframe, bars, LabelRule())
    assert samples is not None
    return samples


@pytest.fixture(scope="module")
def stocks(market: dict[Asset, Bars]) -> Samples:
    return pool(market, Market.STOCKS, Timeframe.M5)


@pytest.fixture(scope="module")
def coins(market: dict[Asset, Bars], stocks: Samples) -> Samples:
    """Whose parts all end an hour before those of the stocks."""
    own, cuts = pool(market, Market.CRYPTO, Timeframe.M5), stocks.split
    hour = 3600
    return replace(own, split=replace(cuts, validate_until=cuts.validate_until - hour, train_until=2**40))


def chosen(samples: Samples, *others: Samples) -> Samples | None:
    return forebear(samples, others, lambda other: other)


def test_a_pool_goes_on_from_the_other_markets_that_has_more_to_learn_from(
    stocks: Samples, coins: Samples
) -> None:
    assert len(coins.rows(Part.TRAIN)) > len(stocks.rows(Part.TRAIN))
    assert chosen(stocks, stocks, coins) is coins
    assert chosen(coins, stocks, coins) is None


def test_what_ended_later_is_the_future_and_is_not_gone_on_from(stocks: Samples, coins: Samples) -> None:
    same_moment = replace(coins, split=replace(coins.split, validate_until=stocks.split.validate_until))
    later = replace(coins, split=replace(coins.split, validate_until=stocks.split.validate_until + 1))
    assert chosen(stocks, same_moment) is same_moment
    assert chosen(stocks, later) is None
    assert chosen(stocks, later, coins, same_moment) is same_moment


def test_another_timeframe_is_not_gone_on_from(market: dict[Asset, Bars], stocks: Samples) -> None:
    other = pool(market, Market.CRYPTO, Timeframe.M15)
    assert chosen(stocks, replace(other, split=replace(stocks.split, train_until=2**40))) is None


def test_assets_go_on_from_their_pool_and_the_line_says_what_was_seen(
    stocks: Samples, coins: Samples, tmp_path: Path
) -> None:
    settings = TrainSettings(tmp_path, tmp_path, fit=FitSettings(epochs=1))
    planned, _ = plan([stocks, coins], settings)
    by_id = {job.id: job for jobs in planned for job in jobs}
    assert [jobs[0].id for jobs in planned] == ["stocks_5m_lstm", "crypto_5m_lstm"]
    assert by_id["stocks_5m_lstm"].follows is by_id["crypto_5m_lstm"]
    assert by_id["AAPL_5m_lstm"].lineage == (stocks, coins)
    assert by_id["BTC_USDT_5m_lstm"].lineage == (coins,)
    assert by_id["crypto_5m_lstm"].lineage == ()
