"""One model of a fleet: what it is fitted on, where its fitting stands, and what it becomes."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from growfolio.domain.bars import IntArray
from growfolio.domain.features import FeatureArray
from growfolio.record.metrics import log_loss
from torch import Tensor

from training.data.dataset import Samples
from training.data.thinning import thinned
from training.fitting.calibration import fit_temperature
from training.fitting.settings import Epoch, FitSettings
from training.networks.architectures import Normalisation, Served, SignalModel, build, widths_of
from training.networks.inference import logits, probabilities


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A model to be fitted; train and validation are rows of its samples, each at least one."""

    id: str
    samples: Samples
    train: IntArray
    validation: IntArray
    seed: int
    start: Served | None = None
    """Go on from these weights and this normalisation, instead of fresh ones."""
    follows: str = ""
    """The id of another member that is fitted first, and whose weights and normalisation are the start."""
    learning_rate: float | None = None
    """At the start; None: the settings'."""


@dataclass(slots=True, eq=False)
class Fitting:
    """A member under way: what early stopping knows of it."""

    member: Member
    model: SignalModel
    rng: np.random.Generator
    epochs: list[Epoch] = field(default_factory=list)
    best_loss: float = math.inf
    best_epoch: int = 0
    best: Tensor = field(default_factory=lambda: torch.empty(0))
    """Weights (parameters,) of the epoch with the least validation loss."""

    def ends(self, settings: FitSettings) -> IntArray:
        """Draw the rows at which the next epoch's windows end, in their order."""
        pool = self.member.samples.ends(self.member.train, settings.inverted)
        first = self.rng.integers(min(settings.answered, len(pool)))
        return self.rng.permutation(pool[first :: settings.answered])

    def rate(self, number: int, settings: FitSettings) -> float:
        """The learning rate of an epoch: from the start to a twentieth along half a cosine."""
        usual = settings.following_rate if self.member.follows else settings.learning_rate
        start = self.member.learning_rate or usual
        least = start / 20
        return least + (start - least) * (1 + math.cos(math.pi * (number - 1) / settings.epochs)) / 2

    def note(self, train_loss: float, row: Tensor, settings: FitSettings) -> Epoch:
        """Validate the weights (parameters,) after one more epoch, and remember them if they are the best."""
        samples, validation = self.member.samples, self.member.validation
        few = thinned(validation, samples.bar_close, samples.timeframe, settings.stopping_rows)
        _, uncalibrated = probabilities(self.model, samples, few)
        loss = log_loss(uncalibrated, samples.labels[few])
        number = len(self.epochs) + 1
        if loss < self.best_loss:
            self.best_loss, self.best_epoch, self.best = loss, number, row.clone()
        self.epochs.append(Epoch(number, train_loss, loss, best=self.best_epoch == number))
        return self.epochs[-1]

    def ended(self, settings: FitSettings) -> bool:
        """Whether all epochs are done, or validation has not improved for settings.patience of them."""
        number = len(self.epochs)
        return number >= settings.epochs or number - self.best_epoch >= settings.patience


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A calibrated model, and how its epochs went."""

    model: SignalModel
    epochs: tuple[Epoch, ...]


def begin(member: Member, settings: FitSettings) -> Fitting:
    """Build a member's model: fresh weights and normalisation, or those of its start."""
    torch.manual_seed(member.seed)
    model = build(settings.network, settings.dropout, widths_of(member.samples.inputs))
    if member.start is not None:
        model.load_state_dict(member.start.state_dict())
        model.temperature.fill_(1.0)
    else:
        fit_normalisations(model, member.samples, member.train, settings.inverted)
    return Fitting(member, model, np.random.default_rng(member.seed))


def fit_normalisations(model: SignalModel, samples: Samples, train: IntArray, mirrored: bool) -> None:
    """Fit a model's normalisations to its training rows, in the mirrored market too if it learns from it."""
    both = mirrored + 1
    seen = np.concatenate([table[train] for table in (samples.features, samples.inverted)[:both]])
    fit_normalisation(model.normalisation, seen)
    if model.of_context is not None:
        known = [table[train] for table in (samples.context, samples.inverted_context)[:both]]
        fit_normalisation(model.of_context, np.concatenate(known))


def fit_normalisation(normalisation: Normalisation, rows: FeatureArray) -> None:
    """Mean and deviation of rows (rows, features), of what lies between their 0.5 and 99.5 percentiles.

    Returns have heavy tails: one crash would otherwise set the scale of all other bars.
    """
    low, high = np.percentile(rows, [0.5, 99.5], axis=0)
    common = np.clip(rows.astype(np.float64), low, high)
    normalisation.centre.copy_(torch.from_numpy(common.mean(axis=0)))
    # A feature that never moves says nothing: it becomes 0, not a division by its rounding errors.
    scale = common.std(axis=0)
    normalisation.scale.copy_(torch.from_numpy(np.where(scale > 1e-8, scale, 1.0)))


def calibrate(model: Served, member: Member) -> None:
    """Set the model's temperature to the one that fits the member's validation part best."""
    rows, samples = member.validation, member.samples
    raw = logits(model, samples, rows)
    model.temperature.fill_(fit_temperature(raw, torch.from_numpy(samples.labels[rows])))
    model.eval()
