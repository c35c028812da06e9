"""Which implementation stands behind each port, from the settings. Providers are imported only when used."""

from pathlib import Path

from growfolio.archive import CandleArchive
from growfolio.archive_objects import S3Objects
from growfolio.assets import Market
from growfolio.errors import ConfigurationError
from growfolio.feed import WindowedFeed
from growfolio.market.source import MarketSource
from growfolio.models.loading import model_loader
from growfolio.refresh import Ports, RefreshReport, refresh
from growfolio.settings import Settings
from growfolio.store.dynamodb import DynamoStore

DEFAULT_SOURCE = {Market.STOCKS: "yahoo", Market.CRYPTO: "exchange"}


class Refresher:
    """The refresh of one market, with what is worth keeping while a function is warm."""

    def __init__(self, settings: Settings) -> None:
        """Raises ConfigurationError where the settings name no market or source that there is."""
        self.market = _market(settings)
        self._feed = WindowedFeed(market_source(settings, self.market), _archive(settings, self.market), self.market)
        self._models = model_loader(settings, [self.market])
        self._store = DynamoStore(settings.table)

    def refresh(self, now: int) -> tuple[RefreshReport, tuple[str, ...]]:
        """One refresh at now (seconds since the epoch), and notes for whoever operates it."""
        models = self._models.load()
        report = refresh(Ports(self.market, self._feed, models.forecaster, self._store), now)
        return report, models.notes + self._feed.save(now)


def market_source(settings: Settings, market: Market) -> MarketSource:
    """The provider of candles. Raises ConfigurationError for one that there is not."""
    name = settings.source or DEFAULT_SOURCE[market]
    if name == "yahoo":
        from growfolio.market.yahoo import YahooSource

        return YahooSource()
    if name == "exchange":
        from growfolio.market.exchange import ExchangeSource

        return ExchangeSource(settings.exchanges)
    if name == "replay":
        from growfolio.market.replay import ReplaySource

        return ReplaySource(Path(settings.candles))
    if name == "simulated":
        from growfolio.market.simulated import SimulatedSource

        return SimulatedSource()
    raise ConfigurationError(f"GROWFOLIO_SOURCE={name!r}: choose yahoo, exchange, replay or simulated")


def _archive(settings: Settings, market: Market) -> CandleArchive | None:
    return CandleArchive(S3Objects(settings.bucket), market) if settings.bucket else None


def _market(settings: Settings) -> Market:
    try:
        return Market(settings.market)
    except ValueError:
        raise ConfigurationError(f"GROWFOLIO_MARKET={settings.market!r}: choose stocks or crypto") from None
