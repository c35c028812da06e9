"""Which models serve: the active revision, else the last good one, else the starter models, else none."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from growfolio.aws.parameters import SsmParameter
from growfolio.domain.assets import Market
from growfolio.domain.forecast import Forecaster, Inputs, Views
from growfolio.errors import ModelError, TemporaryModelError
from growfolio.models.hub import HubRepository
from growfolio.models.mirror import Mirror, MirroredRepository, MirrorReader
from growfolio.models.onnx_forecaster import Answers, FallBack, InPlaceOf, NoModels, OnnxForecaster, Requests
from growfolio.models.repository import FolderRepository, ModelRepository
from growfolio.models.revisions import FixedRevision, ParameterValue, RevisionSource
from growfolio.settings import STARTER, Settings

log = logging.getLogger(__name__)

STARTER_MODELS = FolderRepository(Path(__file__).parent / "starter", STARTER)
"""The models shipped with the code: for a first run, and the last resort."""


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """The models to serve now, and whatever kept better ones from serving, for the log."""

    forecaster: Forecaster
    notes: tuple[str, ...] = ()

    @property
    def revision(self) -> str:
        return self.forecaster.revision


class AwaitedModels:
    """Models that are loaded when their revision or a forecast is first asked for. Implements Forecaster."""

    def __init__(self, load: Callable[[], LoadedModels]) -> None:
        self._load = load

    @cached_property
    def loaded(self) -> LoadedModels:
        return self._load()

    @property
    def revision(self) -> str:
        return self.loaded.revision

    @property
    def inputs(self) -> Inputs:
        return self.loaded.forecaster.inputs

    def forecast(self, requests: Requests, views: Views, now: int) -> Answers:
        return self.loaded.forecaster.forecast(requests, views, now)


class ModelLoader:
    """Keeps models open while a function is warm. `load` is called once a refresh.

    A revision that cannot be loaded changes nothing: what serves goes on serving, and the next
    refresh tries again. An asset that the revision cannot serve falls back to the starter models.
    """

    def __init__(
        self, markets: Collection[Market], repository: ModelRepository | None, starter: ModelRepository
    ) -> None:
        self._markets = tuple(markets)
        self._repository = repository
        self._starter_repository = starter
        self._opened_starter: Forecaster | None = None
        self._serving: Forecaster | None = None

    def load(self) -> LoadedModels:
        """Never raises ModelError: the notes say what went wrong and what to set."""
        if self._repository is None:
            return LoadedModels(
                self._starter(), ("GROWFOLIO_MODEL_REPOSITORY is not set: the starter models serve",)
            )
        promoted = ""
        try:
            promoted = self._repository.active()
            return self._opened(self._repository, promoted)
        except ModelError as fault:
            return self._in_place_of(promoted, self._repository, fault)
        except Exception as fault:  # a client library or the cache's disk may raise anything
            log.warning("models could not be loaded", exc_info=True)
            return self._in_place_of(promoted, self._repository, _unforeseen(fault))

    def without_loading(self, why: str) -> LoadedModels:
        """The models that are open already, else the starter models, whose load nobody waits for."""
        serving = self._serving or self._starter()
        note = f"the promoted models are not served: {why}; revision {serving.revision} serves"
        return LoadedModels(_saying(serving, "", why), (note,))

    def _opened(self, repository: ModelRepository, revision: str) -> LoadedModels:
        notes: tuple[str, ...] = ()
        if self._serving is None or self._serving.revision != revision:
            if revision == STARTER:
                self._serving = self._starter()
            else:
                models = repository.fetch(revision, self._markets)
                self._serving = FallBack(OnnxForecaster(models), self._starter())
                notes = repository.notes
        return LoadedModels(self._serving, notes)

    def _in_place_of(self, promoted: str, repository: ModelRepository, fault: ModelError) -> LoadedModels:
        """What serves in place of the promoted revision, which is empty where it could not be read."""
        notes = [f"no models from {repository.name}: {fault}"]
        if self._serving is None:
            try:
                models = repository.cached(self._markets)
                if models is not None:
                    self._serving = FallBack(OnnxForecaster(models), self._starter())
            except ModelError as other:
                notes.append(f"nor from its cache: {other}")
            except Exception as other:  # a damaged cache, a disk that is full or read-only
                log.warning("cached models could not be loaded", exc_info=True)
                notes.append(f"nor from its cache: {_unforeseen(other)}")
        serving = self._serving or self._starter()
        if isinstance(serving, NoModels):
            return LoadedModels(NoModels("; ".join([*notes, serving.reason])), tuple(notes))
        notes.append(f"revision {serving.revision} serves in its place")
        return LoadedModels(_saying(serving, promoted, notes[0]), tuple(notes))

    def _starter(self) -> Forecaster:
        if self._opened_starter is None:
            try:
                models = self._starter_repository.fetch(STARTER, self._markets)
                self._opened_starter = OnnxForecaster(models)
            except ModelError as fault:
                self._opened_starter = NoModels(f"no starter models: {fault}")
        return self._opened_starter


def _saying(serving: Forecaster, promoted: str, why: str) -> Forecaster:
    """The models that serve; each answer says so where they are not the promoted ones.

    Where the promoted revision could not be read, the last that was good is likely to be the one.
    """
    others = serving.revision == STARTER or (promoted and serving.revision != promoted)
    return InPlaceOf(serving, why) if others else serving


def _unforeseen(fault: Exception) -> ModelError:
    return TemporaryModelError(f"{type(fault).__name__}: {fault}"[:200])


def model_loader(
    settings: Settings, markets: Collection[Market], mirror: MirrorReader | None = None
) -> ModelLoader:
    """Reads nothing yet. Raises ConfigurationError for a repository that is neither folder nor ORG/NAME.

    mirror is where promotion copies models to; without it they come from the Hub.
    """
    return ModelLoader(markets, _repository(settings, mirror), STARTER_MODELS)


def _repository(settings: Settings, mirror: MirrorReader | None) -> ModelRepository | None:
    name = settings.model_repository
    if not name:
        return None
    if Path(name).is_dir():
        return FolderRepository(Path(name))
    token = settings.hub_token_parameter
    cache = Path(settings.model_cache)
    origin = HubRepository(
        name,
        _revisions(settings),
        cache,
        token=ParameterValue(SsmParameter(token)).current if token else None,
    )
    return MirroredRepository(origin, Mirror(mirror, cache / "mirror")) if mirror else origin


def _revisions(settings: Settings) -> RevisionSource:
    if settings.revision_parameter:
        return ParameterValue(SsmParameter(settings.revision_parameter), absent=STARTER)
    return FixedRevision(settings.model_revision)
