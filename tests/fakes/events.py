"""Scheduled events as they come on bad days: twice, late, at the same time, in runs that are killed."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from random import Random
from threading import Lock
from typing import Any, Protocol

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.refresh.work import BACKLOG
from growfolio.storage.ports import HistoryReader, RefreshStore

from tests.fakes.refresh import FixedFeed, FixedForecaster, walk

END = int(datetime(2024, 9, 5, 22, 0, tzinfo=UTC).timestamp())
"""The close of the newest bar that there is."""
MARKET = Market.CRYPTO


class EventStore(RefreshStore, HistoryReader, Protocol):
    """What events write, and what is then looked at."""


class Killed(BaseException):
    """The process is gone: nobody catches this."""


@cache
def walks(market: Market) -> Mapping[Asset, Bars]:
    """Candles of every asset up to END, of which a refresh sees those that had closed by its moment."""
    bars = 1_400 * max(timeframe.seconds for timeframe in Timeframe) // Timeframe.M15.seconds
    return {asset: walk(asset, END, bars=bars) for asset in assets_of(market)}


class Mortal:
    """A store whose user may die at any write. One lock stands for DynamoDB's own order of writes."""

    def __init__(self, store: EventStore, lock: Any, writes: float) -> None:
        """The write after so many kills."""
        self._store, self._lock, self._left = store, lock, writes

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)

        def guarded(*arguments: object, **named: object) -> object:
            if name.startswith(("put_", "note_")):
                if self._left <= 0:
                    raise Killed
                self._left -= 1
            with self._lock:
                return call(*arguments, **named)

        return guarded


class Events:
    """Delivers events of the last bars in a wild order, then looks at what is stored."""

    def __init__(self, store: EventStore, seed: int, bars: int = 24) -> None:
        self._store = store
        self._random = Random(seed)
        self._bars = bars
        self._lock = Lock()

    def deliver(self, count: int) -> None:
        """Raises AssertionError where anything is lost or wrong after them and one quiet run."""
        first = END - 300 * self._bars
        self._refresh((first + 5, float("inf")))
        events = [self._event(first + (END - first) * n // count) for n in range(count)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(self._refresh, events))
        self._refresh((END + 30, float("inf")))
        for timeframe in Timeframe:
            self._check(timeframe, first)

    def _event(self, about: int) -> tuple[int, float]:
        """A moment near about, mostly now and sometimes late, and after how many writes its run dies."""
        late = self._random.choice([0, 0, 0, 300, 900, 2_400])
        dies = self._random.random() < 0.3
        return about - late + self._random.randrange(1, 60), self._random.randrange(60) if dies else float(
            "inf"
        )

    def _refresh(self, event: tuple[int, float]) -> None:
        now, writes = event
        store: Any = Mortal(self._store, self._lock, writes)
        with suppress(Killed):
            refresh(Ports(MARKET, FixedFeed(walks(MARKET)), FixedForecaster(), store), now)

    def _check(self, timeframe: Timeframe, first: int) -> None:
        length = timeframe.seconds
        closes = list(range(END - END % length, first - first % length - 1, -length))
        for record in self._store.signals(timeframe):
            assert record.signal is not None
            assert record.signal.bar_close == closes[0], "a newer signal was lost"
            stored = self._store.history(record.asset, timeframe, 200).signals
            held = {signal.bar_close: signal for signal in stored}
            assert set(closes) <= set(held), f"lost: {sorted(set(closes) - set(held))}"
            bars = walks(MARKET)[record.asset]
            for close in closes:
                at = (bars.open_time + 300).tolist().index(close)
                assert abs(float(held[close].price.value) / bars.close[at] - 1) < 1e-4, "a wrong bar"
        assert len(self._store.signals(timeframe)) == len(assets_of(MARKET))
        (done,) = self._store.completions(MARKET, timeframe, 1)
        assert (done.bar_close, done.failures) == (closes[0], 0)


assert BACKLOG >= 8, "late events go back by no more bars than a run catches up on"
