"""The client through which the table is reached, and what its errors mean.

Region, credentials and endpoint (AWS_ENDPOINT_URL_DYNAMODB) come from the environment, as in Lambda.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as LostConnection

from growfolio.aws.session import aws_client
from growfolio.errors import PermanentStoreError, TemporaryStoreError
from growfolio.limits import Deadline

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PATIENCE = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
)
"""Throttling, 5xx and lost connections are tried four times, with growing random waits between."""
RETRY_SECONDS = 7.0
"""What one more try takes at most: the longest pause before it, of 4 s, to connect and to read."""
READER_PATIENCE = PATIENCE.merge(
    Config(read_timeout=1.5, retries={"mode": "standard", "total_max_attempts": 2})
)
"""For who has an answer at hand that was read before: a table that is silent takes 4 s, not 12."""

_TEMPORARY = {
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "ServiceUnavailable",
    "ThrottlingException",
}


def dynamodb_client(patience: Config = PATIENCE) -> DynamoDBClient:
    """A low-level client; making one takes 50 ms, so a function makes it once. Threads may share it."""
    return cast("DynamoDBClient", aws_client("dynamodb", patience))


@contextmanager
def retrying_until(client: DynamoDBClient, deadline: Deadline) -> Iterator[None]:
    """Within the block, no request of the client is tried again that could then outlast the deadline."""

    def forbid(**_: object) -> bool | None:
        return False if deadline.left() < RETRY_SECONDS else None

    # botocore asks all handlers whether to try again, and the first that has an opinion decides.
    events: Any = client.meta.events
    events.register_first("needs-retry.dynamodb", forbid)
    try:
        yield
    finally:
        events.unregister("needs-retry.dynamodb", forbid)


@contextmanager
def store_errors(doing: str) -> Iterator[None]:
    """Turn the client's errors into TemporaryStoreError and PermanentStoreError that say what failed."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        temporary = code in _TEMPORARY or error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500
        kind = TemporaryStoreError if temporary else PermanentStoreError
        raise kind(f"{doing}: {code}: {error.response['Error'].get('Message', '')[:200]}") from error
    except (HTTPClientError, LostConnection) as error:
        raise TemporaryStoreError(f"{doing}: {str(error)[:200]}") from error
    except BotoCoreError as error:
        raise PermanentStoreError(f"{doing}: {str(error)[:200]}") from error
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        # botocore parses an answer whose connection closed early as an empty one.
        raise TemporaryStoreError(f"{doing}: the answer was cut short ({type(error).__name__})") from error
