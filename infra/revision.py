"""`make promote REVISION=…` and `make rollback`."""

import argparse
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from growfolio.errors import ConfigurationError, ParameterError
from growfolio.models.revisions import parameter_of, promote, rollback

from infra.place import resolve


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
            before, after = promote(ssm, parameter, given.revision)
        else:
            before, after = rollback(ssm, parameter)
    except (ConfigurationError, ParameterError, ValueError, BotoCoreError, ClientError) as error:
        print(f"{given.step}: {error}", file=sys.stderr)
        return 2
    print(f"{parameter}: {before} -> {after}; the next refresh serves it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
