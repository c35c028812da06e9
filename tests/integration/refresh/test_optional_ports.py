"""What a refresh serves when something it can do without fails: quotes, model cache, promoted models."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.forecast import Forecaster
from growfolio.domain.signals import Price, Signal
from growfolio.domain.times import DAY
from growfolio.limits import Deadline
from growfolio.market.ports import Fetched
from growfolio.models.hub import HubRepository
from growfolio.models.loader import STARTER_MODELS, ModelLoader
from growfolio.models.onnx_forecaster import OTHER_MODELS
from growfolio.models.repository import Patience
from growfolio.models.revisions import FixedRevision
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.run import WRITING_SECONDS, refresh
from growfolio.settings import STARTER

from tests.bars import moment, printed
from tests.fakes.hub_server import FakeHub
from tests.fakes.memory_store import MemoryStore
from tests.fakes.models import Publication, constant_graph
from tests.fakes.refresh import FixedFeed, FixedForecaster
from tests.patience import HANG

NOW = moment("2024-09-05 18:00")
STOCKS = assets_of(Market.STOCKS)
NAME = "growfolio/signals"
UP = constant_graph((0.1, 0.2, 0.7))
NOBODY = 65_534


def feed_of_all() -> FixedFeed:
    return FixedFeed({asset: printed(asset, NOW - 40 * DAY, NOW) for asset in STOCKS})


def served(forecaster: Forecaster) -> tuple[RefreshReport, list[Signal]]:
    store = MemoryStore()
    report = refresh(Ports(Market.STOCKS, feed_of_all(), forecaster, store), NOW)
    records = [record for timeframe in Timeframe for record in store.signals(timeframe)]
    return report, [record.signal for record in records if record.signal]


class AnsweredFeed(FixedFeed):
    """Remembers that it has answered."""

    answered = False

    def update(self, assets: Sequence[Asset], first_open: int, now: int) -> Fetched:
        answers = super().update(assets, first_open, now)
        self.answered = True
        return answers


class HangingQuotes:
    """A provider that answers when the test ends."""

    notes = ()

    def __init__(self) -> None:
        self.ended = threading.Event()

    def latest(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price]:
        self.ended.wait(HANG)
        return {}


def test_quotes_that_outlast_the_deadline_cost_live_prices_and_no_signal() -> None:
    quotes, store = HangingQuotes(), MemoryStore()
    feed = AnsweredFeed({asset: printed(asset, NOW - 40 * DAY, NOW) for asset in STOCKS})
    # Once there are candles, a second is left for quotes.
    deadline = Deadline(lambda: WRITING_SECONDS + (1 if feed.answered else HANG))
    try:
        ports = Ports(Market.STOCKS, feed, FixedForecaster(), store, quotes)
        report = refresh(ports, NOW, deadline)
    finally:
        quotes.ended.set()
    assert report.notes == ["no live prices before the refresh had to go on"]
    assert (report.troubles, report.stopped) == ({}, "")
    assert len(store.signals(Timeframe.M5)) == len(STOCKS)


def test_expired_promoted_models_are_a_caveat_of_each_signal_and_a_metric(tmp_path: Path) -> None:
    old = Publication()
    for timeframe in Timeframe:
        old.add(f"old_{timeframe}", UP, [asset.id for asset in STOCKS], timeframe, expires_at=NOW)
    with FakeHub() as hub:
        loaded = loader(hub, hub.publish(NAME, old.files()), tmp_path).load()
        report, signals = served(loaded.forecaster)
    assert len(signals) == len(STOCKS) * len(Timeframe)
    assert {signal.model.revision for signal in signals} == {STARTER}
    assert report.metrics() == {"SignalsByOtherModels": len(signals)}
    symbols = ", ".join(asset.symbol for asset in STOCKS)
    for timeframe in Timeframe:
        [caveat] = {signal.caveats[-1] for signal in signals if signal.timeframe is timeframe}
        assert caveat.startswith(f"{OTHER_MODELS}: model old_{timeframe} of revision ")
        assert "expired 2024-09-05T18:00:00Z: train and promote a newer one" in caveat
        assert f"{symbols} {timeframe}: {caveat}" in report.notes


def loader(hub: FakeHub, revision: str, cache: Path) -> ModelLoader:
    repository = HubRepository(
        NAME, FixedRevision(revision), cache, endpoint=hub.endpoint, patience=Patience(HANG, HANG)
    )
    return ModelLoader([Market.STOCKS], repository, STARTER_MODELS)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing in the folder can be written or deleted; root, whom no permission stops, becomes nobody."""
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222 | 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in paths:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | 0o200)


@pytest.mark.parametrize("file", ["manifest.json", "own_5m.onnx"])
@pytest.mark.parametrize("hub_answers", [True, False])
def test_a_damaged_file_in_a_read_only_cache_costs_no_signal_and_is_noted(
    file: str, hub_answers: bool
) -> None:
    own = Publication()
    for timeframe in Timeframe:
        own.add(f"own_{timeframe}", UP, [a.id for a in STOCKS], timeframe, expires_at=NOW + 1)
    # Not pytest's folder, which only its owner may enter.
    with FakeHub() as hub, TemporaryDirectory() as name:
        cache = Path(name) / "cache"
        Path(name).chmod(0o755)
        revision = hub.publish(NAME, own.files())
        loader(hub, revision, cache).load()
        (cached,) = cache.rglob(f"snapshots/*/{file}")
        overwritten(cached)
        if not hub_answers:
            hub.goes_down()
        with read_only(cache):
            loaded = loader(hub, revision, cache).load()
            assert cached.read_bytes() == b"damaged"
    report, signals = served(loaded.forecaster)
    assert report.troubles == {}
    assert loaded.notes[0].startswith(f"no models from {NAME}: ")
    assert file in loaded.notes[0]
    assert loaded.notes[-1] == f"revision {STARTER} serves in its place"
    assert report.metrics() == {"SignalsByOtherModels": len(STOCKS) * len(Timeframe)}
    assert {signal.caveats[-1] for signal in signals} == {f"{OTHER_MODELS}: {loaded.notes[0]}"}


def replaced_by_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def overwritten(file: Path) -> None:
    file.resolve().write_bytes(b"damaged")


@pytest.mark.parametrize("damage", [replaced_by_a_folder, overwritten, Path.unlink])
@pytest.mark.parametrize("file", ["manifest.json", "own_5m.onnx"])
def test_a_damaged_model_cache_that_cannot_be_mended_costs_no_signal_and_is_noted(
    tmp_path: Path, file: str, damage: Callable[[Path], None]
) -> None:
    own = Publication()
    for timeframe in Timeframe:
        own.add(f"own_{timeframe}", UP, [a.id for a in STOCKS], timeframe, expires_at=NOW + 1)
    with FakeHub() as hub:
        revision = hub.publish(NAME, own.files())
        _, signals = served(loader(hub, revision, tmp_path).load().forecaster)
        assert {signal.model.revision for signal in signals} == {revision}
        (cached,) = tmp_path.rglob(f"snapshots/*/{file}")
        damage(cached)
        hub.goes_down()
        loaded = loader(hub, revision, tmp_path).load()
    report, signals = served(loaded.forecaster)
    assert report.troubles == {}
    assert loaded.notes[0].startswith(f"no models from {NAME}: ")
    assert loaded.notes[-1] == f"revision {STARTER} serves in its place"
    assert len(signals) == len(STOCKS) * len(Timeframe)
    assert {signal.caveats[-1] for signal in signals} == {f"{OTHER_MODELS}: {loaded.notes[0]}"}
    assert report.metrics() == {"SignalsByOtherModels": len(signals)}
