"""Build a stage and deploy it, after saying where to: `make deploy`."""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from growfolio.errors import ConfigurationError
from growfolio.models.revisions import parameter_of

from infra.local.checks import Providers
from infra.owner_settings import ROOT, list_of_assets, parameter_overrides
from infra.place import Place, resolve
from infra.probe import probe_from_aws, refuse_bad_keys
from infra.running_stack import description, parameters
from infra.template import load

FAILED_FIRST_DEPLOY = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
"""States that a stack can only leave by being deleted."""
PRODUCTION = "prod"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", required=True)
    parser.add_argument("--architecture", required=True, choices=["arm64", "x86_64"])
    parser.add_argument("--sam", required=True, help="the SAM command line")
    parser.add_argument("--build-dir", required=True)
    parser.add_argument("--change-architecture", action="store_true")
    parser.add_argument("--without-probe", action="store_true", help="ask no provider before the build")
    given = parser.parse_args()
    try:
        place = resolve(given.stage)
        print(f"deploying to {place}", flush=True)
        overrides = parameter_overrides(place.stage) | {
            "Stage": place.stage,
            "Architecture": given.architecture,
        }
        refuse_what_would_fail(place, overrides, change_architecture=given.change_architecture)
        refuse_missing_machines(place, overrides)
        if not given.without_probe:
            refuse_bad_keys(overrides, Providers(lambda: int(time.time())))
        _run(["make", "build", f"ARCH={given.architecture}"], os.environ | list_of_assets())
        overrides["Release"] = release(Path(given.build_dir), overrides)
        keep_served_revision(place)
        _run(deploy_command(given.sam, given.build_dir, place, overrides), os.environ)
        probe_from_aws(place)
        return 0
    except ConfigurationError as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 2


def refuse_what_would_fail(place: Place, overrides: Mapping[str, str], *, change_architecture: bool) -> None:
    """Raises ConfigurationError for a deploy that would fail late, or replace what it must not."""
    stack = description(place)
    if stack is None:
        if _bucket_exists(place) and not overrides.get("ExistingBucket"):
            raise ConfigurationError(
                f"the bucket {place.bucket} is left from an earlier stack: keep it with "
                f"ExistingBucket={place.bucket} in your settings, or delete it"
            )
        return
    status = stack["StackStatus"]
    if status in FAILED_FIRST_DEPLOY:
        raise ConfigurationError(
            f"{place.stack} is {status}: `aws cloudformation delete-stack --stack-name {place.stack}`, "
            "then deploy again"
        )
    if status.endswith("_IN_PROGRESS"):
        raise ConfigurationError(f"{place.stack} is {status}: wait until that has ended")
    architecture = parameters(stack).get("Architecture", overrides["Architecture"])
    if architecture != overrides["Architecture"] and not change_architecture:
        raise ConfigurationError(
            f"{place.stack} runs on {architecture}: make deploy ARCH={architecture}, "
            "or CHANGE_ARCH=1 to replace every function and layer"
        )


def refuse_missing_machines(place: Place, overrides: Mapping[str, str]) -> None:
    """Raises ConfigurationError for machines that the region lacks: one of them would roll back the stack."""
    if overrides.get("WithTraining", "false") != "true":
        return
    default = load(ROOT / "template.yaml").body["Parameters"]["TrainingInstanceTypes"]["Default"]
    asked = overrides.get("TrainingInstanceTypes", default).split(",")
    ec2 = boto3.client("ec2", region_name=place.region)
    try:
        answer = ec2.describe_instance_type_offerings(Filters=[{"Name": "instance-type", "Values": asked}])
    except (BotoCoreError, ClientError) as fault:
        raise ConfigurationError(f"the machines of {place.region} cannot be listed: {fault}") from fault
    missing = set(asked) - {offer["InstanceType"] for offer in answer["InstanceTypeOfferings"]}
    if missing:
        raise ConfigurationError(
            f"{place.region} has no {' and no '.join(sorted(missing))}: name machines with one GPU and four "
            "vCPU that it has in TrainingInstanceTypes"
        )


def keep_served_revision(place: Place) -> None:
    """Copies the served revision from the parameter that earlier versions of the template owned.

    Their successor is no part of the stack, so that no deploy can reset it; CloudFormation removes the
    old one at the end of the update.
    """
    ssm = boto3.client("ssm", region_name=place.region)
    names = [f"/growfolio/{place.stage}/model-revision", parameter_of(place.stage)]
    found = {p["Name"]: p["Value"] for p in ssm.get_parameters(Names=names)["Parameters"]}
    old, new = names
    if old in found and new not in found:
        ssm.put_parameter(Name=new, Value=found[old], Type="String")
        print(f"the served revision {found[old]} is kept in {new}", flush=True)


def release(build: Path, overrides: Mapping[str, str]) -> str:
    """A digest of the API's function and layers as they were built, and of all parameters."""
    digest = sha256(repr(sorted(overrides.items())).encode())
    for folder in ("ApiFunction", "CoreLayer", "WebLayer"):
        for path in sorted((build / folder).rglob("*")):
            if path.is_file():
                digest.update(str(path.relative_to(build)).encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def deploy_command(sam: str, build: str, place: Place, overrides: Mapping[str, str]) -> list[str]:
    """What is asked of SAM. A stage has a stack of its own name, so that none overwrites another."""
    return [
        *[sam, "deploy", "--template-file", f"{build}/template.yaml"],
        *["--stack-name", place.stack, "--region", place.region, "--resolve-s3"],
        *["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "--confirm-changeset" if place.stage == PRODUCTION else "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        *["--tags", "product=growfolio", f"stage={place.stage}"],
        *["--parameter-overrides", *(f"{name}={value}" for name, value in sorted(overrides.items()))],
    ]


def _bucket_exists(place: Place) -> bool:
    try:
        boto3.client("s3", region_name=place.region).head_bucket(Bucket=place.bucket)
    except ClientError:
        return False
    return True


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    """Raises ConfigurationError where the command fails: what comes after must not happen."""
    ended = subprocess.run(command, env=dict(environment), check=False).returncode
    if ended:
        raise ConfigurationError(f"`{' '.join(command[:2])}` ended with {ended}; see above")
    return ended


if __name__ == "__main__":
    sys.exit(main())
