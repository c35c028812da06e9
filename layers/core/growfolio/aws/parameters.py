"""Values in the SSM parameter store: keys, tokens and the revision to serve."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from growfolio.errors import (
    MissingParameter,
    ParameterError,
    PermanentParameterError,
    TemporaryParameterError,
)

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

MAX_AGE = 240
"""Seconds that a value is cached: shorter than the schedule, so that each refresh sees a new value."""


class SsmParameter:
    """One SSM parameter, read when it is needed; a SecureString is decrypted."""

    def __init__(
        self,
        parameter: str,
        client: Callable[[], SSMClient] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """client is called at the first read."""
        self.name = f"the SSM parameter {parameter}"
        self._parameter = parameter
        self._make_client = client or ssm_client
        self._client: SSMClient | None = None
        self._clock = clock
        self._value = ""
        self._read_at = float("-inf")

    def current(self) -> str:
        """The value, at most MAX_AGE seconds old. Raises ParameterError."""
        if self._clock() - self._read_at >= MAX_AGE:
            self._value = self._read()
            self._read_at = self._clock()
        return self._value

    def _read(self) -> str:
        try:
            self._client = self._client or self._make_client()
            answer = self._client.get_parameter(Name=self._parameter, WithDecryption=True)
        except Exception as fault:  # a body that is `null` or a list is an AttributeError of botocore's
            raise self._explained(fault) from fault
        return value_of(answer, self._parameter).strip()

    def _explained(self, fault: Exception) -> ParameterError:
        from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

        code = fault.response["Error"]["Code"] if isinstance(fault, ClientError) else type(fault).__name__
        if code == "ParameterNotFound":
            return MissingParameter(f"there is no SSM parameter {self._parameter}: create it")
        if code.startswith("AccessDenied"):
            return PermanentParameterError(
                f"{self.name} may not be read: allow ssm:GetParameter, and its key"
            )
        if isinstance(fault, NoCredentialsError | NoRegionError):
            return PermanentParameterError(f"{self.name} cannot be read: set AWS credentials and region")
        return TemporaryParameterError(f"{self.name} cannot be read now ({code})")


def value_of(answer: Mapping[str, Any], parameter: str) -> str:
    """The value in SSM's answer. Raises TemporaryParameterError for an answer without one.

    botocore parses an answer whose connection closed early as an empty one.
    """
    try:
        return str(answer["Parameter"]["Value"])
    except (KeyError, TypeError):
        raise TemporaryParameterError(
            f"the SSM parameter {parameter} cannot be read now (the answer was cut short)"
        ) from None


def ssm_client() -> SSMClient:
    """A client that answers or fails within seconds, because a refresh waits for it."""
    from botocore.config import Config

    from growfolio.aws.session import aws_client

    patience = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return cast("SSMClient", aws_client("ssm", patience))
