"""Publishing is one commit or nothing: the real huggingface_hub against a Hub on this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError, ModelError, PermanentModelError, TemporaryModelError
from growfolio.models.hub import HubRepository
from growfolio.models.revisions import FixedRevision

from tests.fakes.hub_server import FakeHub, Fault, Repository
from tests.fakes.models import Publication, constant_graph
from training.release.publish import HubTarget, hub_target

# The library's own call of another library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAME = "growfolio/signals"
UP, DOWN = constant_graph((0.1, 0.2, 0.7)), constant_graph((0.6, 0.3, 0.1))
OLD = Publication().add("stocks_5m_lstm", DOWN, ["AAPL"]).add("crypto_5m_lstm", DOWN, ["BTC"]).files()


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as server:
        server.repositories[NAME] = Repository()
        yield server


@pytest.fixture
def target(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> HubTarget:
    monkeypatch.setenv("HF_TOKEN", "hf_may_write")
    return HubTarget(NAME, hub.endpoint)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """New models: another one for stocks, and the crypto one is gone."""
    models = Publication().add("stocks_5m_lstm", UP, ["AAPL"]).add("BTC_USDT_5m_lstm", UP, ["BTC"])
    for name, content in models.files().items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "MODEL_CARD.md").write_text("# Models\n\n![reliability](reliability.svg)\n")
    (tmp_path / "reliability.svg").write_text("<svg/>")
    (tmp_path / "unrelated.txt").write_text("stays here")
    return tmp_path


def publish(target: HubTarget, folder: Path) -> str:
    return target.publish(folder, "Models of a Sunday", target.head())


def test_models_manifest_card_and_pictures_are_one_commit(
    hub: FakeHub, target: HubTarget, folder: Path
) -> None:
    commit = publish(target, folder)
    repository = hub.repositories[NAME]
    assert list(repository.commits) == [commit]
    assert repository.messages == ["Models of a Sunday"]
    there = repository.commits[commit]
    assert set(there) == {
        *("stocks_5m_lstm.onnx", "BTC_USDT_5m_lstm.onnx"),
        *("manifest.json", "README.md", "reliability.svg"),
    }
    assert there["manifest.json"] == (folder / "manifest.json").read_bytes()
    assert there["README.md"].startswith(b"---\nlibrary_name: onnx\n")
    assert b"# Models\n" in there["README.md"]


def test_serving_reads_what_was_published(
    hub: FakeHub, target: HubTarget, folder: Path, tmp_path: Path
) -> None:
    commit = publish(target, folder)
    reader = HubRepository(NAME, FixedRevision("unused"), tmp_path / "cache", endpoint=hub.endpoint)
    assert reader.fetch(commit, [Market.STOCKS]).graphs == {"stocks_5m_lstm": UP}


def test_models_that_are_no_longer_named_are_deleted_in_the_same_commit_and_stay_in_the_last(
    hub: FakeHub, target: HubTarget, folder: Path
) -> None:
    before = hub.publish(NAME, OLD | {".gitattributes": b"*.onnx filter=lfs\n"})
    commit = publish(target, folder)
    repository = hub.repositories[NAME]
    assert list(repository.commits) == [before, commit]
    assert "crypto_5m_lstm.onnx" not in repository.commits[commit]
    assert ".gitattributes" in repository.commits[commit]
    assert repository.commits[before]["crypto_5m_lstm.onnx"] == DOWN


def test_publishing_the_same_again_makes_no_second_commit(
    hub: FakeHub, target: HubTarget, folder: Path
) -> None:
    first = publish(target, folder)
    assert publish(target, folder) == first
    assert list(hub.repositories[NAME].commits) == [first]


def test_an_upload_that_is_cut_off_is_sent_again(hub: FakeHub, target: HubTarget, folder: Path) -> None:
    hub.faults = [Fault("PUT /storage/", times=1, unread=True)]
    commit = publish(target, folder)
    assert hub.repositories[NAME].commits[commit]["stocks_5m_lstm.onnx"] == UP


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        (Fault("PUT /storage/", status=403), PermanentModelError, "may not be written"),
        (Fault("POST /api/models", status=401), PermanentModelError, "set HF_TOKEN"),
        (Fault("/commit/", unread=True), TemporaryModelError, "did not answer"),
        (Fault("/commit/", status=503), TemporaryModelError, "answered 503"),
        (Fault("/commit/", status=400), PermanentModelError, r"refused the commit \(400\)"),
    ],
)
def test_failed_publishing_leaves_the_repository_as_it_was(
    hub: FakeHub, target: HubTarget, folder: Path, fault: Fault, kind: type[ModelError], reason: str
) -> None:
    before = hub.publish(NAME, OLD)
    parent = target.head()
    hub.faults = [fault]
    with pytest.raises(kind, match=reason):
        target.publish(folder, "Models", parent)
    assert list(hub.repositories[NAME].commits) == [before]
    assert hub.repositories[NAME].commits[before] == OLD


def test_a_commit_whose_answer_was_lost_is_recognised_as_ours(
    hub: FakeHub, target: HubTarget, folder: Path
) -> None:
    hub.faults = [Fault("/commit/", cut_after=3)]
    commit = publish(target, folder)
    assert list(hub.repositories[NAME].commits) == [commit]


def test_a_commit_of_somebody_else_meanwhile_is_not_overwritten(
    hub: FakeHub, target: HubTarget, folder: Path
) -> None:
    parent = target.head()
    theirs = hub.publish(NAME, OLD)
    parent = type(parent)("0" * 40, parent.files)
    with pytest.raises(TemporaryModelError, match="newer commit by somebody else"):
        target.publish(folder, "Models", parent)
    assert list(hub.repositories[NAME].commits) == [theirs]


def test_a_hub_that_is_down_is_a_temporary_trouble(hub: FakeHub, target: HubTarget) -> None:
    hub.goes_down()
    with pytest.raises(TemporaryModelError, match="did not answer"):
        target.head()


def test_a_repository_that_does_not_exist_is_said_to_be_made_first(hub: FakeHub, target: HubTarget) -> None:
    del hub.repositories[NAME]
    with pytest.raises(PermanentModelError, match="create it, and set HF_TOKEN"):
        target.head()


def test_a_folder_that_serving_would_refuse_never_leaves_this_machine(
    hub: FakeHub, target: HubTarget, folder: Path
) -> None:
    parent = target.head()
    hub.requests.clear()
    (folder / "stocks_5m_lstm.onnx").write_bytes(DOWN)
    with pytest.raises(PermanentModelError, match=r"stocks_5m_lstm\.onnx has SHA-256"):
        target.publish(folder, "Models", parent)
    (folder / "stocks_5m_lstm.onnx").unlink()
    with pytest.raises(PermanentModelError, match=r"stocks_5m_lstm\.onnx cannot be read"):
        target.publish(folder, "Models", parent)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["signals", "a/b/c", "../signals", "growfolio/signals.git"])
def test_only_org_and_name_make_a_repository(name: str) -> None:
    with pytest.raises(ConfigurationError, match="give ORG/NAME"):
        hub_target(name)
