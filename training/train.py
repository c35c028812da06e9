"""The whole of a training run: candles in, a model repository out."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from growfolio.models.manifest import MANIFEST, Manifest

from training.fitting.ensemble import fit_models
from training.fitting.progress import FittingProgress
from training.pools import NO_FILE, coverage, gather, grouped, no_candles
from training.progress import Say
from training.release.card import CARD, model_card
from training.release.pool import Candidate, Job, plan
from training.release.repository import manifest_of, write_pool
from training.settings import TrainSettings


def train(settings: TrainSettings, now: int, clock: Callable[[], float], say: Say) -> Manifest:
    """Fit, choose and score models, and write them, their manifest and their model card to settings.out.

    now is when the models are said to be made, in seconds since the epoch; clock counts seconds for
    the time left. An interrupted run leaves settings.out as it was. Raises ConfigurationError where no
    candles can be used, saying why for each asset.
    """
    pools, left_out = gather(settings, now, say)
    planned, too_small = plan(pools, settings)
    left_out |= too_small
    if not planned:
        raise no_candles(settings, left_out)
    say(coverage(settings))
    for line in grouped({name: reason for name, reason in left_out.items() if reason != NO_FILE}):
        say(f"left out: {line}")
    jobs = [job for of_pool in planned for job in of_pool]
    progress = FittingProgress({job.id: len(job.training_rows) for job in jobs}, settings.fit, clock, say)
    settings.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.out, prefix=".unfinished-") as folder:
        unfinished = replace(settings, out=Path(folder))
        candidates = _fit(jobs, settings, progress)
        results = [
            write_pool([candidates[job.id] for job in of_pool], unfinished, now, say) for of_pool in planned
        ]
        manifest = manifest_of(results, left_out, settings, now)
        (unfinished.out / CARD).write_text(model_card(results, "; ".join(grouped(left_out)), settings, now))
        (unfinished.out / MANIFEST).write_text(manifest.to_json())
        for path in sorted(unfinished.out.iterdir(), key=lambda path: path.name == MANIFEST):
            path.replace(settings.out / path.name)
    return manifest


def _fit(jobs: Sequence[Job], settings: TrainSettings, watch: FittingProgress) -> dict[str, Candidate]:
    """All models of all pools, by id."""
    kept = settings.checkpoint / "fleet.pt" if settings.checkpoint else None
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
    fitted = fit_models([job.member(settings) for job in jobs], settings.fit, watch, kept)
    return {job.id: job.fitted(one.model) for job, one in zip(jobs, fitted, strict=True)}
