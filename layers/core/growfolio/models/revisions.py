"""Which revision is to be served: one parameter, so that promoting and rolling back need no redeploy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast

from growfolio.errors import ModelError, PermanentModelError, TemporaryModelError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

MAX_AGE = 240
"""Seconds that a value is kept: shorter than the schedule, so that each refresh sees a promotion."""


class RevisionSource(Protocol):
    @property
    def name(self) -> str:
        """Where a person sets it, for messages."""

    def current(self) -> str:
        """The revision as it was set, not yet checked. Raises ModelError."""


@dataclass(frozen=True, slots=True)
class FixedRevision:
    """A revision set in the environment; it changes with a new process."""

    revision: str
    name: str = "GROWFOLIO_MODEL_REVISION"

    def current(self) -> str:
        return self.revision.strip()


class SsmParameter:
    """A value in an SSM parameter; a SecureString is decrypted."""

    def __init__(
        self,
        parameter: str,
        client: Callable[[], SSMClient] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """client is made when it is first needed."""
        self.name = f"the SSM parameter {parameter}"
        self._parameter = parameter
        self._make_client = client or ssm_client
        self._client: SSMClient | None = None
        self._clock = clock
        self._value = ""
        self._read_at = float("-inf")

    def current(self) -> str:
        if self._clock() - self._read_at >= MAX_AGE:
            self._value = self._read()
            self._read_at = self._clock()
        return self._value

    def _read(self) -> str:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client = self._client or self._make_client()
            answer = self._client.get_parameter(Name=self._parameter, WithDecryption=True)
        except (ClientError, BotoCoreError) as fault:
            raise self._explained(fault) from fault
        return answer["Parameter"]["Value"].strip()

    def _explained(self, fault: Exception) -> ModelError:
        from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

        code = fault.response["Error"]["Code"] if isinstance(fault, ClientError) else type(fault).__name__
        if code == "ParameterNotFound":
            return PermanentModelError(f"there is no SSM parameter {self._parameter}: create it")
        if code.startswith("AccessDenied"):
            return PermanentModelError(f"{self.name} may not be read: allow ssm:GetParameter, and its key")
        if isinstance(fault, NoCredentialsError | NoRegionError):
            return PermanentModelError(f"{self.name} cannot be read: set AWS credentials and region")
        return TemporaryModelError(f"{self.name} cannot be read now ({code})")


def ssm_client() -> SSMClient:
    """A client that answers or fails within seconds, because a refresh waits for it."""
    import botocore.session
    from botocore.config import Config

    patience = Config(
        connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3}
    )
    return cast("SSMClient", botocore.session.get_session().create_client("ssm", config=patience))
