"""Models that see the market: a refresh looks at all of it, whichever asset lacks a signal."""

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.forecast import Inputs
from growfolio.domain.signals import Status
from growfolio.errors import TemporaryMarketError
from growfolio.indicators.registry import all_context_inputs, all_indicators
from growfolio.indicators.standard import FEATURES
from growfolio.indicators.views import STANDARD
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.run import refresh
from growfolio.refresh.work import BACKLOG
from growfolio.storage.records import MarketRecord

from tests.bars import changed, moment, without
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedFeed, FixedForecaster, FixedQuotes, walk

NOW = moment("2024-09-05 18:00") + 10
MARKET = Market.CRYPTO
COINS = assets_of(MARKET)
BTC, ETH, SOL = (find_asset(symbol) for symbol in ("BTC", "ETH", "SOL"))
SILENT = TemporaryMarketError("no answer within 6 s")
WITH_MARKET = Inputs(FEATURES, ("market_moves", "leader_moves"))
EVERYTHING = Inputs(tuple(all_indicators()), tuple(all_context_inputs()))


class World:
    def __init__(self, inputs: Inputs) -> None:
        self.store, self.forecaster = MemoryStore(), FixedForecaster(inputs=inputs)
        self.feed = FixedFeed({asset: walk(asset, NOW) for asset in COINS})
        self.quotes = FixedQuotes({})

    def refresh(self) -> RefreshReport:
        self.feed.asked.clear()
        self.forecaster.views.clear()
        self.quotes.asked.clear()
        return refresh(Ports(MARKET, self.feed, self.forecaster, self.store, self.quotes), NOW)

    def seen(self, name: str, asset: Asset = ETH) -> np.ndarray:
        """A context input of an asset's newest 5m bar, where all assets were decided together."""
        return np.asarray(self.forecaster.views[0].context[name][COINS.index(asset)])


def test_models_get_what_they_asked_for_and_no_more() -> None:
    world = World(EVERYTHING)
    world.refresh()
    for views in world.forecaster.views:
        assert views.sequence == EVERYTHING.sequence
        assert tuple(views.context) == EVERYTHING.context
        assert views.windows.shape == (len(COINS), 60, len(EVERYTHING.sequence))
        assert all(np.isfinite(columns).all() for columns in views.context.values())
        assert not views.broken
    plain = World(STANDARD)
    plain.refresh()
    assert not plain.forecaster.views[0].context
    np.testing.assert_array_equal(
        plain.forecaster.views[0].windows, world.forecaster.views[0].windows[..., : len(FEATURES)]
    )


def test_an_asset_that_comes_late_sees_the_whole_market_and_the_others_are_not_decided_again() -> None:
    world, twin = World(WITH_MARKET), World(WITH_MARKET)
    twin.refresh()
    late, world.feed.answers[ETH] = world.feed.answers[ETH], SILENT
    assert set(world.refresh().troubles) == {(ETH, timeframe) for timeframe in Timeframe}
    world.feed.answers[ETH] = late
    report = world.refresh()
    assert world.feed.asked[0] == (ETH,)
    assert {asset for asked in world.feed.asked for asset in asked} == set(COINS)
    assert world.quotes.asked == [(ETH,)]
    assert (report.written, report.troubles) == (len(Timeframe), {})
    assert [len(views) for views in world.forecaster.views] == [1] * len(Timeframe)
    for name in WITH_MARKET.context:
        np.testing.assert_array_equal(world.forecaster.views[0].context[name][0], twin.seen(name))


def test_without_context_a_refresh_asks_for_the_late_asset_alone() -> None:
    world = World(STANDARD)
    late, world.feed.answers[ETH] = world.feed.answers[ETH], SILENT
    world.refresh()
    world.feed.answers[ETH] = late
    world.refresh()
    assert world.feed.asked == [(ETH,)]


def market_prices(world: World) -> dict[Asset, MarketRecord]:
    """What readers are shown of each asset's prices."""
    return {record.asset: record for record in world.store.markets(COINS)}


def test_trouble_of_an_asset_that_has_its_signal_is_no_trouble_of_the_run() -> None:
    world = World(WITH_MARKET)
    late, world.feed.answers[ETH] = world.feed.answers[ETH], SILENT
    world.refresh()
    shown = market_prices(world)
    world.feed.answers[ETH] = late
    bad = walk(BTC, NOW)
    world.feed.answers[BTC] = changed(bad, len(bad) - 1, high=float("inf"))
    world.feed.answers[SOL] = SILENT
    report = world.refresh()
    assert report.troubles == {}
    signals = {record.asset: record for record in world.store.signals(Timeframe.M5)}
    assert all(record.signal is not None for record in signals.values())
    attempts = [record.last_attempt for record in signals.values()]
    assert {attempt.status for attempt in attempts if attempt} == {Status.OK}
    assert market_prices(world)[BTC] == shown[BTC]


@pytest.mark.parametrize("symbol", ["SOL", "BTC"])
def test_an_asset_that_is_silent_changes_the_others_only_through_the_mean(symbol: str) -> None:
    asset = find_asset(symbol)
    world, twin = World(EVERYTHING), World(EVERYTHING)
    twin.refresh()
    world.feed.answers[asset] = SILENT
    world.refresh()
    others = [row for row, other in enumerate(COINS) if other is not asset]
    whole, fewer = twin.forecaster.views[0], world.forecaster.views[0]
    np.testing.assert_array_equal(fewer.windows, whole.windows[others])
    of_market = {"market_moves", "moves_against_market", "leader_moves"}
    for name in EVERYTHING.context:
        if name not in of_market:
            np.testing.assert_array_equal(fewer.context[name], whole.context[name][others])
    assert np.isfinite(fewer.context["market_moves"]).all()
    assert (fewer.context["market_moves"] != whole.context["market_moves"][others]).any()


def test_each_bar_of_a_backlog_sees_the_market_of_its_own_moment() -> None:
    world = World(EVERYTHING)
    world.refresh()
    early = World(EVERYTHING)
    refresh(Ports(MARKET, early.feed, early.forecaster, early.store), NOW - BACKLOG * 300)
    early.forecaster.views.clear()
    refresh(Ports(MARKET, early.feed, early.forecaster, early.store), NOW)
    backlog = early.forecaster.views[0]
    assert len(backlog) == len(COINS) * BACKLOG
    newest = [BACKLOG * (row + 1) - 1 for row in range(len(COINS))]
    for name in EVERYTHING.context:
        columns = backlog.context[name][newest]
        np.testing.assert_allclose(columns, world.forecaster.views[0].context[name], atol=1e-6)


def test_a_break_in_one_coins_trading_leaves_the_others_as_they_are() -> None:
    world, twin = World(EVERYTHING), World(EVERYTHING)
    twin.refresh()
    whole = walk(SOL, NOW)
    world.feed.answers[SOL] = without(whole, *range(len(whole) - 80, len(whole) - 60))
    report = world.refresh()
    assert report.troubles == {}
    rows = [row for row, other in enumerate(COINS) if other is not SOL]
    for name in EVERYTHING.context:
        np.testing.assert_allclose(
            world.forecaster.views[0].context[name][rows],
            twin.forecaster.views[0].context[name][rows],
            atol=1e-6,
            err_msg=name,
        )
    assert all(record.signal for record in world.store.signals(Timeframe.M5))


def test_no_assets_candles_no_views() -> None:
    world = World(EVERYTHING)
    world.feed.answers.clear()
    report = world.refresh()
    assert {attempt.status for attempt in report.troubles.values()} == {Status.NO_DATA}
    assert world.forecaster.views == []
