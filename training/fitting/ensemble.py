"""Fitting whatever `--network` names: one network, or all members of an ensemble, each a fleet."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from training.fitting.calibration import fit_temperature
from training.fitting.fit import Epoch, FitSettings, logits
from training.fitting.fleet import Fitted, Member, fit_fleet
from training.fitting.workers import each
from training.networks.models import ENSEMBLE, MEMBERS, EnsembleModel, Served


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """What can be published, and how its epochs went; those of an ensemble are its first member's."""

    model: Served
    epochs: tuple[Epoch, ...]


NetworkWatch = Callable[[str, str, Epoch], None]
"""Called with a model's id and the network that was at work, after each of its epochs."""


def fit_models(
    members: Sequence[Member], settings: FitSettings, watch: NetworkWatch, checkpoint: Path | None = None
) -> list[FittedModel]:
    """As fit_fleet, for single networks and ensembles; each network of an ensemble has its own checkpoint."""
    if settings.network != ENSEMBLE:
        fitted = fit_fleet(
            members, settings, lambda name, epoch: watch(name, settings.network, epoch), checkpoint
        )
        return [FittedModel(one.model, one.epochs) for one in fitted]
    fleets = [
        fit_fleet(
            [_part(member, number) for member in members],
            replace(settings, network=network),
            lambda name, epoch, who=f"{network} {number + 1}": watch(name, who, epoch),  # type: ignore[misc]
            checkpoint.with_name(f"{checkpoint.name}.{network}{number}") if checkpoint else None,
        )
        for number, network in enumerate(MEMBERS)
    ]
    return each(lambda at: _together([fleet[at] for fleet in fleets], members[at]), len(members))


def _part(member: Member, number: int) -> Member:
    """The same member as one network of an ensemble: from another seed, or from the same place in one."""
    start = member.start.parts[number] if isinstance(member.start, EnsembleModel) else member.start
    return replace(member, seed=member.seed + number, start=start)


def _together(fitted: Sequence[Fitted], member: Member) -> FittedModel:
    model = EnsembleModel([one.model for one in fitted])
    rows, samples = member.validation, member.samples
    given = logits(model, samples.features, rows)
    model.temperature.fill_(fit_temperature(given, torch.from_numpy(samples.labels[rows])))
    return FittedModel(model.eval(), fitted[0].epochs)
