"""What one refresh does to the table, whatever the providers and models did to it."""

import time
from datetime import UTC, datetime

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import Action, Signal, Status
from growfolio.errors import PermanentMarketError, StoreError
from growfolio.limits import Deadline
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.run import refresh
from growfolio.refresh.work import BACKLOG

from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedFeed, FixedForecaster, walk
from tests.patience import HANG
from tests.unit.refresh.world import AAPL, ALL, BAR, BTC, NOW, STOCKS, World


class SlowModels(FixedForecaster):
    """Models that are not loaded before somebody has asked for candles."""

    def __init__(self, feed: FixedFeed) -> None:
        super().__init__()
        self._feed = feed

    @property
    def revision(self) -> str:
        give_up = time.monotonic() + HANG
        while not self._feed.asked and time.monotonic() < give_up:
            time.sleep(0.001)
        return "asked" if self._feed.asked else "not asked"

    @revision.setter
    def revision(self, _: str) -> None:
        pass


def test_candles_are_asked_for_while_models_load(world: World) -> None:
    world.forecaster = SlowModels(world.feed)
    ports = Ports(world.market, world.feed, world.forecaster, world.store)
    report = refresh(ports, NOW, Deadline(lambda: HANG))
    assert report.written == ALL
    assert world.forecaster.revision == "asked"
    assert world.feed.asked == [STOCKS]


def test_after_a_promotion_candles_are_asked_for_once_the_new_models_are_known(world: World) -> None:
    world.refresh()
    world.forecaster = FixedForecaster(revision="b" * 40)
    assert world.refresh().written == ALL
    assert world.feed.asked == [STOCKS, STOCKS]


def test_every_asset_gets_a_signal_on_both_timeframes_from_the_bar_that_just_closed(world: World) -> None:
    report = world.refresh()
    assert (report.written, report.unchanged, report.troubles) == (ALL, 0, {})
    for timeframe in Timeframe:
        assert {record.asset for record in world.store.signals(timeframe)} == set(STOCKS)
    signal = world.signal(AAPL)
    assert (signal.action, signal.bar_close, signal.generated_at) == (Action.BUY, BAR, NOW)
    assert signal.price.source == "fake close"
    assert float(signal.price.value) == pytest.approx(walk(AAPL, NOW).close[-1], abs=0.005)


def test_a_second_refresh_of_the_same_moment_writes_nothing_and_asks_no_provider(world: World) -> None:
    world.refresh()
    report = world.refresh()
    assert (report.written, report.unchanged) == (0, ALL)
    assert len(world.feed.asked) == 1


def test_bars_that_had_not_closed_change_nothing(world: World) -> None:
    other = World()
    for asset, bars in world.feed.answers.items():
        assert isinstance(bars, Bars)
        unclosed = Bars.of([[BAR, 1.0, 9e5, 0.5, 9e5, 1e9], [BAR + 300, 1.0, 9e5, 0.5, 9e5, 1e9]])
        other.feed.answers[asset] = bars.followed_by(unclosed)
    world.refresh()
    other.refresh()
    for mine, theirs in zip(world.forecaster.windows, other.forecaster.windows, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for timeframe in Timeframe:
        assert world.store.signals(timeframe) == other.store.signals(timeframe)


def test_one_assets_trouble_is_its_own(world: World) -> None:
    bars = walk(AAPL, NOW)
    bars.close[-1] = -1.0
    world.feed.answers[AAPL] = bars
    world.feed.answers[find_asset("MSFT")] = PermanentMarketError("yahoo knows no MSFT")
    report = world.refresh()
    assert {asset.symbol for asset, _ in report.troubles} == {"AAPL", "MSFT"}
    attempt = world.record(AAPL).last_attempt
    assert attempt is not None
    assert attempt.status is Status.BAD_DATA
    assert attempt.reasons == ("a price of zero or less in the candle of 2024-09-05 17:55 UTC",)
    silent = world.record(find_asset("MSFT")).last_attempt
    assert silent is not None
    assert (silent.status, silent.reasons) == (Status.NO_DATA, ("yahoo knows no MSFT",))
    served = [r for timeframe in Timeframe for r in world.store.signals(timeframe) if r.signal]
    assert len(served) == ALL - 2 * len(Timeframe)


def test_a_failure_is_noted_beside_the_last_good_signal_and_healed_by_the_next_refresh(world: World) -> None:
    world.refresh()
    later = NOW + 300
    for asset in STOCKS:
        world.feed.answers[asset] = walk(asset, later)
    world.feed.answers[AAPL] = PermanentMarketError("blocked")
    world.refresh(later)
    record = world.record(AAPL)
    assert record.signal is not None
    assert record.signal.bar_close == BAR
    assert record.last_attempt is not None
    assert record.last_attempt.bar_close == BAR + 300
    world.feed.answers[AAPL] = walk(AAPL, later)
    report = world.refresh(later + 30)
    assert report.written == 1
    assert world.feed.asked[-1] == (AAPL,)
    assert world.signal(AAPL).bar_close == BAR + 300


def test_numbers_that_arithmetic_refuses_stop_one_asset_alone(world: World) -> None:
    bars = walk(AAPL, NOW)
    for prices in (bars.open, bars.high, bars.low, bars.close):
        prices *= 1e30
    world.feed.answers[AAPL] = bars
    world.refresh()
    attempt = world.record(AAPL).last_attempt
    assert attempt is not None
    assert attempt.status is Status.BAD_DATA
    assert len([r for r in world.store.signals(Timeframe.M5) if r.signal]) == len(STOCKS) - 1


def test_a_missing_model_is_a_reason_not_a_signal(world: World) -> None:
    world.forecaster = FixedForecaster(without=lambda asset, _: asset == AAPL)
    world.refresh()
    record = world.record(AAPL)
    assert record.signal is None
    assert record.last_attempt is not None
    assert record.last_attempt.status is Status.NO_MODEL
    assert record.last_attempt.reasons == ("no model for AAPL 5m",)


def test_bars_missed_by_earlier_runs_enter_the_history_and_the_newest_is_served(world: World) -> None:
    world.refresh()
    later = NOW + 3 * 300
    for asset in STOCKS:
        world.feed.answers[asset] = walk(asset, later)
    report = world.refresh(later)
    assert world.signal(AAPL).bar_close == BAR + 900
    page = world.store.history(AAPL, Timeframe.M5, limit=10)
    assert [signal.bar_close for signal in page.signals] == [BAR + 900, BAR + 600, BAR + 300, BAR]
    assert report.late == 2 * len(STOCKS)


def test_a_long_silence_is_caught_up_on_for_an_hour_of_bars_only(world: World) -> None:
    world.refresh()
    tomorrow = NOW + 86_400
    for asset in STOCKS:
        world.feed.answers[asset] = walk(asset, tomorrow)
    world.refresh(tomorrow)
    page = world.store.history(AAPL, Timeframe.M5, limit=100)
    assert len(page.signals) == 1 + BACKLOG


def test_the_bar_of_the_close_is_handled_though_the_market_has_just_closed() -> None:
    close = int(datetime(2024, 9, 5, 20, 0, tzinfo=UTC).timestamp())
    world = World(now=close + 20)
    world.refresh(close + 20)
    assert world.signal(AAPL).bar_close == close
    assert world.signal(AAPL, Timeframe.M15).bar_close == close


def test_a_promoted_revision_replaces_the_signal_of_the_same_bar(world: World) -> None:
    world.refresh()
    world.forecaster = FixedForecaster((0.8, 0.1, 0.1), revision="b" * 40)
    report = world.refresh()
    assert report.written == ALL
    assert (world.signal(AAPL).action, world.signal(AAPL).model.revision) == (Action.SELL, "b" * 40)


def test_a_store_that_refuses_one_write_still_gets_the_others(world: World) -> None:
    class Refusing(MemoryStore):
        def put_signal(self, signal: Signal) -> bool:
            if signal.asset == AAPL:
                raise StoreError("throttled")
            return super().put_signal(signal)

    world.store = Refusing()
    report = world.refresh()
    assert report.store_faults == ["throttled"] * len(Timeframe)
    assert len(world.store.signals(Timeframe.M5)) == len(STOCKS) - 1


def test_crypto_is_refreshed_on_a_sunday() -> None:
    sunday = int(datetime(2024, 9, 8, 3, 15, 4, tzinfo=UTC).timestamp())
    world = World(Market.CRYPTO, sunday)
    report = world.refresh(sunday)
    assert (report.written, report.troubles) == (len(assets_of(Market.CRYPTO)) * len(Timeframe), {})
    assert world.signal(BTC).bar_close == sunday - 4


def test_readers_get_the_market_hours_and_a_picture_of_the_last_session(world: World) -> None:
    world.refresh()
    hours = world.store.hours(Market.STOCKS)
    assert hours is not None
    assert hours.current(NOW) is not None
    (record,) = world.store.markets([AAPL])
    assert record.price.time == BAR
    opened = int(datetime(2024, 9, 5, 13, 30, tzinfo=UTC).timestamp())
    assert [bar[0] for bar in record.bars] == list(range(opened + 300, BAR + 1, 300))


def refreshed_at(world: World, stored: int, now: int) -> RefreshReport:
    """A refresh that starts at now and whose writes are made at stored."""
    return refresh(Ports(world.market, world.feed, world.forecaster, world.store, clock=lambda: stored), now)


@pytest.mark.parametrize(
    ("stored", "over"), [(NOW, 0), (BAR + GRACE_SECONDS, 0), (BAR + GRACE_SECONDS + 1, ALL)]
)
def test_signals_carry_when_they_were_stored_and_count_where_that_was_after_their_budget(
    world: World, stored: int, over: int
) -> None:
    report = refreshed_at(world, stored, NOW)
    assert world.signal(AAPL).stored_at == stored
    assert report.metrics() == ({"BudgetPassed": over} if over else {})
    again = refreshed_at(world, stored + 60, NOW)
    assert (again.written, again.metrics()) == (0, {}), "the same signal, stored again, changes nothing"
    assert world.signal(AAPL).stored_at == stored


def test_a_bar_that_a_later_refresh_makes_up_for_does_not_count_again(world: World) -> None:
    report = refreshed_at(world, NOW + 310, NOW + 310)
    assert report.written > 0
    assert "BudgetPassed" not in report.metrics()
