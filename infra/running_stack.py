"""A stage's stack as CloudFormation describes it."""

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from growfolio.errors import ConfigurationError

from infra.place import Place


def description(place: Place) -> Any:
    """What describe-stacks says of it; None where there is none. Raises ConfigurationError."""
    try:
        client = boto3.client("cloudformation", region_name=place.region)
        return client.describe_stacks(StackName=place.stack)["Stacks"][0]
    except ClientError as fault:
        if "does not exist" in str(fault):
            return None
        raise ConfigurationError(f"{place.stack} cannot be read: {fault}") from fault
    except BotoCoreError as fault:
        raise ConfigurationError(f"{place.stack} cannot be read: {fault}") from fault


def parameters(stack: Mapping[str, Any]) -> dict[str, str]:
    return {p["ParameterKey"]: p["ParameterValue"] for p in stack.get("Parameters", [])}


def outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {o["OutputKey"]: o["OutputValue"] for o in stack.get("Outputs", [])}
