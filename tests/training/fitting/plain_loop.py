"""The textbook training loop of one model: what the fleet must give for each of its members."""

import math
from collections.abc import Callable

import numpy as np
import torch
from growfolio.domain.bars import IntArray
from growfolio.domain.forecast import WINDOW
from growfolio.domain.labels import UNKNOWN
from growfolio.record.metrics import log_loss
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from training.data.dataset import Samples
from training.data.thinning import thinned
from training.fitting.calibration import fit_temperature
from training.fitting.member import fit_normalisations
from training.fitting.settings import Epoch, FitSettings
from training.networks.architectures import SignalModel, build, widths_of
from training.networks.inference import logits, probabilities


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
    model = build(settings.network, settings.dropout, widths_of(samples.inputs))
    pool = samples.ends(train, settings.inverted)
    fit_normalisations(model, samples, train, settings.inverted)
    tables = torch.from_numpy(samples.both_markets), torch.from_numpy(samples.both_contexts)
    answers = torch.from_numpy(samples.answers(train, settings.inverted)).long()
    few = thinned(validation, samples.bar_close, samples.timeframe, settings.stopping_rows)
    optimiser = torch.optim.AdamW(model.parameters(), settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
        optimiser, settings.epochs, eta_min=settings.learning_rate / 20
    )
    best_loss, best_epoch, best = math.inf, 0, model.state_dict()
    for number in range(1, settings.epochs + 1):
        ends = rng.permutation(pool[rng.integers(min(settings.answered, len(pool))) :: settings.answered])
        train_loss = _pass(model, optimiser, tables, answers, ends, settings)
        schedule.step()
        loss = log_loss(probabilities(model, samples, few)[1], samples.labels[few])
        if loss < best_loss:
            best_loss, best_epoch = loss, number
            best = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        watch(Epoch(number, train_loss, loss, best=best_epoch == number))
        if number - best_epoch >= settings.patience:
            break
    model.load_state_dict(best)
    found = logits(model, samples, validation)
    model.temperature.fill_(fit_temperature(found, torch.from_numpy(samples.labels[validation])))
    return model.eval()


def _pass(
    model: SignalModel,
    optimiser: torch.optim.Optimizer,
    tables: tuple[Tensor, Tensor],
    answers: Tensor,
    ends: IntArray,
    settings: FitSettings,
) -> float:
    """One pass over the windows that end at these rows; gives the mean loss of their answers."""
    model.train()
    total, count = torch.zeros(()), torch.zeros(())
    for batch in _batches(ends, settings.batch_size):
        rows = _window_rows(batch)
        last = rows[:, -settings.answered :]
        wanted, (bars, context) = answers[last], tables
        answered = model.logits(bars[rows], settings.answered, context[last])
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
