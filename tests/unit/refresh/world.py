"""One market around a refresh: its table, its models, and a feed that answers for every asset."""

from datetime import UTC, datetime

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of, find_asset
from growfolio.domain.signals import Signal, SignalRecord
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.run import refresh

from tests.fakes.memory_store import MemoryStore
from tests.fakes.refresh import FixedFeed, FixedForecaster, FixedQuotes, walk

NOW = int(datetime(2024, 9, 5, 18, 0, 10, tzinfo=UTC).timestamp())
BAR = NOW - 10
AAPL, BTC = find_asset("AAPL"), find_asset("BTC")
STOCKS = assets_of(Market.STOCKS)
ALL = len(STOCKS) * len(Timeframe)


class World:
    """One market, its table and a feed that answers for every asset."""

    def __init__(self, market: Market = Market.STOCKS, now: int = NOW) -> None:
        self.market = market
        self.store = MemoryStore()
        self.forecaster = FixedForecaster()
        self.feed = FixedFeed({asset: walk(asset, now) for asset in assets_of(market)})
        self.quotes: FixedQuotes | None = None

    def refresh(self, now: int = NOW) -> RefreshReport:
        return refresh(Ports(self.market, self.feed, self.forecaster, self.store, self.quotes), now)

    def record(self, asset: Asset, timeframe: Timeframe = Timeframe.M5) -> SignalRecord:
        return next(record for record in self.store.signals(timeframe) if record.asset == asset)

    def signal(self, asset: Asset, timeframe: Timeframe = Timeframe.M5) -> Signal:
        signal = self.record(asset, timeframe).signal
        assert signal is not None
        return signal
