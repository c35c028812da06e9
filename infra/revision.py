"""`make promote REVISION=…` and `make rollback`: models into the stack's bucket, then the served revision."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from growfolio.aws.parameters import SsmParameter
from growfolio.errors import ArchiveError, ConfigurationError, ModelError, ParameterError
from growfolio.models.hub import HubRepository
from growfolio.models.mirror import mirror
from growfolio.models.repository import Patience
from growfolio.models.revisions import FixedRevision, ParameterValue, parameter_of, promote, rollback
from growfolio.settings import STARTER
from growfolio.storage.objects import S3Objects

from infra.place import Place, resolve
from infra.running_stack import description, outputs, parameters

PATIENCE = Patience(request=30.0, deadline=300.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["promote", "rollback"])
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--revision", default="")
    given = parser.parse_args()
    try:
        place = resolve(given.stage)
        print(f"{given.step} in {place}", flush=True)
        ssm, parameter = boto3.client("ssm", region_name=place.region), parameter_of(place.stage)
        if given.step == "promote":
            before, after = promote(
                ssm, parameter, given.revision, lambda: print(mirrored(place, given.revision))
            )
        else:
            before, after = rollback(ssm, parameter)
            _mirror_if_possible(place, after)
    except (
        *(ConfigurationError, ParameterError, ModelError, ArchiveError),
        *(ValueError, BotoCoreError, ClientError),
    ) as error:
        print(f"{given.step}: {error}", file=sys.stderr)
        return 2
    print(f"{parameter}: {before} -> {after}; the next refresh serves it")
    return 0


def mirrored(place: Place, revision: str, hub_url: str | None = None) -> str:
    """Copy a revision from the Hub to the stack's bucket, verified; gives what was done, in words.

    Asks the Hub for nothing that the bucket holds. Raises ConfigurationError, ModelError and ArchiveError.
    """
    if revision == STARTER:
        return f"{STARTER} is shipped with the code: nothing is copied"
    stack = description(place)
    if stack is None:
        raise ConfigurationError(f"there is no stack {place.stack} in {place}: make deploy makes it")
    given, bucket = parameters(stack), outputs(stack).get("Bucket", "")
    if not given.get("ModelRepository") or not bucket:
        raise ConfigurationError(
            f"{place.stack} reads no model repository: set ModelRepository in growfolio.toml and deploy"
        )
    with TemporaryDirectory() as cache:
        origin = HubRepository(
            given["ModelRepository"],
            FixedRevision(revision, "REVISION"),
            Path(cache),
            _token(given.get("HubTokenParameter", "")),
            hub_url,
            PATIENCE,
        )
        written = mirror(origin, revision, S3Objects(bucket))
    return f"{revision}: {written} files copied to s3://{bucket}/models, all of it read back and verified"


def _mirror_if_possible(place: Place, revision: str) -> None:
    """A roll-back must not wait for the Hub: functions ask it for what the bucket lacks."""
    try:
        print(mirrored(place, revision))
    except (ConfigurationError, ModelError, ArchiveError) as fault:
        print(f"rollback: not copied to the bucket: {fault}", file=sys.stderr)


def _token(parameter: str) -> Callable[[], str]:
    """The stack's token that may read; without one, the owner's own, if there is any."""
    if parameter:
        return ParameterValue(SsmParameter(parameter)).current
    from huggingface_hub import get_token

    return lambda: get_token() or ""


if __name__ == "__main__":
    sys.exit(main())
