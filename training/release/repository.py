"""Fitted models as a model repository: a folder of files and the manifest that `growfolio.models` reads."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from growfolio.domain.assets import Timeframe
from growfolio.domain.features import windows
from growfolio.domain.label import Label
from growfolio.domain.times import DAY, utc_text
from growfolio.models.manifest import Manifest, Model, ModelFile
from growfolio.models.model_inputs import ModelInputs

from training.data.dataset import Part, Samples
from training.evaluation.charts import model_picture
from training.evaluation.scorecard import Scorecard
from training.networks.export import write_onnx, write_pth
from training.progress import Say, counted
from training.release.pool import Candidate, Choice, choose
from training.settings import TrainSettings

PROBED = 256
"""Windows, evenly spaced over validation, on which a graph is checked against torch."""


@dataclass(frozen=True, slots=True, eq=False)
class PoolResult:
    """The models of one market and timeframe as published; how they did on the test part, in that order."""

    samples: Samples
    models: tuple[Model, ...]
    test: tuple[Scorecard, ...]
    choice: Choice
    went_on_from: tuple[str, ...] = ()
    """The pools from whose models the pooled one went on, the nearest first."""


def write_pool(
    candidates: Sequence[Candidate], settings: TrainSettings, created_at: int, say: Say
) -> PoolResult:
    """Choose between the candidates of a pool, the pooled one first, write their files, and score them.

    The test part is looked at here, once, when nothing is left to choose. Raises PermanentModelError
    where a graph does not answer as torch does.
    """
    pooled, *own = candidates
    if own:
        say(f"{pooled.id}: choosing between it and {counted(len(own), 'model')} of single assets")
    choice = choose(pooled, own)
    test, models = [], []
    for candidate in candidates:
        say(f"{candidate.id}: testing and exporting")
        test.append(candidate.scorecard(Part.TEST))
        models.append(_write_model(candidate, test[-1], settings, created_at))
    picture(settings.out, models[0].id).write_text(model_picture(test[0].to_json()) + "\n")
    return PoolResult(pooled.samples, tuple(models), tuple(test), choice, _lineage(pooled))


def manifest_of(
    results: Sequence[PoolResult], left_out: Mapping[str, str], settings: TrainSettings, created_at: int
) -> Manifest:
    """The manifest of all pools' models, and which of them serves what."""
    assignment: dict[Timeframe, dict[str, str]] = {}
    data: dict[str, object] = {"about": settings.about, "left_out": dict(left_out)}
    for result in results:
        samples, split = result.samples, result.samples.split
        assignment.setdefault(samples.timeframe, {}).update(result.choice.serving)
        data[f"{samples.market}_{samples.timeframe}"] = {
            "split": {name: utc_text(getattr(split, name)) for name in split.__slots__},
            "samples": {part.value: len(samples.rows(part)) for part in Part},
            "choice_by_validation_log_loss": result.choice.losses,
        }
    models = {model.id: model for result in results for model in result.models}
    return Manifest(created_at, data, models, assignment)


def _write_model(candidate: Candidate, test: Scorecard, settings: TrainSettings, created_at: int) -> Model:
    samples, days = candidate.samples, settings.expires_days
    onnx, pth = (settings.out / f"{candidate.id}.{kind}" for kind in ("onnx", "pth"))
    probed = samples.rows(Part.VALIDATION, candidate.own)
    probed = probed[np.linspace(0, len(probed) - 1, min(PROBED, len(probed)), dtype=np.int64)]
    asked = windows(samples.features[None], np.zeros(1, dtype=np.int64), probed)
    difference = write_onnx(candidate.model, onnx, asked, samples.context[probed])
    if settings.keep_tensors:
        write_pth(candidate.model, pth)
    return Model(
        id=candidate.id,
        market=samples.market,
        timeframe=samples.timeframe,
        network=settings.fit.network,
        assets=tuple(asset.id for asset in candidate.assets),
        onnx=_file(onnx),
        pth=_file(pth) if settings.keep_tensors else None,
        label=_label(candidate, settings),
        trained_from=_first_seen(candidate, settings),
        trained_until=samples.split.validate_until,
        expires_at=None if days is None else created_at + days * DAY,
        metrics={
            "validation": candidate.scorecard(Part.VALIDATION).summary(),
            "test": test.summary(),
            "temperature": candidate.model.temperature.item(),
            "onnx_against_torch": difference,
            "went_on_from": list(_lineage(candidate)),
        },
        inputs=ModelInputs.of(samples.inputs),
    )


def picture(folder: Path, model_id: str) -> Path:
    """Where a pooled model's picture lies, beside the card that shows it."""
    return folder / f"{model_id}.svg"


def _lineage(candidate: Candidate) -> tuple[str, ...]:
    return tuple(f"{before.market} {before.timeframe}" for before in candidate.lineage)


def _first_seen(candidate: Candidate, settings: TrainSettings) -> int:
    """The close of the first bar that the model has learned from, in a run or a model before it too."""
    first = candidate.samples.seen_from(candidate.samples.rows(Part.TRAIN, candidate.own))
    first = min([first, *(before.seen_from(before.rows(Part.TRAIN)) for before in candidate.lineage)])
    return min(first, settings.warm.trained_from(candidate.id)) if settings.warm else first


def _label(candidate: Candidate, settings: TrainSettings) -> Label:
    samples = candidate.samples
    counts = np.bincount(samples.labels[samples.rows(Part.TRAIN, candidate.own)], minlength=3)
    sell, hold, _ = (round(float(share), 6) for share in counts / counts.sum())
    return replace(settings.label, class_shares=(sell, hold, round(1 - sell - hold, 6)))


def _file(path: Path) -> ModelFile:
    content = path.read_bytes()
    return ModelFile(path.name, hashlib.sha256(content).hexdigest(), len(content))
