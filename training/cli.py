"""The commands of `python -m training`, and how each ends: an exit code, and one line where it is not 0."""

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from growfolio.domain.assets import Market
from growfolio.errors import ConfigurationError, GrowfolioError
from growfolio.models.manifest import MANIFEST, parse_manifest
from growfolio.settings import Settings

from training import arguments as shared
from training.data.candle_history import HistoryRequest, checked_history, refuse_faults, update_history
from training.evaluation.command import add_evaluate
from training.exit_codes import Outcome, outcome_of
from training.job.command import add_job
from training.release.decision import decide, promote, serving_now
from training.release.gate import GateRule
from training.release.indicators_command import add_indicators
from training.release.publish import hub_target, publication, require_token
from training.release.summary import summary
from training.settings import TrainSettings
from training.starter import starter_settings
from training.train import train

_ABOUT = """\
Download history, train models, evaluate and publish them. Exit codes: 0 done; 2 something must be set
otherwise, the message says what; 3 bad data; 4 connection lost, try again; 130 stopped by Ctrl+C; 143 stopped
by SIGTERM."""


SHIPPED = Path(str(files("growfolio.models"))) / "starter"


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse arguments, carry the command out, and return its exit code."""
    given = _parser().parse_args(arguments)
    torch.set_num_threads(given.threads)
    # Gates close to shut leave numbers so small that the processor slows down on them.
    torch.set_flush_denormal(True)
    try:
        return int(given.run(given))
    except GrowfolioError as fault:
        print(f"training: {fault}", file=sys.stderr)
        return outcome_of(fault)
    except KeyboardInterrupt:
        print(f"training: stopped{given.stopped}", file=sys.stderr)
        return Outcome.STOPPED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description=_ABOUT)
    parser.set_defaults(stopped="")
    commands = parser.add_subparsers(dest="command", required=True)
    _add_download(commands.add_parser("download", help="history from market sources and the candle archive"))
    _add_train(commands.add_parser("train", help="candles in, a model repository out"))
    _add_starter(commands.add_parser("starter", help="remake the models that are shipped with the code"))
    _add_summary(commands.add_parser("summary", help="scores of a folder of models, and who serves what"))
    add_evaluate(commands)
    add_indicators(commands)
    _add_publish(
        commands.add_parser("publish", help="models that pass the gate become one commit of the Hub")
    )
    add_job(commands)
    threads = torch.get_num_threads()
    for command in commands.choices.values():
        command.add_argument(
            "--threads", type=shared.positive, default=threads, help="of the processor (default: %(default)s)"
        )
    return parser


def _add_download(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder whose files grow, e.g. data/raw"
    )
    command.add_argument("--market", choices=list(Market), type=Market, help="default: both")
    shared.add_symbols(command)
    command.add_argument(
        "--days",
        type=shared.positive,
        default=365,
        help="of history (default: %(default)s; Yahoo has 59 at most)",
    )
    command.add_argument("--bucket", help="that holds the candle archive (default: GROWFOLIO_BUCKET)")
    command.add_argument("--report", type=Path, metavar="FILE", help="write the data report as JSON")
    command.set_defaults(run=_download)


def _add_train(command: argparse.ArgumentParser) -> None:
    shared.add_candles(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model repository")
    shared.add_symbols(command)
    shared.add_timeframes(command)
    shared.add_network(command, shared.FIT.epochs)
    shared.add_batch_size(command)
    command.add_argument(
        "--seed", type=int, default=shared.FIT.seed, help="of all chance (default: %(default)s)"
    )
    command.add_argument("--pooled-only", action="store_true", help="fit no models of single assets")
    shared.add_inputs(command)
    shared.add_label(command)
    command.add_argument(
        "--expires-days",
        type=shared.not_negative,
        default=90,
        help="until the models stop serving; 0: never (default: %(default)s)",
    )
    command.add_argument("--about", default="", help="where the candles come from, and their licence")
    command.set_defaults(run=_train, stopped=_GOES_ON)


def _add_starter(command: argparse.ArgumentParser) -> None:
    shared.add_candles(command)
    command.add_argument(
        "--out", type=Path, default=SHIPPED, metavar="DIR", help="default: where the code ships them"
    )
    command.add_argument(
        "--until",
        type=shared.day,
        metavar="YYYY-MM-DD",
        help="earlier models, of candles before this day, for checks on later ones; they need an --out",
    )
    command.set_defaults(run=_starter, stopped=_GOES_ON)


def _add_summary(command: argparse.ArgumentParser) -> None:
    _add_models(command)
    command.set_defaults(run=_summary)


def _add_models(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--models", type=Path, default=Path("models"), metavar="DIR", help="default: %(default)s"
    )


def _add_publish(command: argparse.ArgumentParser) -> None:
    _add_models(command)
    command.add_argument("--repo", required=True, metavar="ORG/NAME", help="model repository on the Hub")
    shared.add_candles(command, required=False, without=f"default: {_DOWNLOADED}")
    command.add_argument("--promote", default="", metavar="PARAMETER", help="the SSM parameter to set")
    command.set_defaults(run=_publish)


def _download(given: argparse.Namespace) -> Outcome:
    settings = Settings.from_environment(os.environ)
    if given.bucket is not None:
        settings = replace(settings, bucket=given.bucket)
    request = HistoryRequest(given.out, shared.assets_in(given, given.market), given.days)
    update_history(request, settings, int(time.time()), time.monotonic, _say)
    report = checked_history(request)
    _say(str(report))
    if given.report:
        given.report.write_text(json.dumps(report.to_json(), indent=1) + "\n")
    refuse_faults(report)
    return Outcome.DONE


_DOWNLOADED = Path("data/raw")
_GOES_ON = ": the same command with the same candles goes on after the last whole epoch"


def _train(given: argparse.Namespace) -> Outcome:
    fit = replace(
        shared.FIT,
        network=given.network,
        epochs=given.epochs,
        batch_size=given.batch_size,
        seed=given.seed,
    )
    return _trained(
        TrainSettings(
            candles=shared.candles_in(given),
            out=given.out,
            assets=shared.assets_in(given),
            timeframes=tuple(given.timeframes),
            inputs=shared.inputs_in(given),
            label=shared.label_in(given),
            fit=fit,
            pooled_only=given.pooled_only,
            expires_days=given.expires_days or None,
            about=given.about,
        )
    )


def _starter(given: argparse.Namespace) -> Outcome:
    if given.until is not None and given.out == SHIPPED:
        raise ConfigurationError("--until makes models for checks, not for shipping: name a folder by --out")
    return _trained(starter_settings(shared.candles_in(given), given.out, given.until))


def _trained(settings: TrainSettings) -> Outcome:
    """Train with a checkpoint beside the models, which goes when they are written."""
    unfinished = settings.out.with_name(f"{settings.out.name}.unfinished")
    manifest = train(replace(settings, checkpoint=unfinished), int(time.time()), time.monotonic, _say)
    shutil.rmtree(unfinished, ignore_errors=True)
    for line in summary(manifest, settings.out):
        _say(line)
    return Outcome.DONE


def _summary(given: argparse.Namespace) -> Outcome:
    path = given.models / MANIFEST
    if not path.is_file():
        raise ConfigurationError(f"no {MANIFEST} in {given.models}: name the folder of a training run")
    for line in summary(parse_manifest(path.read_bytes()), given.models):
        _say(line)
    return Outcome.DONE


def _publish(given: argparse.Namespace) -> Outcome:
    target = hub_target(given.repo)
    # What can be seen from here is looked at before the network is asked.
    publication(given.models)
    require_token()
    head = target.head()
    champion = serving_now(target, head, given.promote)
    with TemporaryDirectory() as folder:
        candles = shared.candles_in(given, _DOWNLOADED)
        decision = decide(given.models, champion, candles, GateRule(), Path(folder), int(time.time()))
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


def _say(line: str) -> None:
    print(line, flush=True)
