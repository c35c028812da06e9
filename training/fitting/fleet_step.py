"""One training step of many models: windows in, weights changed, losses out."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from growfolio.domain.labels import UNKNOWN
from torch import Tensor
from torch.nn.functional import cross_entropy

from training.fitting.fleet_table import FleetTable
from training.fitting.fleet_weights import FleetWeights
from training.fitting.settings import FitSettings
from training.fitting.workers import each
from training.networks.architectures import LIMIT, Normalisation
from training.networks.batched import Drop, FleetNetwork


@dataclass(frozen=True, slots=True, eq=False)
class FleetNormalisation:
    """Each model's Normalisation: centre and scale are (models, 1, 1, width)."""

    centre: Tensor
    scale: Tensor

    @classmethod
    def of(cls, norms: Sequence[Normalisation], device: torch.device) -> "FleetNormalisation":
        centre, scale = ([getattr(norm, name) for norm in norms] for name in ("centre", "scale"))
        return cls(*(torch.stack(own)[:, None, None].to(device) for own in (centre, scale)))

    def applied(self, raw: Tensor, models: slice) -> Tensor:
        """Normalise the inputs (models, ..., width) of these models."""
        return (raw - self.centre[models]).div_(self.scale[models]).clamp_(-LIMIT, LIMIT)

    def keep(self, rows: list[int]) -> "FleetNormalisation":
        return FleetNormalisation(self.centre[rows], self.scale[rows])


@dataclass(slots=True, eq=False)
class Fleet:
    """Everything that a step reads and writes; models are ordered by their number of batches.

    random holds a generator for each model, so that what a model draws is the same whatever else is trained;
    on a GPU it is empty and all models draw from the device's one.
    """

    network: FleetNetwork
    settings: FitSettings
    table: FleetTable
    weights: FleetWeights
    of_sequence: FleetNormalisation
    of_context: FleetNormalisation | None
    """None where the models take no context."""
    random: list[torch.Generator]

    @property
    def device(self) -> torch.device:
        return self.weights.values.device

    @property
    def half(self) -> bool:
        return self.settings.half and self.device.type == "cuda"

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all models but these, which come in this order."""
        picked = list(rows)
        self.weights.keep(picked)
        self.table = self.table.keep(picked)
        self.of_sequence = self.of_sequence.keep(picked)
        self.of_context = self.of_context and self.of_context.keep(picked)
        self.random = [self.random[row] for row in picked] if self.random else []


def step(fleet: Fleet, ends: Tensor, rates: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
    """Train the first models on windows that end at these rows (models, batch), -1 where a batch is short.

    rates and going are FleetWeights.update's. Gives the sum of losses and the number of answers (models,).
    On a processor each model takes its step by itself: its states still lie in a core's cache.
    """

    def train(models: slice) -> tuple[Tensor, Tensor]:
        found = _backward(fleet, models, ends[models])
        fleet.weights.update(models, rates[models], going[models])
        return found

    if fleet.device.type == "cuda":
        return train(slice(0, len(ends)))
    done = each(lambda number: train(slice(number, number + 1)), len(ends))
    losses, known = (torch.cat(parts) for parts in zip(*done, strict=True))
    return losses, known


def _backward(fleet: Fleet, models: slice, ends: Tensor) -> tuple[Tensor, Tensor]:
    answered = fleet.settings.answered
    windows = fleet.of_sequence.applied(fleet.table.windows(ends, models), models)
    context = None
    if fleet.of_context is not None:
        context = fleet.of_context.applied(fleet.table.contexts(ends, models, answered), models)
    weights = fleet.weights.views(models.start, models.stop)
    logits = fleet.network(weights, windows, context, answered, _dropout(fleet, models), fleet.half)
    labels = fleet.table.labels(ends, models, answered)
    each = cross_entropy(logits.flatten(0, 2), labels.flatten(), ignore_index=UNKNOWN, reduction="none").view(
        len(ends), -1
    )
    losses, known = each.sum(dim=1), (labels != UNKNOWN).flatten(1).sum(dim=1)
    loss = (losses / known.clamp_min(1)).sum()
    fleet.weights.differentiate(loss, weights, models.start, models.stop)
    return losses.detach(), known


def _dropout(fleet: Fleet, models: slice) -> Drop:
    kept = 1 - fleet.settings.dropout

    def drop(states: Tensor) -> Tensor:
        if kept == 1:
            return states
        mask = torch.empty_like(states)
        if fleet.random:
            for own, random in zip(mask, fleet.random[models], strict=True):
                own.bernoulli_(kept, generator=random)
        else:
            mask.bernoulli_(kept)
        return states * mask.div_(kept)

    return drop
