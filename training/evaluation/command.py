"""`python -m training evaluate`: how good models of these candles are, as a page and as JSON."""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from training import arguments as shared
from training.evaluation.report import draw_page
from training.evaluation.run import EvaluationSettings, evaluate
from training.exit_codes import Outcome
from training.settings import TrainSettings

EPOCHS = 6
"""At most, for each fold's model: the budget of a report."""
PARTS = INVERSION, LINEAGE = "inversion", "lineage"


def add_evaluate(commands: shared.Commands) -> None:
    """Add the commands; each sets `run`, which takes the arguments and gives an exit code."""
    command = commands.add_parser("evaluate", help="walk-forward report: report.html and evaluation.json")
    shared.add_candles(command)
    command.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="default: %(default)s"
    )
    command.add_argument(
        "--quick", action="store_true", help="one fold and the last part, 15m alone: a few minutes"
    )
    command.add_argument(
        "--folds", type=shared.positive, default=3, help="before the last part (default: %(default)s)"
    )
    shared.add_network(command, EPOCHS)
    shared.add_symbols(command)
    shared.add_inputs(command)
    shared.add_label(command)
    command.add_argument(
        "--without",
        nargs="+",
        choices=PARTS,
        default=[],
        help="train plainer models, to see what each part is worth",
    )
    command.set_defaults(run=_evaluate)
    command = commands.add_parser("report", help="draw report.html again from its evaluation.json")
    command.add_argument(
        "--out", type=Path, default=Path("results"), metavar="DIR", help="default: %(default)s"
    )
    command.set_defaults(run=_draw)


def evaluation_settings(given: argparse.Namespace) -> EvaluationSettings:
    """Return what the arguments ask for. Raises UnknownAsset."""
    fit = replace(
        shared.FIT, network=given.network, epochs=given.epochs, inverted=INVERSION not in given.without
    )
    train = TrainSettings(
        candles=shared.candles_in(given),
        out=given.out,
        assets=shared.assets_in(given),
        inputs=shared.inputs_in(given),
        label=shared.label_in(given),
        fit=fit,
    )
    settings = EvaluationSettings(train, folds=given.folds, lineage=LINEAGE not in given.without)
    return settings.quick() if given.quick else settings


def _evaluate(given: argparse.Namespace) -> Outcome:
    settings = evaluation_settings(given)
    evaluate(settings, given.out, int(time.time()), time.monotonic, lambda line: print(line, flush=True))
    return Outcome.DONE


def _draw(given: argparse.Namespace) -> Outcome:
    print(draw_page(given.out))
    return Outcome.DONE
