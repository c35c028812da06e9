"""Object stores in memory and in a folder, in place of S3."""

from pathlib import Path

from growfolio.errors import ArchiveError


class MemoryObjects:
    """Gone with the process."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, key: str) -> bytes | None:
        return self._contents.get(key)

    def write(self, key: str, content: bytes) -> None:
        self._contents[key] = content

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self._contents if key.startswith(prefix))


class FolderObjects:
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
