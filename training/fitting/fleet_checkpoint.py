"""Checkpoint of a fleet after a whole epoch: one file from which an interrupted run goes on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.fitting.fleet_step import Fleet
from training.fitting.member import Fitting, Member
from training.fitting.settings import Epoch, FitSettings

ARRAYS = ("values", "first", "second", "steps")


class Checkpoint:
    """The file of one run. A file of other settings or other data is ignored."""

    def __init__(self, path: Path, members: Sequence[Member], settings: FitSettings) -> None:
        self._path = path
        self._run = _fingerprint(members, settings)

    def write(self, fleet: Fleet, fittings: Sequence[Fitting], live: Sequence[int]) -> None:
        """Replace the file at once, so that a run killed while writing leaves the one before."""
        state: dict[str, Any] = {name: getattr(fleet.weights, name).cpu() for name in ARRAYS}
        state["run"], state["live"] = self._run, list(live)
        state["best"] = [fitting.best for fitting in fittings]
        state["random"] = [random.get_state() for random in fleet.random]
        if fleet.device.type == "cuda":
            state["random"] = [torch.cuda.get_rng_state(fleet.device)]
        state["fittings"] = json.dumps([_noted(fitting) for fitting in fittings])
        partial = self._path.with_name(f"{self._path.name}.partial")
        torch.save(state, partial)
        partial.replace(self._path)

    def resume(self, fleet: Fleet, fittings: Sequence[Fitting], live: list[int]) -> list[int]:
        """Restore fleet and fittings from the file; return the members that are still to be fitted."""
        if not self._path.is_file():
            return live
        state = torch.load(self._path, map_location="cpu", weights_only=True)
        if state["run"] != self._run:
            return live
        fleet.keep([live.index(at) for at in state["live"]])
        for name in ARRAYS:
            getattr(fleet.weights, name).copy_(state[name])
        if fleet.device.type == "cuda":
            torch.cuda.set_rng_state(state["random"][0], fleet.device)
        for random, saved in zip(fleet.random, state["random"], strict=False):
            random.set_state(saved)
        for fitting, best, noted in zip(fittings, state["best"], json.loads(state["fittings"]), strict=True):
            fitting.best = best
            fitting.best_loss, fitting.best_epoch = noted["best_loss"], noted["best_epoch"]
            fitting.epochs = [Epoch(**epoch) for epoch in noted["epochs"]]
            fitting.rng.bit_generator.state = noted["rng"]
        return list(state["live"])


def _noted(fitting: Fitting) -> dict[str, Any]:
    return {
        "best_loss": fitting.best_loss,
        "best_epoch": fitting.best_epoch,
        "epochs": [asdict(epoch) for epoch in fitting.epochs],
        "rng": fitting.rng.bit_generator.state,
    }


def _fingerprint(members: Sequence[Member], settings: FitSettings) -> str:
    """Hash everything that decides what the models become."""
    digest = hashlib.sha256(repr(settings).encode())
    seen: set[int] = set()
    for member in members:
        digest.update(f"{member.id} {member.seed} {member.learning_rate}".encode())
        digest.update(member.train.tobytes() + member.validation.tobytes())
        if id(member.samples) not in seen:
            seen.add(id(member.samples))
            digest.update(repr(member.samples.inputs).encode())
            for array in (member.samples.features, member.samples.context, member.samples.labels):
                digest.update(np.ascontiguousarray(array).data)
        if member.start is not None:
            for tensor in member.start.state_dict().values():
                digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
