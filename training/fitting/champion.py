"""The champion: the published models that new ones must match, and that a warm start begins with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from growfolio.domain.assets import Market
from growfolio.errors import PermanentModelError
from growfolio.models.hub import HubRepository
from growfolio.models.manifest import Manifest
from growfolio.models.repository import FolderRepository, Patience, verified
from growfolio.models.revisions import FixedRevision
from growfolio.settings import STARTER

from training.networks.architectures import Served, widths_of
from training.networks.export import read_pth

PATIENCE = Patience(request=30.0, deadline=600.0)


@dataclass(frozen=True, slots=True, eq=False)
class Champion:
    """One published revision: its manifest, and by id the graphs and tensors of all models that serve."""

    revision: str
    manifest: Manifest
    graphs: Mapping[str, bytes]
    tensors: Mapping[str, bytes] = field(default_factory=dict)
    """Not of every model: the starter models have none."""

    def network(self, model_id: str) -> Served:
        """Load a model to train it further. Raises PermanentModelError without tensors of its network."""
        if model_id not in self.tensors:
            raise PermanentModelError(f"{model_id} of revision {self.revision} was published without tensors")
        with TemporaryDirectory() as folder:
            path = Path(folder) / f"{model_id}.pth"
            path.write_bytes(self.tensors[model_id])
            model = self.manifest.models[model_id]
            return read_pth(path, model.network, widths_of(model.inputs.names))


def champion_of(repository: str, revision: str, endpoint: str | None = None) -> Champion:
    """Fetch the models of a revision: a commit of ORG/NAME on the Hub, or `starter`. Raises ModelError."""
    if revision == STARTER:
        folder = FolderRepository(Path(str(files("growfolio.models"))) / "starter", STARTER, STARTER)
        found = folder.fetch(STARTER, list(Market))
        return Champion(STARTER, found.manifest, found.graphs)
    with TemporaryDirectory() as cache:
        hub = hub_at(repository, revision, Path(cache), endpoint)
        found = hub.fetch(hub.active(), list(Market))
        tensors = {
            model_id: hub.fetch_file(revision, model.pth.file, partial(verified, model.pth))
            for model_id, model in found.manifest.models.items()
            if model.pth is not None and model_id in found.graphs
        }
    return Champion(revision, found.manifest, found.graphs, tensors)


def hub_at(repository: str, revision: str, cache: Path, endpoint: str | None = None) -> HubRepository:
    """ORG/NAME on the Hub at a revision, read with the token that this machine has."""
    pinned = FixedRevision(revision, "--warm-start or the served revision")
    return HubRepository(repository, pinned, cache, _token, endpoint, PATIENCE)


def _token() -> str:
    from huggingface_hub import get_token

    return get_token() or ""
