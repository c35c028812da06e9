"""Bad days of the store and of optional ports: what is lost or wrong, and whether all assets are served."""

from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Lock
from typing import Any

from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.errors import TemporaryStoreError
from growfolio.models.onnx_forecaster import FallBack, OnnxForecaster
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import MemoryObjects

from tests.fakes.events import END, Events, Killed, Mortal, walks
from tests.fakes.memory_store import MemoryStore
from tests.fakes.models import Publication, constant_graph, endless_graph
from tests.fakes.refresh import FixedFeed, FixedForecaster, FixedQuotes
from tests.fakes.sources import ScriptedSource

MARKET = Market.CRYPTO
COINS = assets_of(MARKET)
NOW = END - 900 + 10
EVENTS = 200
"""As many as the time allows."""
TRIED = f"{EVENTS} events (10,000 in make test-slow)"
RAISED = (KeyError("c"), OSError(5, "disk"), RuntimeError("x"), MemoryError())

Checked = tuple[str, str, tuple[str, ...]]
"""A fault, what was tried, and what broke its bar."""


def kills() -> Checked:
    """A run is killed before each of its writes in turn; the next leaves what an undisturbed one leaves."""
    expected = _state(_after(inf)[0])
    broken, writes = list[int](), 0
    while True:
        store, killed = _after(writes)
        if not killed:
            break
        if _state(store) != expected:
            broken.append(writes)
        writes += 1
    return (
        "kill at any write",
        f"{writes} writes",
        (f"lost or wrong after a kill at write {broken[0]}",) if broken else (),
    )


def events() -> Checked:
    """Twice, late, concurrent and killed runs on the store in memory."""
    try:
        Events(MemoryStore(), seed=7).deliver(EVENTS)
    except AssertionError as fault:
        return "mixed events", TRIED, (str(fault),)
    return "mixed events", TRIED, ()


def throttled() -> Checked:
    """Every write is refused: the run ends by itself, and the next one writes all."""

    class Throttled:
        def __init__(self, store: MemoryStore) -> None:
            self._store = store

        def __getattr__(self, name: str) -> Any:
            return self._refuse if name.startswith(("put_", "note_")) else getattr(self._store, name)

        def _refuse(self, *_: object, **__: object) -> None:
            raise TemporaryStoreError("throttled")

    store = MemoryStore()
    report = _refresh(Throttled(store), NOW)
    _refresh(store, NOW + 20)
    breaches = [] if report.stopped else ["the run did not stop by itself"]
    return "throttled table", "every write", (*breaches, *_unserved(store))


def raising_quotes() -> Checked:
    """Whatever a provider's library raises, signals show the close."""

    class Raising(FixedQuotes):
        def latest(self, assets: Any, now: int) -> Any:
            raise self.fault

        fault: Exception

    breaches = list[str]()
    for fault in RAISED:
        store, quotes = MemoryStore(), Raising({})
        quotes.fault = fault
        report = _refresh(store, NOW, quotes=quotes)
        breaches += _unserved(store)
        if not any(type(fault).__name__ in note for note in report.notes):
            breaches.append(f"no note of {type(fault).__name__}")
    return "live prices raise", f"{len(RAISED)} exceptions", tuple(breaches)


def raising_archive() -> Checked:
    """Whatever the bucket raises when the window is read or kept, signals are served."""

    class Raising(MemoryObjects):
        fault: Exception

        def read(self, key: str) -> bytes | None:
            raise self.fault

        def write(self, key: str, content: bytes) -> None:
            raise self.fault

    breaches = list[str]()
    for fault in RAISED:
        objects, store = Raising(), MemoryStore()
        objects.fault = fault
        feed = WindowedFeed(ScriptedSource(dict(walks(MARKET))), CandleArchive(objects, MARKET), MARKET)
        refresh(Ports(MARKET, feed, FixedForecaster(), store), NOW)
        breaches += _unserved(store)
        try:
            if not feed.save(NOW):
                breaches.append(f"no note of {type(fault).__name__}")
        except Exception as escaped:  # noqa: BLE001  (what escapes is the finding)
            breaches.append(f"{type(escaped).__name__} escapes from keeping the window")
    return "archive raises", f"{len(RAISED)} exceptions", tuple(breaches)


def endless() -> Checked:
    """The promoted model of one coin never ends: other models answer for it, the rest is served."""
    ill, well = COINS[0].symbol, [coin.symbol for coin in COINS[1:]]
    everybody = [coin.symbol for coin in COINS]
    up = constant_graph((0.1, 0.2, 0.7))
    promoted, spare = Publication(), Publication()
    for timeframe in Timeframe:
        promoted.add(f"endless_{timeframe}", endless_graph(), [ill], timeframe, expires_at=None)
        promoted.add(f"up_{timeframe}", up, well, timeframe, expires_at=None)
        spare.add(f"spare_{timeframe}", up, everybody, timeframe, expires_at=None)
    models = FallBack(OnnxForecaster(promoted.model_set()), OnnxForecaster(spare.model_set()))
    store = MemoryStore()
    report = refresh(Ports(MARKET, FixedFeed(walks(MARKET)), models, store), NOW)
    counted = [] if report.by_other_models == len(Timeframe) else ["other models are not counted"]
    return "endless graph", "1 model", (*_unserved(store), *counted)


def _refresh(store: Any, now: int, **ports: Any) -> Any:
    return refresh(Ports(MARKET, FixedFeed(walks(MARKET)), FixedForecaster(), store, **ports), now)


def _after(writes: float) -> tuple[MemoryStore, bool]:
    """The store after three runs, the second of which was killed after so many writes; whether it was."""
    store = MemoryStore()
    _refresh(store, NOW - 300)
    killed = True
    with suppress(Killed):
        _refresh(Mortal(store, Lock(), writes), NOW)
        killed = False
    _refresh(store, NOW + 300)
    return store, killed


def _state(store: MemoryStore) -> object:
    """All that readers and consumers see, without the moments at which runs happened to decide."""
    signals = [
        (r.asset, r.timeframe, r.signal and (r.signal.bar_close, r.signal.probabilities, r.signal.price))
        for timeframe in Timeframe
        for r in store.signals(timeframe)
    ]
    history = [
        [(s.bar_close, s.probabilities, s.price.value) for s in store.history(coin, timeframe, 99).signals]
        for coin in COINS
        for timeframe in Timeframe
    ]
    done = [
        [(one.bar_close, one.signals, one.failures) for one in store.completions(MARKET, timeframe, 1)]
        for timeframe in Timeframe
    ]
    return signals, history, done, store.markets(COINS), store.hours(MARKET)


def _unserved(store: MemoryStore) -> list[str]:
    return [
        f"{len(COINS) - served} assets without a signal of {timeframe}"
        for timeframe in Timeframe
        if (served := sum(record.signal is not None for record in store.signals(timeframe))) < len(COINS)
    ]


CHECKS: tuple[Callable[[], Checked], ...] = (
    kills,
    events,
    throttled,
    raising_quotes,
    raising_archive,
    endless,
)
