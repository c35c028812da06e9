"""An object store in a folder, in place of S3."""

from abc import ABC, abstractmethod
from hashlib import md5
from pathlib import Path

from growfolio.errors import ArchiveError, ObjectChanged
from growfolio.storage.objects import Tagged


class TaggedObjects(ABC):
    """Tags objects by what they hold, as S3 does, and replaces them by read and write."""

    @abstractmethod
    def read(self, key: str) -> bytes | None:
        """See ObjectStore."""

    @abstractmethod
    def write(self, key: str, content: bytes) -> None:
        """See ObjectStore."""

    def read_tagged(self, key: str) -> Tagged | None:
        content = self.read(key)
        return None if content is None else Tagged(content, _tag(content))

    def replace(self, key: str, content: bytes, tag: str | None) -> str:
        found = self.read_tagged(key)
        if (found.tag if found else None) != tag:
            raise ObjectChanged(f"{key} was written by another run")
        self.write(key, content)
        return _tag(content)


def _tag(content: bytes) -> str:
    return md5(content, usedforsecurity=False).hexdigest()


class FolderObjects(TaggedObjects):
    """One file an object, for one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> bytes | None:
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise ArchiveError(f"{key} cannot be read: {fault}") from fault

    def write(self, key: str, content: bytes) -> None:
        path = self._folder / key
        unfinished = path.with_name(path.name + ".unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)
        except OSError as fault:
            raise ArchiveError(f"{key} cannot be written: {fault}") from fault

    def keys(self, prefix: str) -> list[str]:
        files = (path for path in self._folder.rglob("*") if path.is_file() and path.suffix != ".unfinished")
        names = (path.relative_to(self._folder).as_posix() for path in files)
        return sorted(name for name in names if name.startswith(prefix))
