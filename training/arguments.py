"""Arguments that several commands of `python -m training` share, each with its choices and defaults."""

import argparse
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, find_asset
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import LABEL_KINDS, Label
from growfolio.indicators.proofs import newcomers, prove
from growfolio.indicators.registry import all_context_inputs, all_indicators
from growfolio.indicators.standard import FEATURES
from growfolio.training_jobs.networks import DEFAULT_NETWORK, Network

from training.fitting.settings import FitSettings
from training.settings import DEFAULT_INPUTS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
LABEL, FIT = Label(), FitSettings()


def add_candles(command: argparse.ArgumentParser, required: bool = True, without: str = "") -> None:
    """Add --candles; without says what happens where it may be left out and is."""
    command.add_argument(
        "--candles",
        type=_folders,
        action="extend",
        required=required,
        metavar="DIR",
        help="a folder of <ID>_5m.parquet files; several, given again or as DIR:DIR, are merged: bars of "
        "later ones replace those of earlier ones" + (f" ({without})" if without else ""),
    )


def candles_in(given: argparse.Namespace, default: Path = Path()) -> tuple[Path, ...]:
    """Return the folders that --candles names, or the default."""
    return tuple(given.candles or [default])


def _folders(text: str) -> list[Path]:
    if not all(text.split(os.pathsep)):
        raise argparse.ArgumentTypeError(f"{text!r} names no folder: write DIR or DIR{os.pathsep}DIR")
    return [Path(folder) for folder in text.split(os.pathsep)]


def add_symbols(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--symbols",
        nargs="+",
        metavar="SYMBOL",
        help=f"e.g. {ASSETS[0].symbol} {ASSETS[-1].symbol} (default: all {len(ASSETS)} assets)",
    )


def assets_in(given: argparse.Namespace, market: Market | None = None) -> tuple[Asset, ...]:
    """Return the assets that --symbols names, or all, of one market or of both. Raises UnknownAsset."""
    named = tuple(map(find_asset, given.symbols)) if given.symbols else ASSETS
    return tuple(asset for asset in named if market in (None, asset.market))


def add_timeframes(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--timeframes",
        nargs="+",
        type=Timeframe,
        choices=list(Timeframe),
        default=list(Timeframe),
        metavar="TIMEFRAME",
        help=f"of {', '.join(Timeframe)} (default: all)",
    )


def add_network(command: argparse.ArgumentParser, epochs: int) -> None:
    command.add_argument(
        "--network", choices=list(Network), default=DEFAULT_NETWORK, help="default: %(default)s"
    )
    command.add_argument(
        "--epochs",
        type=positive,
        default=epochs,
        help="at most; fewer where validation stops improving (default: %(default)s)",
    )


def add_batch_size(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--batch-size",
        type=positive,
        default=FIT.batch_size,
        help="windows in a training step (default: %(default)s)",
    )


def add_inputs(command: argparse.ArgumentParser) -> None:
    """Add --sequence and --context, whose choices are what is registered in growfolio/indicators."""
    command.add_argument(
        "--sequence",
        nargs="+",
        choices=list(all_indicators()),
        default=list(DEFAULT_INPUTS.sequence),
        metavar="NAME",
        help=f"indicators that models see of each bar, of {', '.join(all_indicators())} "
        f"(default: {_named(DEFAULT_INPUTS.sequence)})",
    )
    command.add_argument(
        "--context",
        nargs="*",
        choices=list(all_context_inputs()),
        default=list(DEFAULT_INPUTS.context),
        metavar="NAME",
        help=f"context inputs that models see of the decided bar, of {', '.join(all_context_inputs())}; "
        f"without a name none (default: {_named(DEFAULT_INPUTS.context)})",
    )


def inputs_in(given: argparse.Namespace) -> Inputs:
    """Return the inputs that add_inputs' arguments name, each once.

    Raises UnsoundInput where one of the owner's looks ahead or breaks; the product's own are tried by tests.
    """
    inputs = Inputs(tuple(dict.fromkeys(given.sequence)), tuple(dict.fromkeys(given.context)))
    prove(newcomers(inputs))
    return inputs


def _named(names: tuple[str, ...]) -> str:
    return f"the first {len(FEATURES)}" if names == FEATURES else ", ".join(names) or "none"


def add_label(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--horizon",
        type=positive,
        default=LABEL.horizon_bars,
        metavar="BARS",
        help="bars from a signal to the close that decides its label (default: %(default)s)",
    )
    command.add_argument(
        "--threshold",
        type=float,
        default=LABEL.threshold,
        metavar="SHARE",
        help="move above which the label is buy or sell: fixed, a share of the price, 0.001 is 0.1 %%; "
        "volatility, a share of the usual deviation; triple_barrier, a share of the way to the targets "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--label", choices=LABEL_KINDS, default=LABEL.kind, help="how labels are made (default: %(default)s)"
    )


def label_in(given: argparse.Namespace) -> Label:
    """Return the label that add_label's arguments describe."""
    return Label(given.label, given.horizon, given.threshold)


def day(text: str) -> int:
    """Read a day, e.g. 2024-08-09, as the moment of its begin (UTC) in seconds."""
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is not a day like 2024-08-09") from None


def positive(text: str) -> int:
    """Read a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number above 0")
    return number


def not_negative(text: str) -> int:
    """Read a whole number from 0."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return number
