"""Where models come from: a folder, or a repository on the Hub (hub.py). Both hold the same files."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from growfolio.domain.assets import Market
from growfolio.errors import PermanentModelError
from growfolio.models.manifest import MANIFEST, Manifest, Model, ModelFile, parse_manifest


@dataclass(frozen=True, slots=True, eq=False)
class ModelSet:
    """The models of one revision that serve some markets: ONNX graphs by model id, checksums verified."""

    revision: str
    manifest: Manifest
    markets: frozenset[Market]
    graphs: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download may take, in seconds."""

    request: float = 5.0
    """One step: to connect, to get the next bytes."""
    deadline: float = 15.0
    """The whole revision, retries included."""


class ModelRepository(Protocol):
    """Every method raises ModelError; the message says what is wrong and what to set."""

    @property
    def name(self) -> str:
        """As a person knows it: ORG/NAME, or a path."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the operator should know of the last fetch although it succeeded."""

    def active(self) -> str:
        """The revision that is to be served now."""

    def fetch(self, revision: str, markets: Collection[Market]) -> ModelSet:
        """All models that serve these markets at that revision, or none: a revision is good as a whole."""

    def cached(self, markets: Collection[Market]) -> ModelSet | None:
        """The last revision that was fetched whole, if it is at hand; asks nobody."""


class FolderRepository:
    """A folder with the files of a model repository. Its revision is named after what the manifest says."""

    def __init__(self, folder: Path, revision: str | None = None, name: str | None = None) -> None:
        """revision names the content of a folder that never changes; name is what readers may see of it."""
        self._folder = folder
        self._revision = revision
        self._name = name

    @property
    def name(self) -> str:
        return self._name or str(self._folder)

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def active(self) -> str:
        return self._revision or f"folder-{hashlib.sha256(self._read(MANIFEST)).hexdigest()[:12]}"

    def fetch(self, revision: str, markets: Collection[Market]) -> ModelSet:
        manifest = parse_manifest(self._read(MANIFEST))
        graphs = {
            model.id: verified(model.onnx, self._read(model.onnx.file)) for model in needed(manifest, markets)
        }
        return ModelSet(revision, manifest, frozenset(markets), graphs)

    def cached(self, markets: Collection[Market]) -> ModelSet | None:  # noqa: ARG002  (a folder keeps no past)
        return None

    def _read(self, file: str) -> bytes:
        try:
            return (self._folder / file).read_bytes()
        except OSError as fault:
            reason = fault.strerror or type(fault).__name__
            raise PermanentModelError(f"{file} cannot be read from {self.name}: {reason}") from fault


def needed(manifest: Manifest, markets: Collection[Market]) -> list[Model]:
    """The models that any asset of these markets is assigned to."""
    return [model for market in markets for model in manifest.assigned(market)]


def verified(file: ModelFile, content: bytes) -> bytes:
    """The content itself. Raises PermanentModelError unless it is what the manifest says."""
    if len(content) != file.bytes:
        raise PermanentModelError(f"{file.file} has {len(content)} bytes; its manifest says {file.bytes}")
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise PermanentModelError(f"{file.file} has SHA-256 {found}; its manifest says {file.sha256}")
    return content
