"""Which revision is to be served: one parameter, so that promoting and rolling back need no redeploy."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from growfolio.errors import ModelError, PermanentModelError, TemporaryModelError

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.parameters import SSMProvider

MAX_AGE = 240
"""Seconds that a parameter's value is kept: shorter than the schedule, so every refresh sees a promotion."""


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
    """A value in an SSM parameter; with secret=True, a SecureString."""

    def __init__(
        self, parameter: str, *, secret: bool = False, provider: "Callable[[], SSMProvider] | None" = None
    ) -> None:
        self.name = f"the SSM parameter {parameter}"
        self._parameter = parameter
        self._secret = secret
        self._make_provider = provider or ssm_provider
        self._provider: SSMProvider | None = None

    def current(self) -> str:
        from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
        from botocore.exceptions import BotoCoreError

        try:
            self._provider = self._provider or self._make_provider()
            value = self._provider.get(self._parameter, max_age=MAX_AGE, decrypt=self._secret)
        except (GetParameterError, BotoCoreError) as fault:
            raise self._explained(fault) from fault
        return str(value).strip()

    def _explained(self, fault: Exception) -> ModelError:
        from botocore.exceptions import ClientError, NoCredentialsError, NoRegionError

        cause = fault.__cause__ or fault
        code = cause.response["Error"]["Code"] if isinstance(cause, ClientError) else type(cause).__name__
        if code == "ParameterNotFound":
            return PermanentModelError(f"there is no SSM parameter {self._parameter}: create it")
        if code.startswith("AccessDenied"):
            return PermanentModelError(f"{self.name} cannot be read ({code}): allow ssm:GetParameter on it")
        if isinstance(cause, NoCredentialsError | NoRegionError):
            return PermanentModelError(f"{self.name} cannot be read ({code}): set AWS credentials and region")
        return TemporaryModelError(f"{self.name} cannot be read now ({code})")


def ssm_provider() -> "SSMProvider":
    """A provider that answers or fails within seconds: a refresh waits for it."""
    from aws_lambda_powertools.utilities.parameters import SSMProvider
    from botocore.config import Config

    patience = Config(
        connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2, "mode": "standard"}
    )
    return SSMProvider(boto_config=patience)
