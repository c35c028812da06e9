"""The commands of `python -m training` beside training itself: they may need a network, a bucket, a Hub."""

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from growfolio.domain.assets import ASSETS, Asset, Market, find_asset
from growfolio.errors import GrowfolioError
from growfolio.settings import Settings

from training.data.obtain import HistoryWanted, checked, obtain, refuse_faults
from training.exit_codes import Outcome, outcome_of
from training.job.command import add_job
from training.release.decision import decide, promote, serving_now
from training.release.gate import GateRule
from training.release.publish import hub_target


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Each command sets `run`, which takes the arguments and gives the exit code (exit_codes.py)."""
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

    command = commands.add_parser("publish", help="models that pass the gate become one commit of the Hub")
    command.add_argument(
        "--models", type=Path, default=Path("models"), metavar="DIR", help="of a training run"
    )
    command.add_argument("--repo", required=True, metavar="ORG/NAME")
    command.add_argument("--candles", type=Path, default=Path("data/raw"), metavar="DIR", help="for the gate")
    command.add_argument("--promote", default="", metavar="PARAMETER", help="the SSM parameter to set")
    command.set_defaults(run=_publish)

    add_job(commands)


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


def _publish(given: argparse.Namespace) -> Outcome:
    target = hub_target(given.repo)
    head = target.head()
    champion = serving_now(target, head, given.promote)
    with TemporaryDirectory() as folder:
        decision = decide(given.models, champion, given.candles, GateRule(), Path(folder), int(time.time()))
        for model_id, verdict in decision.verdicts.items():
            _say(f"{model_id}: {'serves' if verdict.accepted else '; '.join(verdict.reasons)}")
        if not decision.accepted:
            _say("nothing is published: no new model passed the gate")
            return Outcome.DONE
        revision = target.publish(decision.folder, f"{len(decision.accepted)} new models", head)
    _say(f"published {revision}")
    if given.promote:
        _say(f"{given.promote}: {promote(given.promote, revision)} -> {revision}")
    return Outcome.DONE


def _assets(given: argparse.Namespace) -> tuple[Asset, ...]:
    wanted = tuple(map(find_asset, given.symbols)) if given.symbols else ASSETS
    return tuple(asset for asset in wanted if given.market in (None, asset.market))


def _say(line: str) -> None:
    print(line, flush=True)
