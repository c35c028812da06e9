"""`make promote REVISION=…` and `make rollback`."""

import argparse

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from growfolio.errors import ParameterError
from growfolio.models.revisions import parameter_of, promote, rollback


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["promote", "rollback"])
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--revision", default="")
    given = parser.parse_args()
    parameter = parameter_of(given.stage)
    try:
        ssm = boto3.client("ssm")
        if given.step == "promote":
            before, after = promote(ssm, parameter, given.revision)
        else:
            before, after = rollback(ssm, parameter)
    except (ValueError, ParameterError, BotoCoreError, ClientError) as error:
        raise SystemExit(str(error)) from None
    print(f"{parameter}: {before} -> {after}; the next refresh serves it")


if __name__ == "__main__":
    main()
