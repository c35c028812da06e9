"""Fitting one model: normalisation, weights with early stopping, temperature."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from growfolio.domain.bars import FloatArray, IntArray
from growfolio.domain.features import FeatureArray
from growfolio.domain.forecast import WINDOW
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from training.data.dataset import Samples
from training.data.labels import UNKNOWN
from training.fitting.calibration import fit_temperature, log_loss
from training.networks.models import DROPOUT, Normalisation, Served, SignalModel, build

SCORING_BATCH = 256
"""Windows whose attention still lies in a cache: a transformer answers three times as fast as on 4096."""


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How one model is fitted."""

    network: str = "lstm"
    epochs: int = 12
    """At most; fewer where validation stops improving."""
    batch_size: int = 64
    """Windows a step."""
    learning_rate: float = 2e-3
    """At the start; it falls to a twentieth along half a cosine."""
    following_rate: float = 7e-4
    """As learning_rate, for a model that goes on from the weights of another."""
    patience: int = 4
    """Epochs without a better validation loss before stopping."""
    answered: int = 20
    """The last bars of a training window that are answered, each from the bars before it; 1 is the plain
    way. 20 answers for one pass train on all samples in a twentieth of the time. Validation, test and
    serving always answer the last bar of 60."""
    stopping_rows: int = 20_000
    """Validation rows, evenly spaced, that early stopping looks at; calibration takes all."""
    inverted: bool = True
    """Each training sample is learned from a second time in the market upside down (data/inversion.py)."""
    seed: int = 0
    dropout: float = DROPOUT
    half: bool = True
    """On a GPU, large matrix products take bfloat16 factors; on a processor that would be slower."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training part gave."""

    number: int
    train_loss: float
    validation_loss: float
    best: bool


def fit(
    samples: Samples,
    train: IntArray,
    validation: IntArray,
    settings: FitSettings,
    watch: Callable[[Epoch], None],
) -> SignalModel:
    """The model of the epoch with the least validation loss, calibrated on validation.

    train and validation are rows of samples, each at least one. Deterministic for a seed, on one
    machine and number of threads.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    model = build(settings.network, settings.dropout)
    taught, pool = samples.taught, samples.ends(train, settings.inverted)
    fit_normalisation(model.normalisation, taught[pool])
    table = torch.from_numpy(taught)
    answers = torch.from_numpy(samples.answers(train, settings.inverted)).long()
    spaced = validation[:: math.ceil(len(validation) / settings.stopping_rows)]
    optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, settings.epochs, eta_min=settings.learning_rate / 20
    )
    best_loss, best_epoch, best = math.inf, 0, model.state_dict()
    for number in range(1, settings.epochs + 1):
        ends = rng.permutation(pool[rng.integers(min(settings.answered, len(pool))) :: settings.answered])
        train_loss = _pass(model, optimiser, table, answers, ends, settings)
        schedule.step()
        loss = log_loss(logits(model, samples.features, spaced), torch.from_numpy(samples.labels[spaced]))
        if loss < best_loss:
            best_loss, best_epoch = loss, number
            best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        watch(Epoch(number, train_loss, loss, best=best_epoch == number))
        if number - best_epoch >= settings.patience:
            break
    model.load_state_dict(best)
    found = logits(model, samples.features, validation)
    model.temperature.fill_(fit_temperature(found, torch.from_numpy(samples.labels[validation])))
    return model.eval()


def fit_normalisation(normalisation: Normalisation, rows: FeatureArray) -> None:
    """Mean and deviation of rows (rows, 16), of what lies between their 0.5 and 99.5 percentiles.

    Returns have heavy tails: one crash would otherwise set the scale of all other bars.
    """
    low, high = np.percentile(rows, [0.5, 99.5], axis=0)
    common = np.clip(rows.astype(np.float64), low, high)
    normalisation.centre.copy_(torch.from_numpy(common.mean(axis=0)))
    # A feature that never moves says nothing: it becomes 0, not a division by its rounding errors.
    scale = common.std(axis=0)
    normalisation.scale.copy_(torch.from_numpy(np.where(scale > 1e-8, scale, 1.0)))


def logits(model: Served, table: FeatureArray, ends: IntArray) -> Tensor:
    """Uncalibrated logits (len(ends), 3) of the windows that end at these rows of table (rows, 16)."""
    model.eval()
    features = torch.from_numpy(table)
    with torch.no_grad():
        batches = _batches(ends, SCORING_BATCH)
        return torch.cat([model.logits(features[_window_rows(rows)])[:, 0] for rows in batches])


def probabilities(model: Served, table: FeatureArray, ends: IntArray) -> tuple[FloatArray, FloatArray]:
    """Of the same windows: calibrated, as serving would give them, and before, (len(ends), 3) each."""
    raw = logits(model, table, ends).double()
    return torch.softmax(raw / model.temperature, dim=1).numpy(), torch.softmax(raw, dim=1).numpy()


def _pass(
    model: SignalModel,
    optimiser: torch.optim.Optimizer,
    table: Tensor,
    answers: Tensor,
    ends: IntArray,
    settings: FitSettings,
) -> float:
    """One pass over the windows that end at these rows; gives the mean loss of their answers."""
    model.train()
    total, count = torch.zeros(()), torch.zeros(())
    for batch in _batches(ends, settings.batch_size):
        rows = _window_rows(batch)
        wanted = answers[rows[:, -settings.answered :]]
        answered = model.logits(table[rows], settings.answered)
        losses = cross_entropy(
            answered.flatten(0, 1), wanted.flatten(), ignore_index=UNKNOWN, reduction="sum"
        )
        known = (wanted != UNKNOWN).sum()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(losses / known)
        clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        total, count = total + losses.detach(), count + known
    return float(total / count)


def _batches(ends: IntArray, size: int) -> list[Tensor]:
    return [torch.from_numpy(ends[start : start + size]) for start in range(0, len(ends), size)]


def _window_rows(ends: Tensor) -> Tensor:
    return ends[:, None] + torch.arange(1 - WINDOW, 1)
