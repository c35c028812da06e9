"""Plans the models of each market and timeframe, and chooses which of them serves which asset."""

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from growfolio.domain.assets import Asset, assets_of
from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.record.metrics import log_loss

from training.data.dataset import Part, Samples
from training.evaluation.scorecard import Scorecard, scorecard
from training.fitting.member import Member
from training.fitting.parent_pool import parent_pool
from training.networks.architectures import Served
from training.networks.inference import probabilities
from training.settings import TrainSettings


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A fitted model and the samples it may be judged on; own is the asset it was fitted for, if one."""

    id: str
    model: Served
    samples: Samples
    own: Asset | None = None
    lineage: tuple[Samples, ...] = ()
    """What the models before it, from whose weights it went on, were fitted on."""

    @property
    def assets(self) -> tuple[Asset, ...]:
        """Those it was fitted on; a pool may hold others, whose candles all lie after the cut."""
        pooled = self.samples.assets if self.own is None else (self.own,)
        return tuple(asset for asset in pooled if len(self.samples.rows(Part.TRAIN, asset)))

    def probabilities(self, rows: IntArray) -> FloatArray:
        """Calibrated, (rows, 3), as serving would give them."""
        return probabilities(self.model, self.samples, rows)[0]

    def scorecard(self, part: Part) -> Scorecard:
        """Score the model on the part's rows of the assets it was fitted on."""
        rows, samples = self.samples.rows(part, self.own), self.samples
        prior = np.bincount(samples.labels[samples.rows(Part.TRAIN, self.own)], minlength=3)
        calibrated, before = probabilities(self.model, samples, rows)
        bar_close = CloseTimes(samples.bar_close[rows])
        names = np.array([asset.symbol for asset in samples.assets])[samples.asset[rows]]
        return scorecard(
            self.id, calibrated, before, samples.labels[rows], bar_close, prior / prior.sum(), names
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A model to be fitted."""

    id: str
    samples: Samples
    own: Asset | None
    follows: "Job | None" = None
    """Whose weights the model goes on from."""

    @property
    def lineage(self) -> tuple[Samples, ...]:
        """What the models before it are fitted on."""
        before = self.follows
        return () if before is None else (before.samples, *before.lineage)

    @property
    def training_rows(self) -> IntArray:
        return self.samples.rows(Part.TRAIN, self.own)

    def member(self, settings: TrainSettings) -> Member:
        """The seed of a model depends on its id, so that it is the same whatever else is trained."""
        seed = settings.fit.seed + crc32(self.id.encode())
        validation = self.samples.rows(Part.VALIDATION, self.own)
        warm = settings.warm
        return Member(
            self.id,
            self.samples,
            self.training_rows,
            validation,
            seed,
            start=warm.network(self.id) if warm else None,
            follows=self.follows.id if self.follows else "",
            learning_rate=warm.learning_rate if warm else None,
        )

    def fitted(self, model: Served) -> Candidate:
        """What the job comes to, with its model."""
        return Candidate(self.id, model, self.samples, self.own, self.lineage)


def plan(pools: Sequence[Samples], settings: TrainSettings) -> tuple[list[list[Job]], dict[str, str]]:
    """The jobs of each pool that can be fitted, and why other models are not, by model id.

    Those with most to learn from are planned first, so that others can go on from them.
    """
    planned: dict[int, list[Job]] = {}
    too_small: dict[str, str] = {}
    for number in sorted(range(len(pools)), key=lambda n: -len(pools[n].rows(Part.TRAIN))):
        pooled = [jobs[0] for jobs in planned.values() if jobs]
        before = None if settings.warm else parent_pool(pools[number], pooled, lambda job: job.samples)
        planned[number], refused = jobs_of(pools[number], settings, before)
        too_small |= refused
    return [planned[number] for number in range(len(pools)) if planned[number]], too_small


def jobs_of(
    samples: Samples, settings: TrainSettings, before: Job | None = None
) -> tuple[list[Job], dict[str, str]]:
    """The pooled model and those of single assets, pooled first, and why others are not fitted, by model id.

    The pooled model goes on from `before`, those of assets from the pooled one; a warm start has its own.
    Nothing is fitted where even the pool is too small.
    """
    ending = f"{samples.timeframe}_{settings.fit.network}"
    planned: list[tuple[str, Asset | None]] = [(f"{samples.market}_{ending}", None)]
    if not settings.pooled_only:
        planned += [(f"{asset.id}_{ending}", asset) for asset in samples.assets]
    jobs: list[Job] = []
    too_small = {}
    for model_id, own in planned:
        reason = _too_small(samples, own, settings)
        if reason is None and settings.warm is not None:
            reason = settings.warm.lacks(model_id, samples.inputs)
        if reason is None:
            follows = None if settings.warm else jobs[0] if jobs else before
            jobs.append(Job(model_id, samples, own, follows))
        else:
            too_small[model_id] = reason
    return ([] if planned[0][0] in too_small else jobs), too_small


def _too_small(samples: Samples, own: Asset | None, settings: TrainSettings) -> str | None:
    train, validation, test = (len(samples.rows(part, own)) for part in Part)
    if train >= settings.least_training and min(validation, test) >= settings.least_validation:
        return None
    return (
        f"too few samples: {train} to train, {validation} to validate, {test} to test; needed are "
        f"{settings.least_training}, {settings.least_validation}, {settings.least_validation}"
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """The id of the model that serves each asset id of a market, and the losses that decided it.

    losses holds, for each asset with an own model, the validation log-loss of each model it could have.
    """

    serving: dict[str, str]
    losses: dict[str, dict[str, float]]


def choose(pooled: Candidate, own: Sequence[Candidate]) -> Choice:
    """An asset's own model serves where it beats the pooled one on the asset's validation part.

    All other assets of the market get the pooled one, those without any candles too.
    """
    market = pooled.samples.market
    serving = {market.value: pooled.id} | {asset.id: pooled.id for asset in assets_of(market)}
    losses = {}
    for candidate in own:
        (asset,) = candidate.assets
        losses[asset.id] = {model.id: _validation_loss(model, asset) for model in (pooled, candidate)}
        serving[asset.id] = min(losses[asset.id], key=losses[asset.id].__getitem__)
    return Choice(serving, losses)


def _validation_loss(candidate: Candidate, asset: Asset) -> float:
    rows = candidate.samples.rows(Part.VALIDATION, asset)
    return log_loss(candidate.probabilities(rows), candidate.samples.labels[rows])
