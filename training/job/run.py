"""A training job in a container: from candles to a promoted revision and a report in the bucket.

Each stage leaves its work in one folder, which is kept in the bucket: a machine that is taken away (spot)
gets SIGTERM, sends what has changed, and the next one goes on with the same candles.
"""

import json
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

import torch
from growfolio.errors import ArchiveError, ConfigurationError, GrowfolioError, MissingGpu
from growfolio.models.manifest import MANIFEST
from growfolio.models.mirror import mirror
from growfolio.settings import Settings
from growfolio.storage.objects import ObjectStore
from growfolio.training_jobs.request import ACTIVE

from training.data.candle_history import HistoryRequest, checked_history, refuse_faults, update_history
from training.evaluation.run import EvaluationSettings, evaluate
from training.exit_codes import Outcome, outcome_of
from training.fitting.champion import champion_of, hub_at
from training.fitting.warm_start import WarmStart
from training.job.checkpoint import JobCheckpoint, JobState
from training.job.log import JobLog
from training.job.options import JobOptions
from training.release.card import CARD
from training.release.decision import decide, promote, serving_now
from training.train import train

SAVE_EVERY = 60.0
"""Seconds of work that are lost at most where a machine goes without a word."""


class Terminated(BaseException):
    """The machine is being taken away. No fault, so that nothing that handles faults catches it."""


class TrainingJob:
    """One job on one machine."""

    def __init__(
        self,
        options: JobOptions,
        settings: Settings,
        folder: Path,
        objects: ObjectStore,
        log: JobLog,
        clock: Callable[[], float],
    ) -> None:
        """objects are the artifact bucket's; clock counts seconds."""
        self._options, self._settings, self._folder = options, settings, folder
        self._objects, self._log, self._clock = objects, log, clock
        self._checkpoint = JobCheckpoint(folder, objects, f"checkpoints/{log.run}/")
        self._state = JobState(options.digest(), 0)
        self._saved_at, self._begun = clock(), False
        self._candles = folder / "candles"
        self._train = replace(
            options.train, candles=(self._candles,), out=folder / "models", checkpoint=folder / "checkpoint"
        )

    def run(self, now: int) -> Outcome:
        """Run every stage that is not done yet; candles end at now, or at an earlier attempt's now."""
        with _terminated_by_signal():
            try:
                self._begin(now)
                for name, stage in self._stages().items():
                    self._do(name, stage)
                return self._end(Outcome.DONE, "done")
            except Terminated:
                return self._interrupted()
            except GrowfolioError as fault:
                return self._failed(outcome_of(fault), str(fault))
            except Exception as fault:  # noqa: BLE001  (the log must say what ended the job)
                return self._failed(
                    Outcome.FAILED, f"{type(fault).__name__}: {fault}", traceback.format_exc()
                )

    def _begin(self, now: int) -> None:
        self._options.check()
        if self._options.needs_gpu and not torch.cuda.is_available():
            raise MissingGpu(
                f"torch {torch.__version__} finds no CUDA on this machine: compare its driver with the CUDA "
                "of the image, or take other TrainingInstanceTypes"
            )
        state = self._checkpoint.restore(self._state.options)
        self._state = state or JobState(self._state.options, now)
        self._begun = True
        self._log.info("goes on" if state else "begins", done=self._state.done, candles_until=self._state.now)

    def _stages(self) -> dict[str, Callable[[], dict[str, object]]]:
        stages = {
            "download": self._download,
            "check": self._check,
            "train": self._fit,
            "evaluate": self._evaluate,
            "gate": self._judge,
            "publish": self._publish,
            "promote": self._promote,
            "report": self._report,
        }
        options = self._options
        asked = {"evaluate": options.folds > 0, "publish": options.publish, "promote": options.promote}
        return {name: stage for name, stage in stages.items() if asked.get(name, True)}

    def _do(self, name: str, stage: Callable[[], dict[str, object]]) -> None:
        self._log.stage = name
        if name in self._state.done:
            self._log.info("done by an earlier attempt")
            return
        began = self._clock()
        facts = stage()
        self._state.done.append(name)
        self._checkpoint.save(self._state)
        self._log.info("done", seconds=round(self._clock() - began, 1), **facts)

    def _download(self) -> dict[str, object]:
        update_history(self._history, self._settings, self._state.now, self._clock, self._say)
        return {}

    def _check(self) -> dict[str, object]:
        report = checked_history(self._history)
        self._write("data.json", report.to_json())
        refuse_faults(report)
        return {"assets": len(report.assets), "bars": sum(asset.bars for asset in report.assets)}

    def _fit(self) -> dict[str, object]:
        warm = self._warm_start()
        settings = replace(self._train, warm=warm)
        if warm is not None and (inputs := warm.inputs()):
            # Their weights belong to their inputs, whatever a new model would see.
            settings = replace(settings, inputs=inputs)
        manifest = train(settings, self._state.now, self._clock, self._say)
        return {"models": {model.id: model.metrics.get("test") for model in manifest.models.values()}}

    def _evaluate(self) -> dict[str, object]:
        """The walk-forward report. It informs and decides nothing: with too few candles the job goes on."""
        settings = EvaluationSettings(self._train).quick()
        settings = replace(settings, train=self._train, folds=self._options.folds)
        try:
            evaluate(settings, self._folder / "report", self._state.now, self._clock, self._say)
        except ConfigurationError as reason:
            return {"why": f"no walk-forward report: {reason}"}
        return {}

    def _warm_start(self) -> WarmStart | None:
        """The published models, the same ones on every machine that works on the job."""
        target, revision = self._options.target, self._state.warm_start or self._options.warm_start
        if target is None or not revision:
            return None
        if revision == ACTIVE:
            champion = serving_now(target, target.head(), self._options.parameter)
        else:
            champion = champion_of(target.repository, revision, target.endpoint)
        if champion is None:
            raise ConfigurationError(f"--warm-start {ACTIVE}: {target.repository} holds no models yet")
        self._state.warm_start = champion.revision
        return WarmStart(champion)

    def _judge(self) -> dict[str, object]:
        target, champion = self._options.target, None
        if target is not None:
            champion = serving_now(target, target.head(), self._options.parameter)
        models, release = self._train.out, self._folder / "release"
        decision = decide(models, champion, self._train.candles, self._options.gate, release, self._state.now)
        self._state.accepted = decision.accepted
        self._state.champion = champion.revision if champion else ""
        self._write("gate.json", decision.to_json())
        return {"accepted": decision.accepted, "verdicts": decision.to_json()}

    def _publish(self) -> dict[str, object]:
        if not self._state.accepted or self._options.target is None:
            return {"revision": None, "why": "no new model passed the gate"}
        message = f"{len(self._state.accepted)} new models: {', '.join(self._state.accepted)}"
        target = self._options.target
        self._state.revision = target.publish(self._folder / "release", message, target.head())
        return {"revision": self._state.revision}

    def _promote(self) -> dict[str, object]:
        if not self._state.revision:
            return {"revision": None, "why": "nothing was published"}
        return {
            "mirrored": self._mirror(),
            "before": promote(self._options.parameter, self._state.revision),
        }

    def _mirror(self) -> int:
        """Copy what was published to the bucket, where functions load it from; how many files."""
        target, revision = self._options.target, self._state.revision
        if target is None:
            return 0
        with TemporaryDirectory() as cache:
            origin = hub_at(target.repository, revision, Path(cache), target.endpoint)
            return mirror(origin, revision, self._objects)

    def _report(self) -> dict[str, object]:
        for name in (CARD, MANIFEST):
            (self._folder / "report" / name).write_bytes((self._folder / "release" / name).read_bytes())
        self._write("job.json", self._summary("done"))
        return {"report": self._send_report()}

    def _say(self, line: str) -> None:
        self._log.info(line)
        if self._clock() - self._saved_at >= SAVE_EVERY:
            self._checkpoint.save(self._state)
            self._saved_at = self._clock()

    @property
    def _history(self) -> HistoryRequest:
        return HistoryRequest(self._candles, self._train.assets, self._options.days)

    def _summary(self, how: str) -> dict[str, object]:
        return asdict(self._state) | {"ended": how}

    def _write(self, name: str, content: dict[str, object]) -> None:
        (self._folder / "report").mkdir(parents=True, exist_ok=True)
        (self._folder / "report" / name).write_text(json.dumps(content, indent=1) + "\n")

    def _send_report(self) -> str:
        prefix = f"reports/{self._log.run}/"
        for path in sorted((self._folder / "report").iterdir()):
            self._objects.write(prefix + path.name, path.read_bytes())
        return prefix

    def _interrupted(self) -> Outcome:
        try:
            self._checkpoint.save(self._state)
        except ArchiveError as fault:
            return self._failed(Outcome.CONNECTION, f"SIGTERM, and the checkpoint cannot be written: {fault}")
        return self._end(Outcome.INTERRUPTED, "SIGTERM; started again, the job goes on from here")

    def _failed(self, outcome: Outcome, why: str, trace: str = "") -> Outcome:
        """A run that ends badly leaves its report too, if the bucket is in reach."""
        self._write("job.json", self._summary(why))
        with suppress(ArchiveError):
            # A state that was never read must not take the place of the one in the bucket.
            if self._begun:
                self._checkpoint.save(self._state)
            self._send_report()
        self._log.error(why, outcome=outcome.name, code=int(outcome), **({"trace": trace} if trace else {}))
        return outcome

    def _end(self, outcome: Outcome, message: str) -> Outcome:
        self._log.info(message, outcome=outcome.name, code=int(outcome))
        return outcome


@contextmanager
def _terminated_by_signal() -> Iterator[None]:
    """SIGTERM raises Terminated, once: what follows it may take its time."""

    def end(_signum: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
