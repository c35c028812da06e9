"""`python -m training`: candles in, models out, and all the way to a published revision."""

import argparse
import sys
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import torch
from growfolio.domain.assets import ASSETS, Timeframe, find_asset
from growfolio.errors import GrowfolioError
from growfolio.models.manifest import LABEL_KINDS
from growfolio.training_jobs.request import DEFAULT_NETWORK, Network

from training import cli as commands
from training.data.labels import LabelRule
from training.evaluation.command import add_evaluate
from training.fitting.settings import FitSettings
from training.settings import TrainSettings
from training.starter import starter_settings
from training.train import train


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or another (exit_codes.py) with one line on what to do."""
    given = _parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    # Gates close to shut leave numbers so small that the processor slows down on them.
    torch.set_flush_denormal(True)
    if "run" in given:
        return commands.run(given)
    try:
        settings = (
            starter_settings(given.candles, given.out) if given.command == "starter" else _settings(given)
        )
        manifest = train(settings, int(time.time()), time.monotonic, lambda line: print(line, flush=True))
    except GrowfolioError as reason:
        print(f"training: {reason}", file=sys.stderr)
        return 1
    print(f"{len(manifest.models)} models in {settings.out}")
    return 0


def _settings(given: argparse.Namespace) -> TrainSettings:
    return TrainSettings(
        candles=given.candles,
        out=given.out,
        assets=tuple(map(find_asset, given.symbols)) if given.symbols else ASSETS,
        timeframes=tuple(given.timeframes),
        rule=LabelRule(given.horizon, given.threshold, given.label),
        fit=FitSettings(
            network=given.network, epochs=given.epochs, batch_size=given.batch_size, seed=given.seed
        ),
        pooled_only=given.pooled_only,
        expires_days=given.expires_days or None,
        about=given.about,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    subparsers = parser.add_subparsers(dest="command", required=True)
    commands.add_commands(subparsers)
    add_evaluate(subparsers)
    fit, rule = FitSettings(), LabelRule()

    command = subparsers.add_parser("train", help="candles in, a model repository out")
    command.add_argument("--candles", type=Path, required=True, metavar="DIR", help="<ID>_5m.parquet files")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model repository")
    command.add_argument("--symbols", nargs="+", metavar="SYMBOL", help="train on these only")
    command.add_argument(
        "--timeframes", nargs="+", type=Timeframe, default=list(Timeframe), metavar="TIMEFRAME"
    )
    command.add_argument("--epochs", type=_positive, default=fit.epochs, help="at most (default %(default)s)")
    command.add_argument("--batch-size", type=_positive, default=fit.batch_size, help="default %(default)s")
    command.add_argument("--network", choices=list(Network), default=DEFAULT_NETWORK)
    command.add_argument("--seed", type=int, default=fit.seed)
    command.add_argument("--pooled-only", action="store_true", help="no models of single assets")
    command.add_argument("--horizon", type=_positive, default=rule.horizon_bars, help="the label's, in bars")
    command.add_argument("--threshold", type=float, default=rule.threshold, help="the label's, a fraction")
    command.add_argument("--label", choices=LABEL_KINDS, default=rule.kind, help="default %(default)s")
    command.add_argument("--expires-days", type=int, default=90, help="0: never (default %(default)s)")
    command.add_argument("--about", default="", help="where the candles come from, and their licence")

    command = subparsers.add_parser("starter", help="remake the models that are shipped with the code")
    command.add_argument("--candles", type=Path, required=True, metavar="DIR", help="<ID>_5m.parquet files")
    shipped = Path(str(files("growfolio.models"))) / "starter"
    command.add_argument(
        "--out", type=Path, default=shipped, metavar="DIR", help="default: where they ship from"
    )

    for command in subparsers.choices.values():
        command.add_argument("--threads", type=_positive, default=torch.get_num_threads())
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


if __name__ == "__main__":
    sys.exit(main())
