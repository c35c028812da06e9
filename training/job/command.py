"""`python -m training job`: what the container runs, set by its arguments and its environment."""

import argparse
import os
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from growfolio.domain.times import utc_text
from growfolio.errors import ConfigurationError
from growfolio.settings import Settings

from training import arguments as shared
from training.data.sources import bucket_objects
from training.exit_codes import Outcome
from training.job.log import JobLog
from training.job.options import JobOptions
from training.job.run import TrainingJob
from training.release.gate import GateRule
from training.release.publish import hub_target
from training.settings import TrainSettings

_ABOUT = """What the container runs: download, check, train, evaluate, gate, publish, promote, report. Reads
GROWFOLIO_BUCKET (candle archive, checkpoints, reports), GROWFOLIO_MODEL_REPOSITORY,
GROWFOLIO_REVISION_PARAMETER, GROWFOLIO_SOURCE, GROWFOLIO_EXCHANGES, HF_TOKEN and AWS_BATCH_JOB_ID. Exit
codes: 0 done, 2 configuration, 3 bad data, 4 connection lost (try again), 5 no GPU though GROWFOLIO_NEEDS_GPU
is true, 143 interrupted with a checkpoint (start again)."""


def add_job(commands: shared.Commands) -> None:
    """Add the command, which sets `run`: it takes the arguments and gives the exit code (exit_codes.py)."""
    command = commands.add_parser("job", help="all of it, in a container", description=_ABOUT)
    shared.add_symbols(command)
    shared.add_timeframes(command)
    shared.add_network(command, shared.FIT.epochs)
    shared.add_batch_size(command)
    shared.add_inputs(command)
    command.add_argument("--publish", action="store_true", help="models that pass the gate")
    command.add_argument("--promote", action="store_true", help="what was published")
    command.add_argument("--warm-start", default="", metavar="REVISION", help="fine-tune it; or `active`")
    command.add_argument("--days", type=int, default=365, help="of history (default: %(default)s)")
    command.add_argument(
        "--until", metavar="UTC", help="candles up to this moment, e.g. 2025-09-25T00:00:00Z"
    )
    command.add_argument("--folds", type=int, default=1, help="of the walk-forward report; 0: none")
    command.add_argument("--pooled-only", action="store_true", help="no models of single assets")
    rule = GateRule()
    command.add_argument("--loss-margin", type=float, default=rule.loss_margin, help="the gate's, in nats")
    command.add_argument("--mcc-margin", type=float, default=rule.mcc_margin, help="the gate's")
    command.add_argument("--ece-allowance", type=float, default=rule.ece_allowance, help="the gate's")
    command.add_argument("--work", type=Path, default=Path("work"), metavar="DIR", help="default: work")
    command.add_argument("--run", dest="run_id", metavar="ID", help="default: AWS_BATCH_JOB_ID, or the time")
    command.set_defaults(run=run_job)


def run_job(given: argparse.Namespace) -> Outcome:
    """Run the job. Raises ConfigurationError for options that cannot be carried out."""
    settings = Settings.from_environment(os.environ)
    if not settings.bucket:
        raise ConfigurationError("set GROWFOLIO_BUCKET: checkpoints and reports are kept there")
    until = _moment(given.until) if given.until else int(time.time())
    started = utc_text(int(time.time())).replace(":", "")
    log = JobLog(sys.stdout, given.run_id or os.environ.get("AWS_BATCH_JOB_ID") or started)
    job = TrainingJob(
        _options(given, settings), settings, given.work, bucket_objects(settings.bucket), log, time.monotonic
    )
    return job.run(until)


def _options(given: argparse.Namespace, settings: Settings) -> JobOptions:
    train = TrainSettings(
        candles=(),
        out=Path(),
        assets=shared.assets_in(given),
        timeframes=tuple(given.timeframes),
        inputs=shared.inputs_in(given),
        fit=replace(shared.FIT, network=given.network, epochs=given.epochs, batch_size=given.batch_size),
        pooled_only=given.pooled_only,
        about="Downloaded from the product's own market sources and its candle archive.",
    )
    return JobOptions(
        train,
        given.days,
        hub_target(settings.model_repository) if settings.model_repository else None,
        given.publish,
        settings.revision_parameter,
        given.promote,
        given.warm_start,
        given.folds,
        GateRule(given.loss_margin, given.mcc_margin, ece_allowance=given.ece_allowance),
        needs_gpu=os.environ.get("GROWFOLIO_NEEDS_GPU") == "true",
    )


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--until {text!r}: write it as 2025-09-25T00:00:00Z") from None
    if moment.tzinfo is None:
        raise ConfigurationError(f"--until {text!r}: say that it is UTC, with a Z at the end")
    return int(moment.timestamp())
