"""Training 48 models: the fleet at once against the plain loop, one nn.LSTM after another.

Both take the same steps: the same windows, batches, answers, dropout, clipping and AdamW, from the same
weights. Without dropout both must first end with the same weights. Then their rounds alternate in one run,
so that whatever else the machine does meets both. Ends with 1 where the fleet is not as many times faster as
BARS asks of the device it runs on.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from growfolio.domain.forecast import WINDOW
from growfolio.domain.labels import UNKNOWN
from torch.nn.functional import cross_entropy
from torch.nn.utils import clip_grad_norm_

from training.fitting.fleet_graph import steps_on
from training.fitting.fleet_step import Fleet, FleetNormalisation
from training.fitting.fleet_table import FleetTable
from training.fitting.fleet_weights import FleetWeights
from training.fitting.settings import FitSettings
from training.networks.architectures import SignalModel, Widths, build
from training.networks.batched import FLEET_NETWORKS

BARS = {"cuda": 15.0, "cpu": 1.0}
"""How many times faster the fleet must be, by kind of device."""
NOISE = 0.05
"""By how much two runs of the same on a processor that others use may differ."""
CONTEXT = 36
"""Numbers of context beside each answered bar: as many as all registered inputs have."""
ROWS = 4096
"""Bars of each model's own table."""

Run = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """The same for both ways: a table of features and answers for each model, and each step's windows."""

    features: torch.Tensor
    """(models, ROWS, 16)"""
    context: torch.Tensor
    """(models, ROWS, CONTEXT)"""
    answers: torch.Tensor
    ends: torch.Tensor
    """(steps, models, batch)"""
    settings: FitSettings


def some_work(models: int, steps: int, settings: FitSettings, device: torch.device) -> Work:
    random = torch.Generator().manual_seed(1)
    features = torch.randn(models, ROWS, 16, generator=random)
    context = torch.randn(models, ROWS, CONTEXT, generator=random)
    answers = torch.randint(3, (models, ROWS), generator=random)
    ends = torch.randint(WINDOW, ROWS, (steps, models, settings.batch_size), generator=random)
    return Work(features.to(device), context.to(device), answers.to(device), ends.to(device), settings)


class PlainLoop:
    """What training one model after another is."""

    def __init__(self, models: list[SignalModel], work: Work) -> None:
        self.models, self._work = models, work
        rate = work.settings.learning_rate
        self._optimisers = [torch.optim.AdamW(model.parameters(), rate) for model in models]

    def __call__(self) -> None:
        work, answered = self._work, self._work.settings.answered
        reach = torch.arange(1 - WINDOW, 1, device=work.ends.device)
        for at, (model, optimiser) in enumerate(zip(self.models, self._optimisers, strict=True)):
            model.train()
            for ends in work.ends[:, at]:
                rows = ends[:, None] + reach
                last = rows[:, -answered:]
                wanted = work.answers[at][last]
                answers = model.logits(work.features[at][rows], answered, work.context[at][last])
                loss = cross_entropy(answers.flatten(0, 1), wanted.flatten(), ignore_index=UNKNOWN)
                optimiser.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                clip_grad_norm_(model.parameters(), 1.0)
                optimiser.step()


class AtOnce:
    """The fleet on the same work."""

    def __init__(self, models: list[SignalModel], work: Work) -> None:
        count, device = len(models), work.features.device
        at = torch.arange(count, device=device) * ROWS
        inputs = work.features.flatten(0, 1), work.context.flatten(0, 1)
        table = FleetTable(*inputs, work.answers.flatten().to(torch.int8), at, at)
        of_context = [own for model in models if (own := model.of_context) is not None]
        self.fleet = Fleet(
            FLEET_NETWORKS[work.settings.network],
            work.settings,
            table,
            FleetWeights(models, device),
            FleetNormalisation.of([model.normalisation for model in models], device),
            FleetNormalisation.of(of_context, device),
            [] if device.type == "cuda" else [torch.Generator().manual_seed(n) for n in range(count)],
        )
        self._work, self._step = work, steps_on(device)
        self._rates = torch.full((count, 1), work.settings.learning_rate, device=device)
        self._going = torch.ones(count, 1, device=device)

    def __call__(self) -> None:
        for ends in self._work.ends:
            self._step(self.fleet, ends, self._rates, self._going)


def both_ways(work: Work) -> tuple[PlainLoop, AtOnce]:
    """From the same weights."""
    torch.manual_seed(0)
    settings, device = work.settings, work.features.device
    widths = Widths(work.features.shape[-1], work.context.shape[-1])
    models = [build(settings.network, settings.dropout, widths).to(device) for _ in work.features]
    return PlainLoop(models, work), AtOnce(models, work)


def assert_equal_training(work: Work) -> float:
    """How far the weights of the two ways lie apart, as a share of how far training moved them.

    A mean: Adam turns a gradient that is nothing but rounding into a whole step. Raises AssertionError where
    the two ways differ.
    """
    plain, fleet = both_ways(work)
    start = fleet.fleet.weights.values.clone()
    plain()
    fleet()
    rows = [torch.cat([p.detach().flatten() for p in model.network.parameters()]) for model in plain.models]
    moved = float((torch.stack(rows) - start).abs().mean())
    difference = float((torch.stack(rows) - fleet.fleet.weights.values).abs().mean())
    assert moved > 1e-4, "training moved no weight"
    assert difference < 0.01 * moved, (
        f"the two ways differ by {difference:.1e} where training moved {moved:.1e}"
    )
    return difference / moved


def timed(run: Run, device: torch.device) -> float:
    """Seconds."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=48)
    parser.add_argument("--steps", type=int, default=2, help="of each model in a round (default %(default)s)")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_flush_denormal(True)
    settings = FitSettings()
    exact = replace(settings, dropout=0.0, half=False)
    difference = assert_equal_training(some_work(given.models, 2, exact, device))
    ways = both_ways(some_work(given.models, given.steps, settings, device))
    for way in ways:
        way()
    rounds = np.array([[timed(way, device) for way in ways] for _ in range(given.rounds)])
    name = (
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    )
    print(
        f"{given.models} models of {settings.network}, batches of {settings.batch_size} windows of {WINDOW} "
        f"bars and {CONTEXT} numbers of context, on {device.type} ({name}); without dropout the "
        f"same weights to {difference:.1e} of what training moved them"
    )
    return report(rounds / given.steps, device)


def report(rounds: np.ndarray, device: torch.device) -> int:
    """Print medians of rounds (rounds, 2 ways), seconds a step of all models; 1 where the bar is missed."""
    plain, fleet = np.median(rounds, axis=0)
    times = float(np.median(rounds[:, 0] / rounds[:, 1]))
    bar = BARS[device.type]
    held = times >= bar - (NOISE if device.type == "cpu" else 0)
    print(f"{'plain loop':12}{1000 * plain:10.1f} ms for a step of all models (median of {len(rounds)})")
    print(f"{'fleet':12}{1000 * fleet:10.1f} ms")
    verdict = "PASS" if held else "FAIL"
    print(f"{verdict}: the fleet is {times:.2f} times as fast; on {device.type} it must be {bar:g}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
