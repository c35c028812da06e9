"""Who goes on from whom: only from what ended no later and has more to learn from."""

from dataclasses import replace
from pathlib import Path

import pytest
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label

from training.data.dataset import Part, Samples, build_samples, on_one_calendar
from training.fitting.parent_pool import parent_pool
from training.fitting.settings import FitSettings
from training.release.pool import plan
from training.settings import TrainSettings


def pool(market: dict[Asset, Bars], kind: Market, timeframe: Timeframe) -> Samples:
    bars = {asset: bars for asset, bars in market.items() if asset.market is kind}
    samples, _ = build_samples(kind, timeframe, bars, Label())
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
    return parent_pool(samples, others, lambda other: other)


def test_a_pool_goes_on_from_the_other_markets_that_has_more_to_learn_from(
    stocks: Samples, coins: Samples
) -> None:
    assert len(coins.rows(Part.TRAIN)) > len(stocks.rows(Part.TRAIN))
    assert chosen(stocks, stocks, coins) is coins
    assert chosen(coins, stocks, coins) is None


def test_weights_of_other_inputs_are_not_gone_on_from(stocks: Samples, coins: Samples) -> None:
    assert chosen(stocks, coins) is coins
    assert chosen(stocks, coins.seen_through(Inputs(("close", "rsi_14")))) is None


def test_what_ended_later_is_the_future_and_is_not_gone_on_from(stocks: Samples, coins: Samples) -> None:
    same_moment = replace(coins, split=replace(coins.split, validate_until=stocks.split.validate_until))
    later = replace(coins, split=replace(coins.split, validate_until=stocks.split.validate_until + 1))
    assert chosen(stocks, same_moment) is same_moment
    assert chosen(stocks, later) is None
    assert chosen(stocks, later, coins, same_moment) is same_moment


def test_of_the_same_market_the_finer_timeframe_is_gone_on_from_and_of_two_markets_the_same_timeframe(
    market: dict[Asset, Bars], stocks: Samples, coins: Samples
) -> None:
    coarse, other_coarse = (pool(market, kind, Timeframe.M15) for kind in (Market.STOCKS, Market.CRYPTO))
    assert chosen(coarse, replace(stocks, split=coarse.split)) is not None
    assert chosen(stocks, replace(other_coarse, split=replace(stocks.split, train_until=2**40))) is None
    assert chosen(stocks, replace(coarse, split=replace(stocks.split, train_until=2**40)), coins) is coins


def test_both_timeframes_of_a_market_are_cut_at_the_same_moments(market: dict[Asset, Bars]) -> None:
    pools = [pool(market, Market.STOCKS, timeframe) for timeframe in Timeframe]
    fine, coarse = on_one_calendar(pools)
    assert fine.split == pools[0].split
    assert coarse.split.train_until == fine.split.train_until != pools[1].split.train_until
    assert coarse.split.validate_until == fine.split.validate_until
    assert coarse.split.test_from > fine.split.test_from, "60 bars of 15 minutes lie between its parts"
    assert chosen(coarse, fine) is fine


def test_assets_go_on_from_their_pool_and_the_line_says_what_was_seen(
    stocks: Samples, coins: Samples, tmp_path: Path
) -> None:
    settings = TrainSettings((tmp_path,), tmp_path, fit=FitSettings(epochs=1))
    planned, _ = plan([stocks, coins], settings)
    by_id = {job.id: job for jobs in planned for job in jobs}
    assert [jobs[0].id for jobs in planned] == ["stocks_5m_lstm", "crypto_5m_lstm"]
    assert by_id["stocks_5m_lstm"].follows is by_id["crypto_5m_lstm"]
    assert by_id["AAPL_5m_lstm"].lineage == (stocks, coins)
    assert by_id["BTC_USDT_5m_lstm"].lineage == (coins,)
    assert by_id["crypto_5m_lstm"].lineage == ()
