"""Which models serve when all is well, when a new revision is bad, and when nothing can be reached."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.forecast import Forecast, Forecaster
from growfolio.errors import ConfigurationError, ModelError, TemporaryModelError
from growfolio.models.hub import HubRepository
from growfolio.models.loader import ModelLoader, model_loader
from growfolio.models.onnx_forecaster import OTHER_MODELS
from growfolio.models.repository import FolderRepository, Patience
from growfolio.settings import STARTER, Settings

from tests.fakes.hub_server import FakeHub, Fault
from tests.fakes.models import NOW, Publication, constant_graph
from tests.patience import HANG
from tests.views import sixteen

NAME = "growfolio/signals"
M5 = Timeframe.M5
UP, DOWN, FLAT = (constant_graph(p) for p in ((0.1, 0.2, 0.7), (0.6, 0.3, 0.1), (0.1, 0.8, 0.1)))
FIRST = Publication().add("first", UP, ["AAPL"])
SECOND = Publication().add("second", DOWN, ["AAPL"])
SHIPPED = Publication().add("shipped", FLAT, ["AAPL", "MSFT"]).add("worn", FLAT, ["TSLA"], expires_at=NOW)


class Setting:
    """Where a person sets the revision; what is not a revision cannot be read at the moment."""

    name = "the parameter"
    value: str | None = None

    def current(self) -> str:
        if self.value is None:
            raise TemporaryModelError("the parameter cannot be read now")
        return self.value


class Product:
    """A Hub with two good revisions and a bad one, and functions that start and refresh."""

    def __init__(self, hub: FakeHub, folder: Path) -> None:
        self.hub = hub
        self.first, self.second = hub.publish(NAME, FIRST.files()), hub.publish(NAME, SECOND.files())
        self.bad = hub.publish(NAME, FIRST.files() | {"first.onnx": b"not the one"})
        self.setting = Setting()
        self.setting.value = self.first
        self.cache = folder / "cache"
        self.shipped = SHIPPED.write_to(folder / "shipped")

    def starts(self) -> ModelLoader:
        """A cold start; the cache of the one before is still there."""
        repository = HubRepository(
            NAME, self.setting, self.cache, endpoint=self.hub.endpoint, patience=Patience(HANG, HANG)
        )
        return ModelLoader([Market.STOCKS], repository, FolderRepository(self.shipped, STARTER))

    def loses_its_starter(self) -> None:
        (self.shipped / "manifest.json").unlink()


@pytest.fixture
def product(tmp_path: Path) -> Iterator[Product]:
    with FakeHub() as hub:
        yield Product(hub, tmp_path)


def answer(forecaster: Forecaster, symbol: str = "AAPL") -> Forecast | ModelError:
    window = np.zeros((1, 60, 16), np.float32)
    (given,) = forecaster.forecast([(find_asset(symbol), M5)], sixteen(window), NOW)
    return given


def served(loader: ModelLoader, symbol: str = "AAPL") -> tuple[str, str]:
    """Model and revision that one refresh serves."""
    given = answer(loader.load().forecaster, symbol)
    assert isinstance(given, Forecast), given
    return given.model_id, given.revision


def test_the_active_revision_serves_and_there_is_nothing_to_note(product: Product) -> None:
    loaded = product.starts().load()
    assert (loaded.revision, loaded.notes) == (product.first, ())


def test_a_warm_function_asks_the_hub_for_nothing_and_keeps_its_models_open(product: Product) -> None:
    loader = product.starts()
    before = loader.load().forecaster
    product.hub.requests.clear()
    assert loader.load().forecaster is before
    assert product.hub.requests == []


def test_promoting_and_rolling_back_take_one_refresh_each(product: Product) -> None:
    loader = product.starts()
    assert served(loader) == ("first", product.first)
    product.setting.value = product.second
    assert served(loader) == ("second", product.second)
    product.setting.value = product.first
    product.hub.requests.clear()
    assert served(loader) == ("first", product.first)
    assert product.hub.requests == []


def test_a_bad_revision_changes_nothing_is_noted_and_tried_again_at_the_next_refresh(
    product: Product,
) -> None:
    loader = product.starts()
    before = loader.load().forecaster
    product.setting.value = product.bad
    for _ in range(2):
        product.hub.requests.clear()
        loaded = loader.load()
        given = answer(loaded.forecaster)
        assert isinstance(given, Forecast)
        assert (given.model_id, given.revision) == ("first", before.revision)
        assert loaded.notes[0].startswith(
            f"no models from {NAME}: first.onnx has 11 bytes; its manifest says"
        )
        assert given.caveats == (f"{OTHER_MODELS}: {loaded.notes[0]}",)
        assert loaded.notes[-1] == f"revision {product.first} serves in its place"
        assert product.hub.asked_for("GET").count("manifest.json") <= 1
        assert any("/storage/" in request.path for request in product.hub.requests)
    product.hub.repositories[NAME].commits[product.bad]["first.onnx"] = UP
    assert served(loader) == ("first", product.bad)


def test_a_branch_name_is_never_followed(product: Product) -> None:
    loader = product.starts()
    loader.load()
    product.setting.value = "main"
    loaded = loader.load()
    assert loaded.revision == product.first
    assert "'main' is not a commit hash (branches and tags move): set the parameter to" in loaded.notes[0]


def test_a_cold_start_without_the_hub_serves_the_last_good_revision(product: Product) -> None:
    product.starts().load()
    product.setting.value = product.second
    product.hub.goes_down()
    loaded = product.starts().load()
    assert loaded.revision == product.first
    assert "did not answer" in loaded.notes[0]


def test_a_cold_start_with_a_bad_revision_serves_the_last_good_one(product: Product) -> None:
    product.starts().load()
    product.setting.value = product.bad
    assert served(product.starts()) == ("first", product.first)


def test_a_cold_start_with_everything_cached_does_not_notice_that_the_hub_is_down(product: Product) -> None:
    product.starts().load()
    product.hub.goes_down()
    loaded = product.starts().load()
    assert (loaded.revision, loaded.notes) == (product.first, ())


def test_a_first_start_without_the_hub_serves_the_shipped_models_until_it_is_back(product: Product) -> None:
    product.hub.faults = [Fault("", status=503)]
    loader = product.starts()
    loaded = loader.load()
    assert loaded.revision == STARTER
    assert loaded.notes == (
        f"no models from {NAME}: the Hub (127.0.0.1) answered 503",
        "revision starter serves in its place",
    )
    assert served(loader) == ("shipped", STARTER)
    product.hub.faults.clear()
    assert served(loader) == ("first", product.first)


def test_a_cache_that_was_damaged_gives_way_to_the_shipped_models(product: Product) -> None:
    product.starts().load()
    product.hub.goes_down()
    (cached,) = product.cache.rglob("first.onnx")
    cached.write_bytes(b"")
    loaded = product.starts().load()
    assert loaded.revision == STARTER
    assert len(loaded.notes) == 3
    assert loaded.notes[1].startswith("nor from its cache: first.onnx")


def test_with_no_models_at_all_every_answer_says_what_to_set(product: Product) -> None:
    product.setting.value = "main"
    product.loses_its_starter()
    loaded = product.starts().load()
    given = answer(loaded.forecaster)
    assert loaded.revision == "none"
    assert isinstance(given, ModelError)
    assert "'main' is not a commit hash" in str(given)
    assert "no starter models: manifest.json cannot be read" in str(given)


def test_an_asset_that_the_revision_cannot_serve_is_served_by_the_shipped_models(product: Product) -> None:
    loader = product.starts()
    assert served(loader) == ("first", product.first)
    assert served(loader, "MSFT") == ("shipped", STARTER)


def test_an_expired_model_gives_way_to_the_shipped_one_and_where_both_expired_the_reader_is_told(
    product: Product,
) -> None:
    old = Publication().add("old", UP, ["AAPL", "TSLA"], expires_at=NOW)
    product.setting.value = product.hub.publish(NAME, old.files())
    loader = product.starts()
    assert served(loader) == ("shipped", STARTER)
    given = answer(loader.load().forecaster, "TSLA")
    assert isinstance(given, ModelError)
    assert "model old of revision" in str(given)
    assert "model worn of revision starter expired" in str(given)


def test_the_shipped_models_can_be_chosen_and_stay_when_the_parameter_cannot_be_read(
    product: Product,
) -> None:
    loader = product.starts()
    loader.load()
    product.setting.value = STARTER
    assert loader.load().notes == ()
    assert served(loader) == ("shipped", STARTER)
    product.setting.value = None
    loaded = loader.load()
    assert loaded.revision == STARTER
    assert loaded.notes[0] == f"no models from {NAME}: the parameter cannot be read now"


def test_a_parameter_that_cannot_be_read_changes_nothing(product: Product) -> None:
    loader = product.starts()
    loader.load()
    product.setting.value = None
    assert served(loader) == ("first", product.first)
    given = answer(loader.load().forecaster)
    assert isinstance(given, Forecast)
    assert given.caveats == ()


def from_folder(folder: Path) -> ModelLoader:
    return model_loader(Settings(model_repository=str(folder)), [Market.STOCKS])


def test_a_folder_serves_like_a_repository_and_is_read_again_when_its_manifest_changes(
    tmp_path: Path,
) -> None:
    folder = FIRST.write_to(tmp_path / "models")
    loader = from_folder(folder)
    before = loader.load()
    assert before.revision.startswith("folder-")
    assert before.notes == ()
    assert loader.load().forecaster is before.forecaster
    SECOND.write_to(folder)
    after = loader.load()
    assert after.revision != before.revision
    assert served(loader) == ("second", after.revision)


def test_a_folder_that_is_half_written_changes_nothing_until_it_is_whole(tmp_path: Path) -> None:
    folder = FIRST.write_to(tmp_path / "models")
    loader = from_folder(folder)
    before = loader.load()
    (folder / "manifest.json").write_bytes(SECOND.files()["manifest.json"])
    loaded = loader.load()
    assert loaded.revision == before.revision
    assert "second.onnx cannot be read from" in loaded.notes[0]
    SECOND.write_to(folder)
    assert served(loader)[0] == "second"


def test_a_tampered_file_in_a_folder_is_refused(tmp_path: Path) -> None:
    folder = FIRST.write_to(tmp_path / "models")
    (folder / "first.onnx").write_bytes(DOWN[: len(UP)].ljust(len(UP), b"\0"))
    assert "first.onnx has SHA-256" in from_folder(folder).load().notes[0]


def test_without_a_repository_the_shipped_models_serve_and_the_log_says_what_to_set() -> None:
    (note,) = model_loader(Settings(), [Market.STOCKS]).load().notes
    assert note == "GROWFOLIO_MODEL_REPOSITORY is not set: the starter models serve"


def test_a_folder_that_is_not_there_is_said_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is neither a folder nor a repository ORG/NAME"):
        from_folder(tmp_path / "missing")
