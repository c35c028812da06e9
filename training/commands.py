"""The commands of `python -m training` beside training itself: they may need a network, a bucket, a Hub."""

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from growfolio.assets import ASSETS, Asset, Market, find_asset
from growfolio.errors import GrowfolioError
from growfolio.settings import Settings

from training.obtain import HistoryWanted, checked, obtain, refuse_faults
from training.outcome import Outcome, outcome_of


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Each command sets `run`, which takes the arguments and gives the exit code (outcome.py)."""
    command = commands.add_parser("download", help="history from the market sources and the candle archive")
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="files that grow, e.g. data/raw"
    )
    command.add_argument("--market", choices=list(Market), type=Market, help="default: both")
    command.add_argument("--symbols", nargs="+", metavar="SYMBOL", help="default: all")
    command.add_argument(
        "--days", type=int, default=365, help="of the past (default %(default)s; Yahoo has 59)"
    )
    command.add_argument("--bucket", help="with the candle archive; default: GROWFOLIO_BUCKET")
    command.add_argument("--report", type=Path, metavar="FILE", help="the data report as JSON")
    command.set_defaults(run=_download)


def run(given: argparse.Namespace) -> int:
    """The exit code, and one line on what to do where it is not 0."""
    try:
        return int(given.run(given))
    except GrowfolioError as fault:
        print(f"training: {fault}", file=sys.stderr)
        return outcome_of(fault)


def _download(given: argparse.Namespace) -> Outcome:
    settings = Settings.from_environment(os.environ)
    if given.bucket is not None:
        settings = replace(settings, bucket=given.bucket)
    wanted = HistoryWanted(given.out, _assets(given), given.days)
    obtain(wanted, settings, int(time.time()), time.monotonic, _say)
    report = checked(wanted)
    _say(str(report))
    if given.report:
        given.report.write_text(json.dumps(report.to_json(), indent=1) + "\n")
    refuse_faults(report)
    return Outcome.DONE


def _assets(given: argparse.Namespace) -> tuple[Asset, ...]:
    wanted = tuple(map(find_asset, given.symbols)) if given.symbols else ASSETS
    return tuple(asset for asset in wanted if given.market in (None, asset.market))


def _say(line: str) -> None:
    print(line, flush=True)
