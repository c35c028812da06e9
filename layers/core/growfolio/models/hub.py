"""A model repository on the Hugging Face Hub, read at one pinned commit and kept in a cache."""

import os
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError, ModelError, PermanentModelError, TemporaryModelError
from growfolio.models.manifest import MANIFEST, Model, parse_manifest
from growfolio.models.repository import ModelSet, Patience, needed, verified
from growfolio.models.revisions import RevisionSource
from growfolio.settings import STARTER

COMMIT = "[0-9a-f]{40}"
REPOSITORY = r"(?!.*(--|\.\.|\.git$))[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?/[A-Za-z0-9]([\w.-]{0,94}[A-Za-z0-9])?"
CONCURRENT_DOWNLOADS = 8

_ENVIRONMENT = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    # Its warnings name signed addresses of files; what matters is raised.
    "HF_HUB_VERBOSITY": "error",
}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HubRepository:
    """ORG/NAME on the Hub. What a commit holds never changes, so what is cached costs no request."""

    name: str
    revisions: RevisionSource
    cache: Path
    token: Callable[[], str] | None = None
    """Asked only when something must be downloaded."""
    endpoint: str | None = None
    """None: HF_ENDPOINT, or the public Hub."""
    patience: Patience = field(default_factory=Patience)

    def __post_init__(self) -> None:
        if not re.fullmatch(REPOSITORY, self.name, re.ASCII):
            raise ConfigurationError(
                f"GROWFOLIO_MODEL_REPOSITORY={self.name!r} is neither a folder nor a repository ORG/NAME"
            )

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def active(self) -> str:
        revision = self.revisions.current()
        if revision == STARTER or re.fullmatch(COMMIT, revision):
            return revision
        raise PermanentModelError(
            f"{revision[:60]!r} is not a commit hash (branches and tags move): set {self.revisions.name} "
            f"to the 40 hex digits of a commit of {self.name}, or to {STARTER!r}"
        )

    def fetch(self, revision: str, markets: Collection[Market]) -> ModelSet:
        models = _Commit(self, revision).models(markets)
        self.remember(revision, markets)
        return models

    def remember(self, revision: str, markets: Collection[Market]) -> None:
        """Note the last revision that was whole for these markets."""
        note = self._good(markets)
        with suppress(OSError):  # a full disk must not take away models that are in hand
            note.parent.mkdir(parents=True, exist_ok=True)
            note.write_text(revision)

    def remembered(self, markets: Collection[Market]) -> str:
        """The revision noted last; empty where there is none."""
        note = self._good(markets)
        revision = note.read_text() if note.is_file() else ""
        return revision if re.fullmatch(COMMIT, revision) else ""

    def fetch_file(self, revision: str, file: str, check: Callable[[bytes], T]) -> T:
        """Any file of a commit, as check gives it. Raises ModelError, and what check raises."""
        _prepare(self.cache)
        from growfolio.models.hub_timeouts import bounded

        with bounded(self.patience):
            return _Commit(self, revision).take(file, check)

    def cached(self, markets: Collection[Market]) -> ModelSet | None:
        revision = self.remembered(markets)
        return _Commit(self, revision, offline=True).models(markets) if revision else None

    def _good(self, markets: Collection[Market]) -> Path:
        """Where the last revision is noted that was whole for these markets."""
        return self.cache / "good" / "--".join([*self.name.split("/"), *sorted(markets)])


@dataclass(frozen=True, slots=True)
class _Commit:
    """One commit of a repository, read from the cache and, unless offline, from the Hub."""

    repository: HubRepository
    revision: str
    offline: bool = False

    def models(self, markets: Collection[Market]) -> ModelSet:
        """All or none. Raises ModelError."""
        _prepare(self.repository.cache)
        from growfolio.models.hub_timeouts import bounded

        with bounded(self.repository.patience), ThreadPoolExecutor(CONCURRENT_DOWNLOADS) as pool:
            manifest = self.take(MANIFEST, parse_manifest)
            wanted = needed(manifest, markets)
            graphs = pool.map(self._graph, wanted)
            return ModelSet(
                self.revision,
                manifest,
                frozenset(markets),
                {model.id: graph for model, graph in zip(wanted, graphs, strict=True)},
            )

    def _graph(self, model: Model) -> bytes:
        return self.take(model.onnx.file, partial(verified, model.onnx))

    def take(self, file: str, check: Callable[[bytes], T]) -> T:
        """The checked content. A cached copy that fails the check is replaced by what the Hub has."""
        cached = self._cached(file)
        if cached is not None:
            try:
                return _checked(cached, check)
            except PermanentModelError:
                if self.offline:
                    raise
        return _checked(self._downloaded(file), check)

    def _cached(self, file: str) -> Path | None:
        from huggingface_hub import try_to_load_from_cache

        path = try_to_load_from_cache(self.repository.name, file, self.repository.cache, self.revision)
        if isinstance(path, str):
            return Path(path)
        if self.offline:
            raise PermanentModelError(f"{file} of {self.repository.name} at {self.revision} is not cached")
        return None

    def _downloaded(self, file: str) -> Path:
        from huggingface_hub import hf_hub_download

        repository = self.repository
        token = repository.token() if repository.token else ""
        try:
            path = hf_hub_download(
                repository.name,
                file,
                revision=self.revision,
                cache_dir=repository.cache,
                token=token or False,
                endpoint=repository.endpoint,
                library_name="growfolio",
            )
        except ModelError:
            raise
        except Exception as fault:  # its own errors, httpx2's, OSError: a bad answer must not end a refresh
            raise self._explained(file, fault) from fault
        return Path(path)

    def _explained(self, file: str, fault: Exception) -> ModelError:
        """In a person's words: huggingface_hub hides most faults behind "not found in the local cache"."""
        from huggingface_hub.errors import HfHubHTTPError, RemoteEntryNotFoundError, RevisionNotFoundError

        cause = fault.__cause__ if isinstance(fault, FileNotFoundError) and fault.__cause__ else fault
        name, revision = self.repository.name, self.revision
        if isinstance(cause, RevisionNotFoundError):
            where = self.repository.revisions.name
            return PermanentModelError(f"{revision} is no commit of {name}: set {where} to one that is")
        if isinstance(cause, RemoteEntryNotFoundError):
            return PermanentModelError(
                f"{file} is missing from {name} at {revision}: publish the models again"
            )
        if isinstance(cause, HfHubHTTPError) and cause.response.status_code in (401, 403, 404):
            return PermanentModelError(
                f"{name} does not exist or may not be read (the Hub answered {cause.response.status_code}): "
                "check GROWFOLIO_MODEL_REPOSITORY; a private one needs a token that may read it, in the SSM "
                "parameter that GROWFOLIO_HUB_TOKEN_PARAMETER names"
            )
        if isinstance(cause, HfHubHTTPError):
            return PermanentModelError(f"{file} of {name}: the Hub answered {cause.response.status_code}")
        return TemporaryModelError(f"{file} of {name} could not be downloaded: {_first_line(cause)}")


def _prepare(cache: Path) -> None:
    """huggingface_hub reads its settings when it is imported, and on Lambda only /tmp can be written."""
    os.environ.setdefault("HF_HOME", str(cache))
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def _checked(path: Path, check: Callable[[bytes], T]) -> T:
    """Raises what check raises; a copy that failed is not kept."""
    try:
        return check(path.read_bytes())
    except OSError as fault:
        raise TemporaryModelError(f"{path.name} cannot be read from the cache: {fault.strerror}") from fault
    except PermanentModelError:
        with suppress(OSError):  # a cache that cannot be written keeps its damage
            path.resolve().unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        raise


def _first_line(fault: BaseException) -> str:
    return (str(fault) or type(fault).__name__).splitlines()[0]
