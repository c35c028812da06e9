"""A folder of models as one commit on the Hub: readers see all of it or nothing."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

from growfolio.errors import ConfigurationError, ModelError, PermanentModelError, TemporaryModelError
from growfolio.models.hub import REPOSITORY
from growfolio.models.manifest import MANIFEST, parse_manifest
from growfolio.models.repository import verified

from training.release.card import CARD

if TYPE_CHECKING:
    from huggingface_hub import HfApi

README = "README.md"
"""What the Hub shows; the model card under its name there."""
PICTURES = (".svg", ".png")
WEIGHTS = (".onnx", ".pth")
SILENCE = 60.0
"""Seconds without a byte, after which a request is tried again or given up."""

_FRONT = "---\nlibrary_name: onnx\npipeline_tag: time-series-forecasting\ntags: [finance, growfolio]\n---\n"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Head:
    """The newest commit of a repository; commit is empty before the first."""

    commit: str
    files: frozenset[str]


@dataclass(frozen=True, slots=True)
class HubTarget:
    """ORG/NAME on the Hub. The token is HF_TOKEN's, or the one that `hf auth login` has kept."""

    repository: str
    endpoint: str | None = None
    """None: HF_ENDPOINT, or the public Hub."""

    def head(self) -> Head:
        """Raises ModelError where the repository is out of reach or does not exist."""
        info = self._asked(lambda api: api.model_info(self.repository))
        return Head(info.sha or "", frozenset(file.rfilename for file in info.siblings or ()))

    def publish(self, folder: Path, message: str, parent: Head) -> str:
        """One commit on top of parent that makes the folder's models those of the repository; gives its hash.

        Model files that the folder's manifest no longer names are deleted in the same commit. A folder
        that is already the newest commit is not committed again. Raises ModelError, with the repository
        as it was, for a folder that serving would refuse, a repository that may not be written or that
        somebody else has committed to, and a lost connection.
        """
        files = publication(folder)
        try:
            return self._asked(lambda api: self._commit(api, files, message, parent))
        except TemporaryModelError as fault:
            return self._committed_all_the_same(files, parent, fault)

    def _commit(self, api: "HfApi", files: dict[str, bytes], message: str, parent: Head) -> str:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        gone = sorted(file for file in parent.files - files.keys() if file.endswith(WEIGHTS))
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(file, content) for file, content in files.items()
        ]
        operations += [CommitOperationDelete(file) for file in gone]
        done = api.create_commit(
            self.repository, operations, commit_message=message, parent_commit=parent.commit or None
        )
        return done.oid

    def _committed_all_the_same(self, files: dict[str, bytes], parent: Head, fault: ModelError) -> str:
        """The commit, where only the answer to it was lost. Raises fault where there is none of ours."""
        head = self.head()
        if head.commit in ("", parent.commit) or MANIFEST not in head.files:
            raise fault
        if self._asked(lambda api: self._manifest(api, head)) != files[MANIFEST]:
            raise fault
        return head.commit

    def _manifest(self, api: "HfApi", head: Head) -> bytes:
        with TemporaryDirectory() as folder:
            path = api.hf_hub_download(self.repository, MANIFEST, revision=head.commit, local_dir=folder)
            return Path(path).read_bytes()

    def _asked(self, ask: Callable[["HfApi"], T]) -> T:
        _prepare()
        import httpx2
        from growfolio.models.hub_timeouts import patient
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError

        try:
            with patient(SILENCE):
                return ask(HfApi(self.endpoint, library_name="growfolio"))
        except (httpx2.TransportError, OSError, RuntimeError) as fault:
            # Its threads wrap what ended an upload.
            cause = fault.__cause__ if type(fault) is RuntimeError and fault.__cause__ else fault
            if isinstance(cause, HfHubHTTPError):
                raise self._explained(cause.response.status_code) from fault
            if not isinstance(cause, httpx2.TransportError | OSError):
                raise
            reason = (str(cause) or type(cause).__name__).splitlines()[0]
            raise TemporaryModelError(f"{self.repository}: the Hub did not answer: {reason}") from fault

    def _explained(self, status: int) -> ModelError:
        if status in (401, 403, 404):
            return PermanentModelError(
                f"{self.repository} does not exist or may not be written (the Hub answered {status}): create "
                "it, and set HF_TOKEN to a token that may write to it"
            )
        if status in (409, 412):
            return TemporaryModelError(f"{self.repository} has a newer commit by somebody else: start again")
        if status >= 500 or status in (408, 429):
            return TemporaryModelError(f"{self.repository}: the Hub answered {status}")
        return PermanentModelError(f"{self.repository}: the Hub refused the commit ({status})")


def hub_target(repository: str) -> HubTarget:
    """Raises ConfigurationError for anything but ORG/NAME."""
    if not re.fullmatch(REPOSITORY, repository, re.ASCII):
        raise ConfigurationError(f"{repository!r} is no repository of the Hub: give ORG/NAME")
    # huggingface_hub reads it once, when it is imported.
    return HubTarget(repository, os.environ.get("HF_ENDPOINT"))


def require_token() -> None:
    """Raise ConfigurationError where no token of the Hub is set, before it is asked for anything."""
    _prepare()
    from huggingface_hub import get_token

    if not get_token():
        raise ConfigurationError(
            "no token of the Hub: set HF_TOKEN to one that may write, or `hf auth login`"
        )


def publication(folder: Path) -> dict[str, bytes]:
    """The files of a commit by name: what the manifest names, checked, the manifest, the card, its pictures.

    Raises PermanentModelError for a folder that serving would refuse.
    """
    try:
        manifest = parse_manifest((folder / MANIFEST).read_bytes())
        models = manifest.models.values()
        files = {
            file.file: verified(file, (folder / file.file).read_bytes())
            for model in models
            for file in (model.onnx, model.pth)
            if file is not None
        }
        files |= {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in PICTURES}
        card = (folder / CARD).read_text()
    except OSError as fault:
        raise PermanentModelError(f"{fault.filename} cannot be read: {fault.strerror}") from fault
    return files | {MANIFEST: (folder / MANIFEST).read_bytes(), README: (_FRONT + card).encode()}


def _prepare() -> None:
    """huggingface_hub reads its settings when it is imported."""
    # Small files need no chunked storage, and its library sends usage data of its own.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("HF_HUB_VERBOSITY", "error")
