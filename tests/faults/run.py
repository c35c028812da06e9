"""Runs a market through some hours, refresh by refresh, and notes what a reader sees of every bar."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.calendar import market_hours
from growfolio.domain.forecast import Forecaster
from growfolio.domain.freshness import judge_all
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.grid import slots_between
from growfolio.domain.signals import Signal, Status
from growfolio.domain.times import BAR, DAY
from growfolio.market.ports import MarketIndex
from growfolio.market.stocks import INDEX
from growfolio.models.loader import model_loader
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.closure import INDEX_PAST
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.settings import Settings
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import MemoryObjects

from tests.bars import moment, printed
from tests.fakes.memory_store import MemoryStore
from tests.faults.fault import Fault, Moment
from tests.faults.provider import Provider, provider
from tests.faults.still_market import StillMarket

DELAY = 10
"""Seconds after a bar's close that its refresh begins."""
COLD_SHARE = 0.15
"""Of the refreshes, those by a function that has just started and has its window from the archive."""
PAST = {Market.STOCKS: 32 * DAY, Market.CRYPTO: 6 * DAY}
"""What providers serve before a fault begins."""

Key = tuple[Asset, Timeframe, int]
"""An asset's bar, by its close."""


@dataclass(frozen=True)
class Seen:
    """What a reader is served of a bar before the next one closes."""

    ok: bool
    signal: Signal | None
    reasons: tuple[str, ...]
    noted: bool
    """Whether the run said anything about the asset to the operator."""


@dataclass(frozen=True)
class Scene:
    """When a fault begins, and the closes of bars at which refreshes run."""

    start: int
    closes: tuple[int, ...]

    @classmethod
    def of(cls, market: Market, start: str, *spans: tuple[str, str, int]) -> "Scene":
        """spans are from, until, and every how many bars."""
        closes = [
            int(close)
            for first, last, step in spans
            for close in slots_between(market, moment(first) - BAR, moment(last), Timeframe.M5)[::step]
        ]
        return cls(moment(start), tuple(closes))


SCENES = {
    (Market.CRYPTO, "day"): Scene.of(
        Market.CRYPTO, "2024-09-05 14:00", ("2024-09-05 13:45", "2024-09-05 17:30", 1)
    ),
    (Market.STOCKS, "day"): Scene.of(
        Market.STOCKS, "2024-09-05 14:30", ("2024-09-05 14:15", "2024-09-05 18:00", 1)
    ),
    (Market.STOCKS, "night"): Scene.of(
        Market.STOCKS,
        "2024-09-05 13:30",
        ("2024-09-04 19:30", "2024-09-04 20:00", 3),
        ("2024-09-05 13:35", "2024-09-05 16:00", 1),
    ),
    (Market.STOCKS, "closed day"): Scene.of(
        Market.STOCKS,
        "2024-09-05 13:30",
        ("2024-09-04 19:30", "2024-09-04 20:00", 3),
        ("2024-09-05 13:35", "2024-09-05 20:00", 9),
        ("2024-09-06 13:35", "2024-09-06 15:00", 1),
    ),
    (Market.STOCKS, "half day"): Scene.of(
        Market.STOCKS,
        "2024-09-05 17:00",
        ("2024-09-05 16:45", "2024-09-05 20:00", 3),
        ("2024-09-06 13:35", "2024-09-06 15:00", 1),
    ),
}


@cache
def forecaster_of(market: Market) -> Forecaster:
    return StillMarket(model_loader(Settings(), [market]).load().forecaster)


def seen_with(
    source: str, scene: Scene, ill: Mapping[Asset, Fault], closes: Sequence[int], seed: int
) -> dict[Key, Seen]:
    """What a reader sees of each bar of all assets, some of which meet a fault."""
    with provider(source) as world:
        return _Day(world, scene, ill, seed).through(closes)


class _Day:
    def __init__(self, world: Provider, scene: Scene, ill: Mapping[Asset, Fault], seed: int) -> None:
        self._world, self._scene, self._ill = world, scene, ill
        self._random = Random(seed)
        self._store, self._objects = MemoryStore(), MemoryObjects()
        self._feed = self._new_feed()

    def through(self, closes: Sequence[int]) -> dict[Key, Seen]:
        seen: dict[Key, Seen] = {}
        for close in closes:
            if self._random.random() < COLD_SHARE:
                self._feed = self._new_feed()
            seen |= self._refresh(close, closes[-1])
        return seen

    def _new_feed(self) -> WindowedFeed:
        market = self._world.market
        return WindowedFeed(self._world.source, CandleArchive(self._objects, market), market)

    def _refresh(self, close: int, end: int) -> dict[Key, Seen]:
        world, now = self._world, close + DELAY
        for asset in assets_of(world.market):
            self._publish(asset, now, end)
        index = world.source if isinstance(world.source, MarketIndex) else None
        if index is not None:
            self._publish_index(now, end)
        ports = Ports(world.market, self._feed, forecaster_of(world.market), self._store, world.quotes, index)
        report = refresh(ports, now)
        said = [*world.source.notes, *report.notes, *self._feed.save(now)]
        timeframes = [tf for tf in Timeframe if close % tf.seconds == 0]
        owed = [(asset, tf) for asset in assets_of(world.market) for tf in timeframes]
        records = [record for tf in timeframes for record in self._store.signals(tf)]
        # The signal before it is no longer current then, and the next refresh has not begun.
        read_at = close + GRACE_SECONDS + 1
        hours = {world.market: market_hours(world.market, read_at)}
        return {
            (judged.asset, judged.timeframe, close): Seen(
                judged.status in (Status.OK, Status.MARKET_CLOSED)
                and judged.signal is not None
                and judged.signal.bar_close == close,
                judged.signal,
                judged.reasons,
                (judged.asset, judged.timeframe) in report.troubles
                or any(judged.asset.symbol in note or world.source.name in note for note in said),
            )
            for judged in judge_all(records, owed, hours.get, read_at)
        }

    def _publish_index(self, now: int, end: int) -> None:
        """The index meets what all assets meet."""
        good = printed(INDEX, self._scene.start - INDEX_PAST, end + 2 * BAR).closed_by(now + BAR)
        fault = next(iter(self._ill.values()), None)
        if fault is None or not fault.everybody or fault.index_trades:
            shown = good
        else:
            shown = fault.does(Moment(self._world, INDEX.symbol, good, self._scene.start, now))
        self._world.publish(INDEX, good, shown)

    def _publish(self, asset: Asset, now: int, end: int) -> None:
        first = self._scene.start - PAST[self._world.market]
        good = printed(asset, first, end + 2 * BAR).closed_by(now + BAR)
        fault, symbol = self._ill.get(asset), self._world.symbol(asset)
        shown = good
        if fault is not None:
            shown = fault.does(Moment(self._world, symbol, good, self._scene.start, now))
        self._world.publish(asset, good, shown)
        stopped = fault is not None and fault.quiet
        closed = good.closed_by(min(now, self._scene.start) if stopped else now)
        self._world.quote(symbol, float(closed.close[-1]), int(closed.open_time[-1]) + BAR + 5)
