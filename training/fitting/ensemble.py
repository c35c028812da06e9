"""Fits what `--network` names: one network, or all members of an ensemble, one fleet after another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

from growfolio.training_jobs.networks import Network

from training.fitting.fleet import fit_fleet
from training.fitting.member import Fitted, Member, calibrate
from training.fitting.settings import Epoch, FitSettings
from training.fitting.workers import each
from training.networks.architectures import MEMBERS, EnsembleModel, Served, names_in
from training.progress import counted


@dataclass(frozen=True, slots=True, eq=False)
class FittedModel:
    """What can be published, and how its epochs went; those of an ensemble are its first member's."""

    model: Served
    epochs: tuple[Epoch, ...]


class FittingWatch(Protocol):
    """Follows the fitting of networks and ensembles."""

    def __call__(self, network: str, epochs: Mapping[str, Epoch]) -> None:
        """Take note of the epochs that models, by id, have just done with the network that was at work."""

    def step(self, message: str) -> None:
        """Take note of work that is no epoch."""


def fit_models(
    members: Sequence[Member], settings: FitSettings, watch: FittingWatch, checkpoint: Path | None = None
) -> list[FittedModel]:
    """Fit networks or ensembles as fit_fleet does; each network of an ensemble has its own checkpoint."""
    if settings.network != Network.ENSEMBLE:
        fitted = fit_fleet(members, settings, partial(watch, settings.network), checkpoint, say=watch.step)
        return [FittedModel(one.model, one.epochs) for one in fitted]
    fleets = [
        fit_fleet(
            [_part(member, number) for member in members],
            replace(settings, network=network),
            partial(watch, name),
            checkpoint.with_name(f"{checkpoint.name}.{network}{number}") if checkpoint else None,
            say=watch.step,
        )
        for number, (network, name) in enumerate(zip(MEMBERS, names_in(settings.network), strict=True))
    ]
    watch.step(f"calibrating {counted(len(members), 'ensemble')} of {', '.join(MEMBERS)}")
    return each(lambda at: _together([fleet[at] for fleet in fleets], members[at]), len(members))


def _part(member: Member, number: int) -> Member:
    """The same member as one network of an ensemble: from another seed, or from the same place in one."""
    start = member.start.parts[number] if isinstance(member.start, EnsembleModel) else member.start
    return replace(member, seed=member.seed + number, start=start)


def _together(fitted: Sequence[Fitted], member: Member) -> FittedModel:
    model = EnsembleModel([one.model for one in fitted])
    calibrate(model, member)
    return FittedModel(model, fitted[0].epochs)
