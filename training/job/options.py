"""The options of a training job, and which of them exclude each other."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from growfolio.errors import ConfigurationError

from training.release.gate import GateRule
from training.release.publish import HubTarget
from training.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class JobOptions:
    """Everything that the command line and the environment set."""

    train: TrainSettings
    days: int = 365
    target: HubTarget | None = None
    """The model repository; without one, new models are compared with class shares, and not published."""
    publish: bool = False
    parameter: str = ""
    """The SSM parameter that names the revision that serves now; empty for none."""
    promote: bool = False
    warm_start: str = ""
    """The revision to fine-tune: a commit hash, or `active` for the one that serves now."""
    folds: int = 1
    """Of the walk-forward report, before the last part; 0: no such report."""
    gate: GateRule = field(default_factory=GateRule)
    needs_gpu: bool = False
    """Whether to train nowhere but on a GPU."""

    def check(self) -> None:
        """Raise ConfigurationError for what cannot be done together."""
        if self.publish and self.target is None:
            raise ConfigurationError("--publish: set GROWFOLIO_MODEL_REPOSITORY to ORG/NAME")
        if self.warm_start and self.target is None:
            raise ConfigurationError("--warm-start: set GROWFOLIO_MODEL_REPOSITORY to ORG/NAME")
        if self.promote and not (self.publish and self.parameter):
            raise ConfigurationError("--promote: give --publish too, and set GROWFOLIO_REVISION_PARAMETER")

    def digest(self) -> str:
        """Return a text that is the same for the same job on any machine, whatever its folder there."""
        options = asdict(replace(self, train=replace(self.train, candles=(), out=Path(), checkpoint=None)))
        return json.dumps(options, sort_keys=True, default=str)
