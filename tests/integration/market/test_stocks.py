"""When Alpaca takes over from Yahoo: by the real clients, and what readers then see of it."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.signals import Signal
from growfolio.domain.times import BAR, DAY
from growfolio.market.alpaca import THIN_VOLUME, AlpacaBars
from growfolio.market.failover import REST
from growfolio.market.ports import Patience
from growfolio.market.stocks import StockSource
from growfolio.market.yahoo import YahooSource
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import MemoryObjects

from tests.bars import moment, printed
from tests.fakes.alpaca import KEYS, AlpacaServer, LocalAlpacaSession
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedForecaster
from tests.fakes.yahoo import LocalYahooSession, YahooServer
from tests.patience import HANG

STOCKS = assets_of(Market.STOCKS)
NOW = moment("2024-09-05 18:00") + 10
PATIENCE = Patience(request=HANG, deadline=HANG, tries=1, publication=0.0)
IEX_SHARE = 0.03


def on_iex(bars: Bars) -> Bars:
    """The same prices, a small share of the volume."""
    return Bars(bars.open_time, bars.open, bars.high, bars.low, bars.close, np.ceil(IEX_SHARE * bars.volume))


@dataclass
class World:
    yahoo: YahooServer
    alpaca: AlpacaServer
    source: StockSource
    feed: WindowedFeed
    store: MemoryStore
    archive: CandleArchive

    def refresh(self, now: int) -> dict[Timeframe, list[Signal]]:
        report = refresh(Ports(Market.STOCKS, self.feed, FixedForecaster(), self.store), now)
        assert (report.troubles, report.store_faults) == ({}, [])
        self.feed.save(now)
        records = {timeframe: self.store.signals(timeframe) for timeframe in Timeframe}
        return {timeframe: [r.signal for r in own if r.signal] for timeframe, own in records.items()}


@pytest.fixture
def world() -> Iterator[World]:
    candles = {asset.symbol: printed(asset, NOW - 30 * DAY, NOW + 2 * REST) for asset in STOCKS}
    with YahooServer(candles) as yahoo, AlpacaServer({s: on_iex(b) for s, b in candles.items()}) as alpaca:
        source = StockSource(
            [
                YahooSource(PATIENCE, LocalYahooSession(yahoo, PATIENCE.request)),
                AlpacaBars(lambda: KEYS, "", PATIENCE, LocalAlpacaSession(alpaca)),
            ],
            PATIENCE,
        )
        archive = CandleArchive(MemoryObjects(), Market.STOCKS)
        feed = WindowedFeed(source, archive, Market.STOCKS)
        yield World(yahoo, alpaca, source, feed, MemoryStore(), archive)


@pytest.mark.parametrize("status", [401, 403, 429, 500])
def test_alpaca_serves_all_stocks_while_yahoo_refuses_this_address(world: World, status: int) -> None:
    world.yahoo.meet(ANY, Fault(status, b"not from a cloud"))
    for signals in world.refresh(NOW).values():
        assert len(signals) == len(STOCKS)
        assert {signal.source for signal in signals} == {"alpaca"}
        assert {signal.price.source for signal in signals} == {"alpaca close"}
        assert all(THIN_VOLUME in signal.caveats for signal in signals)
    assert world.source.notes == (
        "yahoo: 0 of 14 assets have their newest candle and a whole window",
        "alpaca serves in place of yahoo",
    )


def test_while_yahoo_serves_alpaca_is_not_asked(world: World) -> None:
    for signals in world.refresh(NOW).values():
        assert {(signal.source, THIN_VOLUME in signal.caveats) for signal in signals} == {("yahoo", False)}
    assert world.alpaca.requests == []
    assert world.source.notes == ()


def test_each_source_has_its_own_window_so_that_volumes_never_mix(world: World) -> None:
    world.refresh(NOW)
    world.yahoo.meet(ANY, Fault(403))
    world.refresh(NOW + BAR)
    assert world.source.name == "alpaca"
    windows = world.feed._windows
    for asset in STOCKS:
        full, thin = (windows[name].bars[asset] for name in ("yahoo", "alpaca"))
        shared = np.isin(thin.open_time, full.open_time)
        assert shared.sum() > 300
        assert (
            thin.volume[shared] <= IEX_SHARE * full.volume[np.isin(full.open_time, thin.open_time)] + 1
        ).all()
    world.yahoo.recover()
    back = NOW + BAR + REST // BAR * BAR + BAR
    before = len(world.yahoo.requests)
    for signals in world.refresh(back).values():
        assert {(signal.source, THIN_VOLUME in signal.caveats) for signal in signals} == {("yahoo", False)}
    asked = [int(r.query["period1"]) for r in world.yahoo.requests[before:] if r.symbol]
    assert min(asked) > back - 2 * DAY, "the window of yahoo was kept"


def test_a_day_that_yahoo_has_filled_is_not_given_up_for_volumes_of_one_exchange(world: World) -> None:
    for asset in STOCKS:
        bars = printed(asset, NOW - 30 * DAY, NOW + 2 * DAY)
        world.yahoo.candles[asset.symbol], world.alpaca.candles[asset.symbol] = bars, on_iex(bars)
    world.refresh(NOW)
    sources = {day: kept.source for day in world.archive.days() if (kept := world.archive.read_day(day))}
    assert set(sources.values()) == {"yahoo"}
    world.yahoo.meet(ANY, Fault(403))
    tomorrow = NOW + DAY
    world.refresh(tomorrow)
    assert world.source.name == "alpaca"
    days = {day: kept.source for day in world.archive.days() if (kept := world.archive.read_day(day))}
    assert {day: days[day] for day in sources} == sources
    assert [days[day] for day in days.keys() - sources.keys()] == ["alpaca"]
    world.yahoo.recover()
    world.refresh(tomorrow + DAY)
    days = {day: kept.source for day in world.archive.days() if (kept := world.archive.read_day(day))}
    assert set(days.values()) == {"yahoo"}


def test_where_both_fail_each_stock_has_the_reasons_of_both(world: World) -> None:
    world.yahoo.meet(ANY, Fault(403))
    world.alpaca.meet(ANY, Fault(500))
    answers = world.source.fetch(dict.fromkeys(STOCKS, NOW - DAY), NOW)
    assert {str(answer) for answer in answers.values()} == {
        "yahoo refuses to serve this address or account (403); alpaca answered 500"
    }
