"""Fits many models as one batch of models, each as if it were fitted alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from training.fitting.fleet_checkpoint import Checkpoint
from training.fitting.fleet_graph import steps_on
from training.fitting.fleet_step import Fleet, FleetNormalisation
from training.fitting.fleet_table import FleetTable
from training.fitting.fleet_weights import FleetWeights
from training.fitting.member import Fitted, Fitting, Member, begin, calibrate
from training.fitting.settings import Epoch, FitSettings
from training.fitting.workers import each
from training.networks.batched import FLEET_NETWORKS
from training.progress import Say, counted, silent

Watch = Callable[[Mapping[str, Epoch]], None]
"""Called after each round with the epochs of all models that took part in it, by id."""


def fit_fleet(
    members: Sequence[Member],
    settings: FitSettings,
    watch: Watch,
    checkpoint: Path | None = None,
    device: torch.device | None = None,
    say: Say = silent,
) -> list[Fitted]:
    """Return a calibrated model for each member, in order: that of its epoch with the least validation loss.

    All members of a generation are fitted at once; those that follow others are the generation after them.
    What a member becomes depends on no other but the one it follows: it has its own batches, dropout,
    gradient clipping, learning rate and early stopping. With a checkpoint file, a run that was interrupted
    goes on after the last whole epoch and ends with the same models; the file stays, and beside it those of
    later generations. Deterministic for the members' seeds, on one machine and number of threads. device: a
    GPU where there is one. All members' samples have the same inputs. Raises KeyError for a member that
    follows one that is not there.
    """
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found: dict[str, Fitted] = {}
    for number, generation in enumerate(_generations(members)):
        started = [replace(m, start=found[m.follows].model) if m.follows else m for m in generation]
        file = checkpoint.with_name(f"{checkpoint.name}.{number}") if checkpoint and number else checkpoint
        fitted = _fit_generation(started, settings, watch, file, device, say)
        found |= {member.id: one for member, one in zip(generation, fitted, strict=True)}
    return [found[member.id] for member in members]


def _generations(members: Sequence[Member]) -> list[list[Member]]:
    """Order members into those that follow none, those that follow them, and so on."""
    by_id = {member.id: member for member in members}

    def depth(member: Member) -> int:
        return 1 + depth(by_id[member.follows]) if member.follows else 0

    depths = [depth(member) for member in members]
    return [
        [member for member, own in zip(members, depths, strict=True) if own == number]
        for number in range(max(depths, default=-1) + 1)
    ]


def _fit_generation(
    members: Sequence[Member],
    settings: FitSettings,
    watch: Watch,
    checkpoint: Path | None,
    device: torch.device,
    say: Say,
) -> list[Fitted]:
    fittings = [begin(member, settings) for member in members]
    # The models with the most batches come first, so that those which still have one are always the first.
    live = sorted(range(len(members)), key=lambda at: -len(members[at].train))
    fleet = _fleet([fittings[at] for at in live], settings, device)
    kept = Checkpoint(checkpoint, members, settings) if checkpoint else None
    if kept is not None:
        live = kept.resume(fleet, fittings, live)
    take_step = steps_on(device)
    while live:
        going = [fittings[at] for at in live]
        epochs = _validated(fleet, going, _epoch(fleet, going, take_step))
        watch({fitting.member.id: epoch for fitting, epoch in zip(going, epochs, strict=True)})
        rows = [row for row, fitting in enumerate(going) if not fitting.ended(settings)]
        if len(rows) < len(live):
            live = [live[row] for row in rows]
            fleet.keep(rows)
            take_step = steps_on(device)
        if kept is not None:
            kept.write(fleet, fittings, live)
    say(f"calibrating {counted(len(fittings), 'model')} of {settings.network}")
    return each(lambda number: _calibrated(fittings[number], fleet.weights), len(fittings))


def _validated(fleet: Fleet, fittings: Sequence[Fitting], losses: Sequence[float]) -> list[Epoch]:
    """Validate each model after its epoch, on its own validation part."""

    def validate(number: int) -> Epoch:
        fitting, row = fittings[number], fleet.weights.values[number]
        fleet.weights.put_into(fitting.model, row)
        return fitting.note(losses[number], row.cpu(), fleet.settings)

    return each(validate, len(fittings))


def _fleet(fittings: Sequence[Fitting], settings: FitSettings, device: torch.device) -> Fleet:
    members = [fitting.member for fitting in fittings]
    norms = [fitting.model.normalisation for fitting in fittings]
    of_context = [own for fitting in fittings if (own := fitting.model.of_context) is not None]
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.manual_seed(sum(member.seed for member in members))
    return Fleet(
        FLEET_NETWORKS[settings.network],
        settings,
        FleetTable.of([m.samples for m in members], [m.train for m in members], settings.inverted, device),
        FleetWeights([fitting.model for fitting in fittings], device),
        FleetNormalisation.of(norms, device),
        FleetNormalisation.of(of_context, device) if of_context else None,
        [] if on_gpu else [torch.Generator().manual_seed(member.seed) for member in members],
    )


def _epoch(
    fleet: Fleet, fittings: Sequence[Fitting], take_step: Callable[..., tuple[Tensor, Tensor]]
) -> list[float]:
    """Pass once over each model's own training part; return their mean losses."""
    settings, size, device = fleet.settings, fleet.settings.batch_size, fleet.device
    ends = [fitting.ends(settings) for fitting in fittings]
    batches = np.array([-(-len(own) // size) for own in ends])
    table = np.full((len(ends), int(batches.max()) * size), -1, dtype=np.int64)
    for row, own in zip(table, ends, strict=True):
        row[: len(own)] = own
    on_device = torch.from_numpy(table).to(device)
    rates = [[f.rate(len(f.epochs) + 1, settings)] for f in fittings]
    all_rates = torch.tensor(rates, dtype=torch.float32, device=device)
    total, count = torch.zeros(len(ends), device=device), torch.zeros(len(ends), device=device)
    for number in range(int(batches.max())):
        has_one = batches > number
        width = int(np.flatnonzero(has_one)[-1]) + 1
        going = torch.from_numpy(has_one[:width, None].astype(np.float32)).to(device)
        losses, known = take_step(
            fleet, on_device[:width, number * size : (number + 1) * size], all_rates[:width], going
        )
        total[:width] += losses
        count[:width] += known
    return (total / count.clamp_min(1)).tolist()


def _calibrated(fitting: Fitting, weights: FleetWeights) -> Fitted:
    weights.put_into(fitting.model, fitting.best)
    calibrate(fitting.model, fitting.member)
    return Fitted(fitting.model, tuple(fitting.epochs))
