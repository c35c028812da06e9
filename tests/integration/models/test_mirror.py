"""Models from the bucket: copied at promotion, and read in place of the Hub, which is asked for the rest."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.errors import ArchiveError, ModelError, PermanentModelError
from growfolio.models.hub import HubRepository
from growfolio.models.loader import STARTER_MODELS, ModelLoader
from growfolio.models.manifest import MANIFEST, ModelFile
from growfolio.models.mirror import Mirror, MirroredRepository, key_of, mirror, pointer_of
from growfolio.models.repository import Patience
from growfolio.models.revisions import FixedRevision
from growfolio.storage.objects import MemoryObjects

from tests.fakes.hub_server import FakeHub, Fault
from tests.fakes.models import Publication, constant_graph
from tests.patience import HANG

NAME = "growfolio/signals"
UP, DOWN = constant_graph((0.1, 0.2, 0.7)), constant_graph((0.6, 0.3, 0.1))
FILES = (
    Publication()
    .add("stocks_5m_lstm", UP, ["AAPL"])
    .add("stocks_15m_lstm", UP, ["AAPL"], Timeframe.M15)
    .add("crypto_5m_lstm", DOWN, ["BTC"])
    .files()
)
BOTH = list(Market)
GRAPHS = {"stocks_5m_lstm": UP, "stocks_15m_lstm": UP, "crypto_5m_lstm": DOWN}


class Bucket(MemoryObjects):
    """Counts what is read, and can be out of reach."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.out_of_reach = False

    def read(self, key: str) -> bytes | None:
        self.asked.append(key)
        if self.out_of_reach:
            raise ArchiveError(f"s3://bucket/{key} cannot be read: ConnectTimeout")
        return super().read(key)


@dataclass
class World:
    hub: FakeHub
    folder: Path
    bucket: Bucket = field(default_factory=Bucket)

    def publish(self, files: dict[str, bytes] = FILES, *, promoted: bool = True) -> str:
        commit = self.hub.publish(NAME, files)
        if promoted:
            mirror(self.origin(commit, "promoting"), commit, self.bucket)
            self.bucket.asked.clear()
        self.hub.requests.clear()
        return commit

    def origin(self, revision: str, cache: str) -> HubRepository:
        patience = Patience(request=HANG, deadline=HANG)
        return HubRepository(
            NAME, FixedRevision(revision), self.folder / cache, endpoint=self.hub.endpoint, patience=patience
        )

    def repository(self, revision: str, cache: str = "cold") -> MirroredRepository:
        """As a function has it; cache names the folder of its sandbox."""
        return MirroredRepository(
            self.origin(revision, cache), Mirror(self.bucket, self.folder / cache / "mirror")
        )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with FakeHub() as hub:
        yield World(hub, tmp_path)


def test_a_promoted_revision_is_served_without_the_hub(world: World) -> None:
    commit = world.publish()
    world.hub.goes_down()
    repository = world.repository(commit)
    models = repository.fetch(repository.active(), BOTH)
    assert (models.revision, models.graphs, repository.notes) == (commit, GRAPHS, ())
    assert world.hub.requests == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_hub_that_is_limited_or_broken_is_not_asked(world: World, status: int) -> None:
    commit = world.publish()
    world.hub.faults = [Fault("", status=status)]
    loaded = ModelLoader(BOTH, world.repository(commit), STARTER_MODELS).load()
    assert (loaded.revision, loaded.notes) == (commit, ())
    assert world.hub.requests == []


def test_a_market_reads_only_what_it_serves_and_twins_once(world: World) -> None:
    commit = world.publish()
    world.repository(commit).fetch(commit, [Market.CRYPTO])
    manifest = hashlib.sha256(FILES[MANIFEST]).hexdigest()
    graph = hashlib.sha256(DOWN).hexdigest()
    assert world.bucket.asked == [pointer_of(commit), key_of(manifest), key_of(graph)]


def test_the_mirror_holds_each_file_under_its_checksum(world: World) -> None:
    commit = world.publish()
    keys = world.bucket.keys("")
    assert keys == sorted(
        {key_of(hashlib.sha256(c).hexdigest()) for c in FILES.values()} | {pointer_of(commit)}
    )
    for key in keys:
        content = world.bucket.read(key)
        assert content is not None
        if key != pointer_of(commit):
            assert key == key_of(hashlib.sha256(content).hexdigest())


def test_tensors_are_copied_too(world: World) -> None:
    tensors = b"tensors of one network"
    publication = Publication().add("stocks_5m_lstm", UP, ["AAPL"])
    pth = ModelFile("stocks_5m_lstm.pth", hashlib.sha256(tensors).hexdigest(), len(tensors))
    (model,) = publication.manifest.models.values()
    manifest = replace(publication.manifest, models={model.id: replace(model, pth=pth)}).to_json().encode()
    world.publish(publication.files() | {MANIFEST: manifest, pth.file: tensors})
    assert world.bucket.read(key_of(pth.sha256)) == tensors


def test_a_second_promotion_copies_nothing_and_needs_no_hub(world: World) -> None:
    commit = world.publish()
    before = {key: world.bucket.read(key) for key in world.bucket.keys("")}
    world.hub.goes_down()
    assert mirror(world.origin(commit, "again"), commit, world.bucket) == 0
    assert {key: world.bucket.read(key) for key in world.bucket.keys("")} == before


def test_two_revisions_share_the_files_that_they_have_in_common(world: World) -> None:
    world.publish()
    more = Publication().add("crypto_5m_lstm", DOWN, ["BTC"]).files()
    commit = world.publish(more, promoted=False)
    assert mirror(world.origin(commit, "next"), commit, world.bucket) == 2, "its manifest and its pointer"


@pytest.mark.parametrize("spoil", ["missing", "cut", "other bytes", "empty"])
@pytest.mark.parametrize("what", ["pointer", "manifest", "graph"])
def test_what_the_mirror_lacks_or_holds_damaged_comes_from_the_hub_with_a_note(
    world: World, what: str, spoil: str
) -> None:
    commit = world.publish()
    keys = {
        "pointer": pointer_of(commit),
        "manifest": key_of(hashlib.sha256(FILES[MANIFEST]).hexdigest()),
        "graph": key_of(hashlib.sha256(UP).hexdigest()),
    }
    whole = world.bucket.read(keys[what]) or b""
    damaged = {"cut": whole[:-3], "other bytes": b"x" + whole[1:], "empty": b""}
    if spoil == "missing":
        del world.bucket._contents[keys[what]]
    else:
        world.bucket.write(keys[what], damaged[spoil])
    repository = world.repository(commit)
    assert repository.fetch(commit, BOTH).graphs == GRAPHS
    (note,) = repository.notes
    assert keys[what] in note
    assert note.endswith("the Hub served it: make promote again")
    assert ModelLoader(BOTH, world.repository(commit, "other"), STARTER_MODELS).load().notes == (note,)
    assert mirror(world.origin(commit, "again"), commit, world.bucket) == 1, "promoting again mends it"
    healed = world.repository(commit, "healed")
    healed.fetch(commit, BOTH)
    assert healed.notes == ()


def test_a_bucket_out_of_reach_is_a_note_and_the_hub_serves(world: World) -> None:
    commit = world.publish()
    world.bucket.out_of_reach = True
    repository = world.repository(commit)
    assert repository.fetch(commit, BOTH).graphs == GRAPHS
    assert "ConnectTimeout" in repository.notes[0]


def test_where_neither_has_it_the_error_has_both_reasons_and_what_serves_stays(world: World) -> None:
    first, second = world.publish(), world.publish(promoted=False)
    loader = ModelLoader(BOTH, world.repository(first), STARTER_MODELS)
    assert loader.load().revision == first
    world.hub.goes_down()
    with pytest.raises(ModelError, match=f"the Hub .*; .*there is no {pointer_of(second)} in the bucket"):
        world.repository(second).fetch(second, BOTH)


def test_what_was_read_once_is_at_hand_when_neither_answers(world: World) -> None:
    """A process that ends badly leaves its sandbox's folder to the next."""
    commit = world.publish()
    world.repository(commit).fetch(commit, BOTH)
    world.bucket.out_of_reach = True
    world.hub.goes_down()
    again = world.repository(commit)
    assert again.fetch(commit, BOTH).graphs == GRAPHS
    kept = world.repository("unreadable").cached(BOTH)
    assert kept is not None
    assert (kept.revision, kept.graphs) == (commit, GRAPHS)


def test_a_kept_copy_that_was_damaged_is_read_anew(world: World) -> None:
    commit = world.publish()
    world.repository(commit).fetch(commit, BOTH)
    for path in (world.folder / "cold" / "mirror").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    assert world.repository(commit).fetch(commit, BOTH).graphs == GRAPHS


def test_a_folder_that_cannot_be_written_takes_no_models_away(world: World) -> None:
    commit = world.publish()
    (world.folder / "cold").write_text("a file where the folder should be")
    assert world.repository(commit).fetch(commit, BOTH).graphs == GRAPHS


def test_a_revision_that_is_not_whole_on_the_hub_is_not_promoted(world: World) -> None:
    commit = world.publish(promoted=False)
    world.hub.repositories[NAME].commits[commit]["stocks_5m_lstm.onnx"] = DOWN
    with pytest.raises(PermanentModelError, match="its manifest says"):
        mirror(world.origin(commit, "promoting"), commit, world.bucket)
    assert world.bucket.read(pointer_of(commit)) is None


def test_an_object_that_is_not_what_was_written_stops_the_promotion(world: World) -> None:
    class Lossy(Bucket):
        def write(self, key: str, content: bytes) -> None:
            super().write(key, content[:-1])

    commit = world.publish(promoted=False)
    with pytest.raises(PermanentModelError, match="its SHA-256 is"):
        mirror(world.origin(commit, "promoting"), commit, Lossy())
