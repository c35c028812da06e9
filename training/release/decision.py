"""Puts trained models before the gate; finds the champion; promotes a revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from growfolio.aws.parameters import SsmParameter
from growfolio.errors import ConfigurationError, ParameterError, TemporaryModelError
from growfolio.models.manifest import MANIFEST, Manifest, parse_manifest
from growfolio.models.revisions import ParameterValue
from growfolio.settings import STARTER

from training.fitting.champion import Champion, champion_of
from training.release.assembly import assemble
from training.release.gate import GateRule, Verdict
from training.release.gate_evidence import Contest
from training.release.publish import Head, HubTarget


@dataclass(frozen=True, slots=True)
class Decision:
    """What the gate decided, and the folder that waits to be published; on top of which commit."""

    folder: Path
    manifest: Manifest
    verdicts: Mapping[str, Verdict]

    @property
    def accepted(self) -> list[str]:
        return [model_id for model_id, verdict in self.verdicts.items() if verdict.accepted]

    def to_json(self) -> dict[str, object]:
        return {model_id: verdict.to_json() for model_id, verdict in self.verdicts.items()}


def decide(
    models: Path, champion: Champion | None, candles: tuple[Path, ...], rule: GateRule, out: Path, now: int
) -> Decision:
    """Judge a folder's models, and write to out what is to be published. Raises ModelError."""
    new = parse_manifest((models / MANIFEST).read_bytes())
    verdicts = Contest(models, new, champion, candles, rule).verdicts()
    manifest = assemble(models, new, champion, verdicts, out, now)
    return Decision(out, manifest, verdicts)


def serving_now(target: HubTarget, head: Head, parameter: str) -> Champion | None:
    """Return the models of the promoted revision, or of the newest commit where there is no parameter."""
    if parameter:
        revision = ParameterValue(SsmParameter(parameter), absent=STARTER).current()
        return champion_of(target.repository, revision, target.endpoint)
    if MANIFEST not in head.files:
        return None
    return champion_of(target.repository, head.commit, target.endpoint)


def promote(parameter: str, revision: str) -> str:
    """Let the SSM parameter name the revision; gives the one before. Raises GrowfolioError."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError
    from growfolio.models.revisions import promote as set_revision

    try:
        before, _ = set_revision(boto3.client("ssm"), parameter, revision)
    except (ValueError, ClientError) as fault:
        raise ConfigurationError(f"{revision} is published but not promoted: {fault}") from fault
    except (BotoCoreError, ParameterError) as fault:
        raise TemporaryModelError(f"{revision} is published but not promoted: {fault}") from fault
    return before
