"""Models from the Hub: the real huggingface_hub against a server that speaks the Hub's wire format."""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError, PermanentModelError, TemporaryModelError
from growfolio.models.hub import HubRepository
from growfolio.models.repository import Patience
from growfolio.models.revisions import FixedRevision

from tests.fakes.hub_server import FakeHub, Fault, Repository
from tests.fakes.models import Publication, constant_graph
from tests.patience import HANG

NAME = "growfolio/signals"
STOCKS, CRYPTO, BOTH = [Market.STOCKS], [Market.CRYPTO], list(Market)
UP = constant_graph((0.1, 0.2, 0.7))
DOWN = constant_graph((0.6, 0.3, 0.1))
FILES = Publication().add("stocks_5m_lstm", UP, ["AAPL"]).add("crypto_5m_lstm", DOWN, ["BTC"]).files()
STOCKS_FILE = "stocks_5m_lstm.onnx"
TOKEN = "hf_read_only_secret"


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as server:
        yield server


@pytest.fixture
def repository(hub: FakeHub, tmp_path: Path) -> HubRepository:
    return HubRepository(
        NAME,
        FixedRevision("unused"),
        tmp_path,
        endpoint=hub.endpoint,
        patience=Patience(request=HANG, deadline=HANG),
    )


def files_in(cache: Path) -> list[str]:
    """What lies in the cache under its own name."""
    return sorted(path.name for path in cache.rglob("snapshots/*/*"))


def test_the_models_of_the_pinned_commit_are_downloaded_and_no_others(
    hub: FakeHub, repository: HubRepository
) -> None:
    pinned = hub.publish(NAME, FILES)
    hub.publish(NAME, Publication().add("stocks_5m_lstm", DOWN, ["AAPL"]).files())
    models = repository.fetch(pinned, STOCKS)
    assert models.revision == pinned
    assert models.graphs == {"stocks_5m_lstm": UP}
    assert all(f"/resolve/{pinned}/" in r.path for r in hub.requests if r.host == "127.0.0.1")


def test_a_market_fetches_only_the_graphs_it_serves_and_never_a_pickle(
    hub: FakeHub, repository: HubRepository, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, FILES | {"stocks_5m_lstm.pth": b"\x80\x04malicious"})
    repository.fetch(commit, CRYPTO)
    assert files_in(tmp_path) == ["crypto_5m_lstm.onnx", "manifest.json"]
    assert not [name for name in hub.asked_for() if name.endswith(".pth")]


def test_what_is_cached_costs_no_request_even_when_the_hub_is_down(
    hub: FakeHub, repository: HubRepository
) -> None:
    commit = hub.publish(NAME, FILES)
    first = repository.fetch(commit, BOTH)
    hub.requests.clear()
    again = repository.fetch(commit, BOTH)
    hub.goes_down()
    down = repository.fetch(commit, BOTH)
    assert hub.requests == []
    assert first.graphs == again.graphs == down.graphs == {"stocks_5m_lstm": UP, "crypto_5m_lstm": DOWN}


def test_models_are_downloaded_side_by_side(hub: FakeHub, repository: HubRepository) -> None:
    publication = Publication()
    symbols = ("AAPL", "MSFT", "NVDA", "TSLA", "GOOGL", "AMZN", "META", "AMD")
    for i, symbol in enumerate(symbols):
        publication.add(f"{symbol}_5m_lstm", constant_graph((0.1, 0.2, 0.7 + i / 1000)), [symbol])
    commit = hub.publish(NAME, publication.files())
    hub.together = threading.Barrier(len(symbols))
    assert len(repository.fetch(commit, STOCKS).graphs) == len(symbols)


def test_a_file_that_is_not_what_its_manifest_says_is_refused_and_not_kept(
    hub: FakeHub, repository: HubRepository, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, FILES)
    hub.repositories[NAME].commits[commit][STOCKS_FILE] = UP[:-1] + b"!"
    with pytest.raises(PermanentModelError, match=r"stocks_5m_lstm.onnx has SHA-256 \w+; its manifest says"):
        repository.fetch(commit, STOCKS)
    assert files_in(tmp_path) == ["manifest.json"]
    hub.repositories[NAME].commits[commit][STOCKS_FILE] = UP
    assert repository.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}


def test_a_cached_file_that_was_damaged_is_replaced(
    hub: FakeHub, repository: HubRepository, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, FILES)
    repository.fetch(commit, STOCKS)
    (cached,) = tmp_path.rglob(STOCKS_FILE)
    cached.write_bytes(UP[:100])
    assert repository.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}


def test_a_damaged_cached_manifest_is_replaced_too(
    hub: FakeHub, repository: HubRepository, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, FILES)
    repository.fetch(commit, STOCKS)
    (cached,) = tmp_path.rglob("manifest.json")
    cached.write_bytes(b"{")
    assert repository.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}


def test_a_missing_file_is_named(hub: FakeHub, repository: HubRepository) -> None:
    commit = hub.publish(NAME, {name: data for name, data in FILES.items() if name != STOCKS_FILE})
    with pytest.raises(PermanentModelError, match=rf"{STOCKS_FILE} is missing from {NAME} at {commit}"):
        repository.fetch(commit, STOCKS)
    assert repository.fetch(commit, CRYPTO).graphs == {"crypto_5m_lstm": DOWN}


def test_a_download_that_is_cut_once_is_asked_for_again(hub: FakeHub, repository: HubRepository) -> None:
    commit = hub.publish(NAME, FILES)
    hub.faults = [Fault("GET /storage/", times=1, cut_after=100)]
    assert repository.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}
    assert len([r for r in hub.requests if r.host == "localhost"]) == 2


def test_a_download_that_is_cut_again_and_again_leaves_nothing_and_heals_when_the_hub_does(
    hub: FakeHub, repository: HubRepository, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, FILES)
    repository.fetch(commit, CRYPTO)
    before = files_in(tmp_path)
    hub.faults = [Fault("GET /storage/", cut_after=0)]
    with pytest.raises(TemporaryModelError):
        replace(repository, patience=Patience(request=HANG, deadline=1.0)).fetch(commit, STOCKS)
    assert files_in(tmp_path) == before == ["crypto_5m_lstm.onnx", "manifest.json"]
    assert not list(tmp_path.rglob("*.incomplete"))
    hub.faults.clear()
    assert repository.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}


def test_a_hub_that_is_down_is_a_temporary_fault(hub: FakeHub, repository: HubRepository) -> None:
    commit = hub.publish(NAME, FILES)
    hub.goes_down()
    with pytest.raises(TemporaryModelError, match=r"the Hub \(127.0.0.1\) did not answer: .*refused"):
        repository.fetch(commit, STOCKS)


@pytest.mark.parametrize("status", [429, 500, 503, 524])
def test_a_hub_in_trouble_is_asked_again_and_then_given_up(
    hub: FakeHub, repository: HubRepository, status: int
) -> None:
    commit = hub.publish(NAME, FILES)
    # Retry-After would have huggingface_hub sleep for five minutes.
    hub.faults = [Fault("manifest.json", status=status, headers={"Retry-After": "300"})]
    with pytest.raises(TemporaryModelError, match=rf"the Hub \(127.0.0.1\) answered {status}"):
        repository.fetch(commit, STOCKS)
    assert hub.asked_for() == ["manifest.json"] * 3
    hub.faults = [Fault("manifest.json", status=status, times=1)]
    assert repository.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}


@pytest.mark.parametrize(
    ("fault", "patience"),
    [
        (Fault("HEAD", silent=True), Patience(request=0.05, deadline=HANG)),
        (Fault("GET", silent=True), Patience(request=0.05, deadline=HANG)),
        (Fault("HEAD", silent=True), Patience(request=HANG, deadline=0.2)),
        (Fault("GET", silent=True), Patience(request=HANG, deadline=0.2)),
        (Fault("GET /storage/", drip=True), Patience(request=HANG, deadline=0.2)),
    ],
    ids=["silent head, request", "silent get, request", "silent head", "silent get", "drip"],
)
def test_a_hub_that_is_slow_is_waited_for_as_long_as_patience_says(
    hub: FakeHub, repository: HubRepository, fault: Fault, patience: Patience
) -> None:
    """It never answers, or for longer than the deadline: without a limit, the test would hang."""
    commit = hub.publish(NAME, FILES)
    hub.faults = [fault]
    with pytest.raises(TemporaryModelError):
        replace(repository, patience=patience).fetch(commit, STOCKS)


def test_a_private_repository_needs_its_token_which_only_the_hub_itself_is_sent(
    hub: FakeHub,
    repository: HubRepository,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(0)
    commit = hub.publish(NAME, FILES)
    hub.repositories[NAME].token = TOKEN
    with_token = replace(repository, token=lambda: TOKEN)
    assert with_token.fetch(commit, STOCKS).graphs == {"stocks_5m_lstm": UP}
    assert {r.token for r in hub.requests if r.host == "127.0.0.1"} == {TOKEN}
    assert {r.token for r in hub.requests if r.host == "localhost"} == {""}
    output = capfd.readouterr()
    assert TOKEN not in caplog.text + output.out + output.err + repr(with_token)


def test_a_token_is_not_asked_for_what_is_cached(hub: FakeHub, repository: HubRepository) -> None:
    commit = hub.publish(NAME, FILES)
    repository.fetch(commit, STOCKS)

    def refused() -> str:
        raise AssertionError("asked")

    assert replace(repository, token=refused).fetch(commit, STOCKS).revision == commit


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"X-Error-Code": "RepoNotFound"}),
        (401, {"X-Error-Message": "Invalid credentials in Authorization header"}),
        (403, {"X-Error-Code": "GatedRepo"}),
        (403, {"X-Error-Message": "Access to this resource is disabled."}),
        (403, {}),
        (404, {"X-Error-Code": "RepoNotFound"}),
        (404, {}),
    ],
)
def test_a_repository_that_may_not_be_read_says_what_to_set(
    hub: FakeHub, repository: HubRepository, status: int, headers: dict[str, str]
) -> None:
    commit = hub.publish(NAME, FILES)
    hub.faults = [Fault("", status=status, headers=headers)]
    with pytest.raises(PermanentModelError) as raised:
        replace(repository, token=lambda: TOKEN).fetch(commit, STOCKS)
    message = str(raised.value)
    assert message.startswith(f"{NAME} does not exist or may not be read (the Hub answered {status})")
    assert "GROWFOLIO_MODEL_REPOSITORY" in message
    assert "GROWFOLIO_HUB_TOKEN_PARAMETER" in message
    assert TOKEN not in message


def test_strangers_and_wrong_tokens_are_refused_by_a_private_repository(
    hub: FakeHub, repository: HubRepository
) -> None:
    commit = hub.publish(NAME, FILES)
    hub.repositories[NAME].token = TOKEN
    for stranger in (repository, replace(repository, token=lambda: "hf_wrong")):
        with pytest.raises(PermanentModelError, match="does not exist or may not be read"):
            stranger.fetch(commit, STOCKS)


def test_a_commit_that_the_repository_does_not_have_is_told_apart(
    hub: FakeHub, repository: HubRepository
) -> None:
    hub.publish(NAME, FILES)
    with pytest.raises(
        PermanentModelError, match=rf"{'0' * 40} is no commit of {NAME}: set GROWFOLIO_MODEL_REVISION"
    ):
        repository.fetch("0" * 40, STOCKS)


@pytest.mark.parametrize("revision", ["main", "v1.0", "", "abc123", "A" * 40, "0" * 41, "refs/pr/1"])
def test_only_a_full_commit_hash_is_served_and_the_message_says_what_to_set(
    repository: HubRepository, revision: str
) -> None:
    with pytest.raises(PermanentModelError) as raised:
        replace(repository, revisions=FixedRevision(revision)).active()
    assert re.search(
        rf"'{revision}' is not a commit hash .*set GROWFOLIO_MODEL_REVISION to the 40 hex digits of a commit",
        str(raised.value),
    )


def test_the_active_revision_is_the_hash_as_it_was_set(repository: HubRepository) -> None:
    assert replace(repository, revisions=FixedRevision(f" {'a1' * 20}\n")).active() == "a1" * 20


@pytest.mark.parametrize(
    "name", ["signals", "a/b/c", "../etc", "/models/here", "org/", "o--rg/x", "org/a..b", "a b/c"]
)
def test_a_repository_is_named_by_its_owner_and_itself(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="GROWFOLIO_MODEL_REPOSITORY="):
        HubRepository(name, FixedRevision(""), tmp_path)


def test_the_last_good_revision_of_a_market_is_at_hand_without_the_hub(
    hub: FakeHub, repository: HubRepository
) -> None:
    good = hub.publish(NAME, FILES)
    broken = hub.publish(NAME, {"manifest.json": b"{}"})
    assert repository.cached(STOCKS) is None
    repository.fetch(good, STOCKS)
    with pytest.raises(PermanentModelError, match="'format' is missing"):
        repository.fetch(broken, STOCKS)
    hub.requests.clear()
    models = repository.cached(STOCKS)
    assert models is not None
    assert (models.revision, models.graphs) == (good, {"stocks_5m_lstm": UP})
    assert repository.cached(CRYPTO) is None
    assert hub.requests == []


def test_a_last_good_revision_that_was_damaged_since_is_refused_without_asking_the_hub(
    hub: FakeHub, repository: HubRepository, tmp_path: Path
) -> None:
    repository.fetch(hub.publish(NAME, FILES), STOCKS)
    (cached,) = tmp_path.rglob(STOCKS_FILE)
    cached.write_bytes(b"")
    hub.requests.clear()
    with pytest.raises(PermanentModelError, match="has 0 bytes"):
        repository.cached(STOCKS)
    with pytest.raises(PermanentModelError, match="is not cached"):
        repository.cached(STOCKS)
    assert hub.requests == []


def test_a_manifest_that_points_outside_its_repository_fetches_nothing(
    hub: FakeHub, repository: HubRepository
) -> None:
    document = json.loads(FILES["manifest.json"])
    document["models"]["stocks_5m_lstm"]["onnx"]["file"] = "../../other/repo/resolve/main/x.onnx"
    commit = hub.publish(NAME, FILES | {"manifest.json": json.dumps(document).encode()})
    with pytest.raises(PermanentModelError, match="must be a plain file name"):
        repository.fetch(commit, STOCKS)
    assert set(hub.asked_for()) == {"manifest.json"}


def test_an_answer_that_makes_no_sense_is_a_fault_like_any_other(
    hub: FakeHub, repository: HubRepository
) -> None:
    commit = hub.publish(NAME, FILES)
    for headers in ({}, {"Location": "http://[broken"}):
        hub.faults = [Fault("", status=302, headers=headers)]
        with pytest.raises(TemporaryModelError, match=r"manifest\.json of growfolio/signals could not be"):
            repository.fetch(commit, STOCKS)


def test_an_unknown_repository_is_refused_like_a_private_one(hub: FakeHub, repository: HubRepository) -> None:
    hub.repositories["other/one"] = Repository()
    with pytest.raises(PermanentModelError, match=f"{NAME} does not exist or may not be read"):
        repository.fetch("0" * 40, STOCKS)
