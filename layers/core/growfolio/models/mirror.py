"""The promoted revisions' files in the product's own bucket, so that serving needs no Hub.

    models/<sha256>               a file of a revision under its checksum: manifest, graph or tensors
    models/revisions/<commit>     the checksum of that commit's manifest, as text; written last

Promotion writes it (make promote, the training job), refresh only reads it. The Hub stays the origin: what
the mirror lacks, or holds damaged, comes from there.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from growfolio.domain.assets import Market
from growfolio.errors import ArchiveError, ModelError, PermanentModelError, TemporaryModelError
from growfolio.models.hub import CONCURRENT_DOWNLOADS, HubRepository
from growfolio.models.manifest import MANIFEST, files_of, parse_manifest
from growfolio.models.repository import ModelSet, needed, verified

SHA256 = "[0-9a-f]{64}"


class MirrorReader(Protocol):
    """Bytes by key. Raises ArchiveError when out of reach."""

    def read(self, key: str) -> bytes | None:
        """None where there is no such object."""


class MirrorWriter(MirrorReader, Protocol):
    def write(self, key: str, content: bytes) -> None: ...


def key_of(sha256: str) -> str:
    return f"models/{sha256}"


def pointer_of(revision: str) -> str:
    return f"models/revisions/{revision}"


@dataclass(frozen=True, slots=True)
class Mirror:
    """The mirror, and a folder in which what was read is kept. Every method raises ModelError."""

    objects: MirrorReader
    cache: Path

    def fetch(self, revision: str, markets: Collection[Market], *, offline: bool = False) -> ModelSet:
        """As ModelRepository.fetch; offline, from the folder alone."""
        take = partial(self._take, offline=offline)
        pointer = take(pointer_of(revision), _named)
        manifest = parse_manifest(take(key_of(pointer.decode()), partial(_is, pointer.decode())))
        wanted = needed(manifest, markets)
        with ThreadPoolExecutor(CONCURRENT_DOWNLOADS) as pool:
            graphs = pool.map(lambda m: take(key_of(m.onnx.sha256), partial(verified, m.onnx)), wanted)
            found = {model.id: graph for model, graph in zip(wanted, graphs, strict=True)}
        return ModelSet(revision, manifest, frozenset(markets), found)

    def _take(self, key: str, check: Callable[[bytes], bytes], *, offline: bool) -> bytes:
        """The checked content. A kept copy that fails the check is replaced by what the bucket has."""
        kept = self.cache / key
        with suppress(OSError, PermanentModelError):
            return check(kept.read_bytes())
        if offline:
            raise PermanentModelError(f"{key} is not kept here")
        try:
            content = self.objects.read(key)
        except ArchiveError as fault:
            raise TemporaryModelError(str(fault)) from fault
        if content is None:
            raise PermanentModelError(f"there is no {key} in the bucket")
        try:
            checked = check(content)
        except PermanentModelError as fault:
            raise PermanentModelError(f"{key} in the bucket is damaged: {fault}") from fault
        with suppress(OSError):  # a full disk must not take away models that are in hand
            kept.parent.mkdir(parents=True, exist_ok=True)
            unfinished = kept.with_suffix(".unfinished")
            unfinished.write_bytes(content)
            unfinished.replace(kept)
        return checked


class MirroredRepository:
    """A repository of the Hub that is read from its mirror; the Hub is asked for what that does not hold."""

    def __init__(self, origin: HubRepository, mirror: Mirror) -> None:
        self._origin = origin
        self._mirror = mirror
        self._notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self._origin.name

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    def active(self) -> str:
        return self._origin.active()

    def fetch(self, revision: str, markets: Collection[Market]) -> ModelSet:
        """From the mirror, else from the Hub. Where neither has it, the error has both reasons."""
        self._notes = ()
        try:
            models = self._mirror.fetch(revision, markets)
        except ModelError as fault:
            missing = f"the mirror of {self.name} does not serve revision {revision}: {fault}"
        else:
            self._origin.remember(revision, markets)
            return models
        try:
            models = self._origin.fetch(revision, markets)
        except ModelError as fault:
            raise type(fault)(f"{fault}; {missing}") from fault
        self._notes = (f"{missing}; the Hub served it: make promote again",)
        return models

    def cached(self, markets: Collection[Market]) -> ModelSet | None:
        revision = self._origin.remembered(markets)
        if revision:
            with suppress(ModelError):
                return self._mirror.fetch(revision, markets, offline=True)
        return self._origin.cached(markets)


def mirror(origin: HubRepository, revision: str, objects: MirrorWriter) -> int:
    """Copy a revision to the bucket and read it back; how many objects were written.

    What lies there whole is left alone and not asked of the Hub. Raises ModelError, and ArchiveError where
    the bucket is out of reach.
    """
    try:
        held = objects.read(pointer_of(revision))
        name = _named(held or b"").decode()
        manifest = _is(name, objects.read(key_of(name)) or b"")
    except PermanentModelError:
        manifest = origin.fetch_file(revision, MANIFEST, _parsed)
    written = 0
    for file in files_of(manifest):
        take = partial(origin.fetch_file, revision, file.file, partial(verified, file))
        written += _put(objects, key_of(file.sha256), partial(_is, file.sha256), take)
    name = hashlib.sha256(manifest).hexdigest()
    written += _put(objects, key_of(name), partial(_is, name), lambda: manifest)
    return written + _put(objects, pointer_of(revision), partial(_same, name), name.encode)


def _put(objects: MirrorWriter, key: str, check: Callable[[bytes], bytes], take: Callable[[], bytes]) -> bool:
    """Write what take gives unless the bucket holds it; whether it was written."""
    with suppress(PermanentModelError):
        check(objects.read(key) or b"")
        return False
    objects.write(key, take())
    check(objects.read(key) or b"")
    return True


def _is(sha256: str, content: bytes) -> bytes:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise PermanentModelError(f"its SHA-256 is {found}")
    return content


def _same(name: str, content: bytes) -> bytes:
    if content != name.encode():
        raise PermanentModelError("it names another manifest")
    return content


def _named(content: bytes) -> bytes:
    if not re.fullmatch(SHA256.encode(), content):
        raise PermanentModelError("it is no SHA-256")
    return content


def _parsed(manifest: bytes) -> bytes:
    """The manifest's own bytes: what must not be served is not copied either."""
    parse_manifest(manifest)
    return manifest
