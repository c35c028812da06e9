"""The whole of a training run: candles in, a model repository out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from growfolio.assets import Market
from growfolio.candles import Bars
from growfolio.errors import ConfigurationError, MarketError
from growfolio.market.replay import ReplaySource
from growfolio.models.manifest import MANIFEST, Manifest

from training.card import CARD, model_card
from training.dataset import Samples, build_samples
from training.export import read_pth, write_pth
from training.fit import Epoch
from training.pool import Candidate, Job, jobs_of
from training.progress import Progress
from training.repository import manifest_of, write_pool
from training.settings import TrainSettings

Say = Callable[[str], None]


def train(settings: TrainSettings, now: int, clock: Callable[[], float], say: Say) -> Manifest:
    """Fit, choose and score models, and write them, their manifest and their model card to settings.out.

    now is when the models are said to be made, in seconds since the epoch; clock counts seconds for
    the time left. An interrupted run leaves settings.out as it was. Raises ConfigurationError where no
    candles can be used, saying why for each asset.
    """
    pools, left_out = gather(settings, now)
    plan = [jobs_of(samples, settings) for samples in pools]
    left_out |= {model_id: reason for _, too_small in plan for model_id, reason in too_small.items()}
    for what, reason in left_out.items():
        say(f"left out: {what}: {reason}")
    fitted = [jobs for jobs, _ in plan if jobs]
    if not fitted:
        raise ConfigurationError(f"no usable candles in {settings.candles}: {_listed(left_out)}")
    progress = Progress(sum(_work(job, settings) for jobs in fitted for job in jobs), clock, say)
    settings.out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.out, prefix=".unfinished-") as folder:
        unfinished = replace(settings, out=Path(folder))
        results = [
            write_pool([_fit(job, settings, progress) for job in jobs], unfinished, now) for jobs in fitted
        ]
        manifest = manifest_of(results, left_out, settings, now)
        (unfinished.out / CARD).write_text(model_card(results, _listed(left_out), settings, now))
        (unfinished.out / MANIFEST).write_text(manifest.to_json())
        for path in sorted(unfinished.out.iterdir(), key=lambda path: path.name == MANIFEST):
            path.replace(settings.out / path.name)
    return manifest


def gather(settings: TrainSettings, now: int) -> tuple[list[Samples], dict[str, str]]:
    """The samples of each market and timeframe that has any, and why assets are missing from them."""
    read = ReplaySource(settings.candles).fetch(dict.fromkeys(settings.assets, 0), now)
    left_out = {asset.id: str(reason) for asset, reason in read.items() if isinstance(reason, MarketError)}
    pools = []
    for market in Market:
        bars = {a: b for a, b in read.items() if isinstance(b, Bars) and a.market is market}
        for timeframe in settings.timeframes:
            samples, refused = build_samples(market, timeframe, bars, settings.rule)
            left_out |= {f"{asset.id} {timeframe}": str(reason) for asset, reason in refused.items()}
            pools += [samples] if samples is not None else []
    return pools, left_out


def _work(job: Job, settings: TrainSettings) -> float:
    return float(len(job.training_rows) * settings.fit.epochs)


def _fit(job: Job, settings: TrainSettings, progress: Progress) -> Candidate:
    left = settings.fit.epochs

    def watch(epoch: Epoch) -> None:
        nonlocal left
        left -= 1
        progress.advance(
            len(job.training_rows),
            f"{job.id} epoch {epoch.number}/{settings.fit.epochs}: loss {epoch.train_loss:.4f}, "
            f"validation {epoch.validation_loss:.4f}{' (best)' if epoch.best else ''}",
        )

    kept = settings.checkpoint / f"{job.id}.pth" if settings.checkpoint else None
    if kept is not None and kept.exists():
        candidate = job.fitted(read_pth(kept, settings.fit.network))
    else:
        candidate = job.run(settings, watch)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_pth(candidate.model, kept.with_suffix(".unfinished"))
            kept.with_suffix(".unfinished").replace(kept)
    progress.skip(left * len(job.training_rows))
    return candidate


def _listed(left_out: dict[str, str]) -> str:
    return "; ".join(f"{what}: {reason}" for what, reason in left_out.items())
