"""Candles around one moment, and a feed of them."""

from growfolio.domain.assets import Asset, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.times import DAY
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import MemoryObjects

from tests.bars import moment, printed
from tests.fakes.sources import ScriptedSource

NOW = moment("2024-09-05 18:00")


FIRST = moment("2024-08-30 13:30")


BEFORE_SESSION = moment("2024-09-04 19:30")
"""Six bars before the session of NOW: where a split that is worked in late shows."""


AAPL, MSFT, BTC, ETH = (find_asset(name) for name in ("AAPL", "MSFT", "BTC", "ETH"))


EVERYTHING = {asset.market: printed(asset, FIRST - 5 * DAY, NOW + 6 * DAY) for asset in (AAPL, BTC)}


def history(*assets: Asset) -> ScriptedSource:
    """A source with everything around the moment of the tests, the hour after it included."""
    return ScriptedSource({asset: printed(asset, FIRST - 9 * DAY, NOW + 3600) for asset in assets})


def feed(source: ScriptedSource, objects: MemoryObjects | None = None) -> WindowedFeed:
    market = next(iter(source.bars)).market
    return WindowedFeed(source, CandleArchive(objects, market) if objects is not None else None, market)


def answered(feed: WindowedFeed, *assets: Asset, now: int = NOW, first: int = FIRST) -> list[Bars]:
    answers = feed.update(assets, first, now)
    assert list(answers) == list(assets)
    return [bars for bars in answers.values() if isinstance(bars, Bars)]
