"""`python -m training evaluate`: how good models of these candles are, as a page and as JSON."""

import argparse
import sys
import time
from pathlib import Path

import torch
from growfolio.domain.assets import ASSETS, Timeframe, find_asset
from growfolio.errors import GrowfolioError
from growfolio.models.manifest import LABEL_KINDS
from growfolio.training_jobs.request import DEFAULT_NETWORK, Network

from training.data.labels import LabelRule
from training.evaluation.run import EvaluationSettings, evaluate
from training.exit_codes import Outcome, outcome_of
from training.fitting.settings import FitSettings
from training.settings import TrainSettings

EPOCHS = 6
"""At most, for each fold's model: the budget of a report."""
PARTS = INVERSION, LINEAGE = "inversion", "lineage"


def add_evaluate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Sets `run`, which takes the arguments and gives the exit code (exit_codes.py)."""
    command = commands.add_parser("evaluate", help="walk-forward report: report.html and evaluation.json")
    command.add_argument("--candles", type=Path, required=True, metavar="DIR", help="<ID>_5m.parquet files")
    command.add_argument("--out", type=Path, default=Path("results"), metavar="DIR")
    command.add_argument("--quick", action="store_true", help="one fold and the last part, 15m alone")
    command.add_argument("--folds", type=int, default=3, help="before the last part (default %(default)s)")
    command.add_argument("--epochs", type=int, default=EPOCHS, help="at most (default %(default)s)")
    command.add_argument("--network", choices=list(Network), default=DEFAULT_NETWORK)
    command.add_argument("--symbols", nargs="+", metavar="SYMBOL", help="default: all with candles")
    command.add_argument("--horizon", type=int, default=1, help="the label's, in bars")
    command.add_argument("--threshold", type=float, default=0.001, help="the label's, a fraction")
    command.add_argument("--label", choices=LABEL_KINDS, default="fixed")
    command.add_argument(
        "--without",
        nargs="+",
        choices=PARTS,
        default=[],
        help="train plainer models, to see what each part is worth",
    )
    command.set_defaults(run=_run)


def evaluation_settings(given: argparse.Namespace) -> EvaluationSettings:
    """What the arguments ask for. Raises UnknownAsset."""
    train = TrainSettings(
        candles=given.candles,
        out=given.out,
        assets=tuple(map(find_asset, given.symbols)) if given.symbols else ASSETS,
        timeframes=tuple(Timeframe),
        rule=LabelRule(given.horizon, given.threshold, given.label),
        fit=FitSettings(network=given.network, epochs=given.epochs, inverted=INVERSION not in given.without),
    )
    settings = EvaluationSettings(train, folds=given.folds, lineage=LINEAGE not in given.without)
    return settings.quick() if given.quick else settings


def _run(given: argparse.Namespace) -> Outcome:
    torch.set_num_threads(given.threads)
    torch.set_flush_denormal(True)
    try:
        settings = evaluation_settings(given)
        evaluate(settings, given.out, int(time.time()), time.monotonic, lambda line: print(line, flush=True))
    except GrowfolioError as reason:
        print(f"training: {reason}", file=sys.stderr)
        return outcome_of(reason)
    return Outcome.DONE
