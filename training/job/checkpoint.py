"""Checkpoint of a job in the bucket: its working folder, and which of its stages are done."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from growfolio.errors import ArchiveError
from growfolio.storage.objects import ObjectStore

STATE = "state.json"


@dataclass(slots=True)
class JobState:
    """What an attempt must know to go on with an earlier one's work."""

    options: str
    """The job's options; a state with other options is ignored."""
    now: int
    """The moment up to which candles are taken: the same for all machines that work on the job."""
    done: list[str] = field(default_factory=list)
    warm_start: str = ""
    """The revision that training goes on from, once it is known which `active` is."""
    champion: str = ""
    """The revision that new models were measured by."""
    accepted: list[str] = field(default_factory=list)
    revision: str = ""
    """The commit that was published."""
    files: list[str] = field(default_factory=list)
    """The working folder's, at the time."""


@dataclass(slots=True)
class JobCheckpoint:
    """A working folder and its copy under a prefix of the bucket. Raises ArchiveError when out of reach."""

    folder: Path
    objects: ObjectStore
    prefix: str
    _saved: dict[str, tuple[int, int]] = field(default_factory=dict)

    def restore(self, options: str) -> JobState | None:
        """Bring the folder to where the last attempt left it; None where the job begins."""
        content = self.objects.read(self.prefix + STATE)
        state = None if content is None else _state(content)
        if state is None or state.options != options:
            return None
        for name in state.files:
            kept = self.objects.read(self.prefix + name)
            if kept is None:
                raise ArchiveError(f"the checkpoint {self.prefix} lacks {name}")
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(kept)
        self._saved = self._present()
        return state

    def save(self, state: JobState) -> None:
        """Send what has changed, the state last: a save that is cut off leaves the one before it."""
        present = self._present()
        for name, stamp in present.items():
            if self._saved.get(name) != stamp:
                self.objects.write(self.prefix + name, (self.folder / name).read_bytes())
        state.files = sorted(present)
        self.objects.write(self.prefix + STATE, json.dumps(asdict(state), indent=1).encode())
        self._saved = present

    def _present(self) -> dict[str, tuple[int, int]]:
        files = [path for path in self.folder.rglob("*") if path.is_file() and not _unfinished(path)]
        stats = {path.relative_to(self.folder).as_posix(): path.stat() for path in files}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def _unfinished(path: Path) -> bool:
    return path.suffix in (".unfinished", ".partial") or path.parent.name.startswith(".unfinished")


def _state(content: bytes) -> JobState | None:
    """None for a state of another version of the program."""
    try:
        fields: dict[str, Any] = json.loads(content)
        return JobState(**fields)
    except (ValueError, TypeError):
        return None
