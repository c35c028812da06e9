"""`python -m training indicators`: what models may see, and what it is worth to trained ones."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from growfolio.domain.assets import ASSETS, Market
from growfolio.errors import ConfigurationError
from growfolio.indicators.registry import all_context_inputs, all_indicators
from growfolio.models.manifest import MANIFEST, Manifest, Model, parse_manifest

from training import arguments as shared
from training.data.dataset import build_samples
from training.exit_codes import Outcome
from training.pools import read_candles
from training.release.importance import validation_rows, worths
from training.settings import TrainSettings

ROWS = 3000
HINT = """what each is worth to trained models: python -m training indicators --models DIR --candles DIR"""


def add_indicators(commands: shared.Commands) -> None:
    """Add the command, which sets `run`: it takes the arguments and gives the exit code."""
    command = commands.add_parser(
        "indicators", help="what models may see, and what each input is worth to trained ones"
    )
    command.add_argument(
        "--models",
        type=Path,
        default=Path("models"),
        metavar="DIR",
        help="whose pooled models lose each input in turn (default: %(default)s)",
    )
    shared.add_candles(command, required=False, without="without it inputs are only listed")
    command.add_argument(
        "--rows",
        type=shared.positive,
        default=ROWS,
        help="of each model's validation part, evenly spaced (default: %(default)s)",
    )
    command.set_defaults(run=_indicators)


def _indicators(given: argparse.Namespace) -> Outcome:
    for line in listed():
        print(line)
    if not given.candles:
        print(f"\n{HINT}")
        return Outcome.DONE
    path = given.models / MANIFEST
    if not path.is_file():
        raise ConfigurationError(f"no {MANIFEST} in {given.models}: name the folder of a training run")
    manifest = parse_manifest(path.read_bytes())
    print("\nlog-loss (90 % interval); inputs that say the same share their worth")
    for line in worth_lines(given.models, manifest, shared.candles_in(given), given.rows, int(time.time())):
        print(line, flush=True)
    return Outcome.DONE


def listed() -> list[str]:
    """Return a table of every registered input."""
    rows = [("input", "of", "numbers", "bars", "version", "")]
    rows += [
        (one.name, "each bar", "1", str(one.bars), str(one.version), "" if one.scale_free else "price level")
        for one in all_indicators().values()
    ]
    rows += [
        (one.name, "context", str(one.width), str(one.bars), str(one.version), "")
        for one in all_context_inputs().values()
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def worth_lines(
    folder: Path, manifest: Manifest, candles: tuple[Path, ...], rows: int, now: int
) -> Iterator[str]:
    """Say what each input is worth to the pooled models of a folder, model after model.

    Raises ConfigurationError where there is no such folder of candles, MissingCandles without candles of a
    model's validation part.
    """
    settings = TrainSettings(candles, folder, assets=ASSETS)
    read, _ = read_candles(settings, now)
    for market in Market:
        bars = {asset: own for asset, own in read.items() if asset.market is market}
        for model in _pooled(manifest, market):
            yield ""
            if lacking := model.inputs.lacking():
                yield f"{model.id} needs what is not registered here: {lacking}"
                continue
            samples, _ = build_samples(market, model.timeframe, bars, model.label, inputs=model.inputs.names)
            if samples is None:
                raise ConfigurationError(f"no candles of {market} to judge the inputs of {model.id} on")
            picked = validation_rows(model, manifest, samples, rows)
            yield f"{model.id}: nats that shuffling an input costs, {len(picked):,} validation bars"
            for worth in worths(folder, model, samples, picked):
                low, high = worth.between
                yield f"  {worth.name:24}{worth.nats:+9.4f}  ({low:+.4f} to {high:+.4f})"


def _pooled(manifest: Manifest, market: Market) -> list[Model]:
    found = [of.get(market) for of in manifest.assignment.values()]
    return [manifest.models[model_id] for model_id in found if model_id]
