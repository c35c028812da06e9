"""Where in AWS a command acts: account, region and stage, resolved once and named before anything happens."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

import boto3
import botocore.session
from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound
from growfolio.errors import ConfigurationError

STAGE = r"[a-z][a-z0-9]{1,11}"
"""What template.yaml allows; it names everything in the account."""
REGION = r"[a-z]{2}(-[a-z]+)+-\d"
REGION_NAMES = ("AWS_REGION", "AWS_DEFAULT_REGION")
"""The AWS command line reads both, botocore only the second: programs that are started get both."""


@dataclass(frozen=True, slots=True)
class Place:
    """One stage of the product in one region of one account."""

    account: str
    region: str
    stage: str

    @property
    def stack(self) -> str:
        return f"growfolio-{self.stage}"

    @property
    def bucket(self) -> str:
        """The bucket that the stack makes unless ExistingBucket names another."""
        return f"{self.stack}-{self.account}-{self.region}"

    def __str__(self) -> str:
        return f"account {self.account}, region {self.region}, stage {self.stage}"


def resolve(stage: str, environ: Mapping[str, str] = os.environ) -> Place:
    """The place that a command acts on. Sets both names of the region for this process and what it starts.

    The region is AWS_REGION, else AWS_DEFAULT_REGION, else the profile's. Raises ConfigurationError
    where none is set, where the two names differ, where nobody is signed in, or for a stage's name that
    the template refuses.
    """
    if not re.fullmatch(STAGE, stage):
        raise ConfigurationError(f"STAGE={stage!r}: 2 to 12 lower-case letters and digits, e.g. dev or prod")
    region = region_of(environ)
    os.environ.update(dict.fromkeys(REGION_NAMES, region))
    try:
        account = boto3.client("sts", region_name=region).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as fault:
        raise ConfigurationError(f"not signed in to AWS ({fault}): run `aws configure sso`") from fault
    return Place(account, region, stage)


def region_of(environ: Mapping[str, str]) -> str:
    """Raises ConfigurationError; the message says what to set."""
    given = {name: environ[name] for name in REGION_NAMES if environ.get(name)}
    if len(set(given.values())) > 1:
        both = " and ".join(f"{name}={value}" for name, value in given.items())
        raise ConfigurationError(f"{both} differ: unset one of them")
    region = next(iter(given.values()), "") or _region_of_profile(environ)
    if not region:
        raise ConfigurationError("no region: export AWS_REGION=eu-central-1 (or the region of your choice)")
    if not re.fullmatch(REGION, region):
        raise ConfigurationError(f"{region!r} is no region of AWS: choose one such as eu-central-1")
    return region


def _region_of_profile(environ: Mapping[str, str]) -> str:
    try:
        session = botocore.session.Session(profile=environ.get("AWS_PROFILE") or None)
        return str(session.get_scoped_config().get("region", ""))
    except ProfileNotFound as fault:
        raise ConfigurationError(f"{fault}: run `aws configure sso`, or unset AWS_PROFILE") from fault
