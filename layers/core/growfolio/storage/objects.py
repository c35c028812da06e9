"""Where kept candles and the ledger lie: in S3, or in memory where there is no bucket."""

from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol, cast

from botocore.exceptions import ClientError

from growfolio.errors import ArchiveError, ObjectChanged

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LOST_RACES = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
"""What S3 calls a conditional write whose object was written, is being written, or was deleted meanwhile."""


@dataclass(frozen=True, slots=True)
class Tagged:
    """An object's bytes, and the tag (ETag) that tells this version from every other."""

    content: bytes
    tag: str


class ObjectStore(Protocol):
    """Bytes by key. Raises ArchiveError when out of reach."""

    def read(self, key: str) -> bytes | None:
        """None where there is no such object."""

    def read_tagged(self, key: str) -> Tagged | None:
        """As read, with the tag for replace."""

    def write(self, key: str, content: bytes) -> None:
        """Of two writers of one key the last one wins."""

    def replace(self, key: str, content: bytes, tag: str | None) -> str:
        """Write over the version with this tag, or anew where tag is None; gives the tag of what it wrote.

        Raises ObjectChanged where there is another version by now.
        """

    def keys(self, prefix: str) -> list[str]:
        """All keys that start with prefix, in order."""


class S3Objects:
    """Objects of a bucket. Whatever a request raises is an ArchiveError: candles are optional."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._client = client or _client()

    def read(self, key: str) -> bytes | None:
        tagged = self.read_tagged(key)
        return None if tagged is None else tagged.content

    def read_tagged(self, key: str) -> Tagged | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
            return Tagged(answer["Body"].read(), answer["ETag"])
        except self._client.exceptions.NoSuchKey:
            return None
        except Exception as fault:
            raise ArchiveError(f"s3://{self._bucket}/{key} cannot be read: {fault}") from fault

    def write(self, key: str, content: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
        except Exception as fault:
            raise ArchiveError(f"s3://{self._bucket}/{key} cannot be written: {fault}") from fault

    def replace(self, key: str, content: bytes, tag: str | None) -> str:
        put = partial(self._client.put_object, Bucket=self._bucket, Key=key, Body=content)
        try:
            return (put(IfNoneMatch="*") if tag is None else put(IfMatch=tag))["ETag"]
        except Exception as fault:
            kind = ObjectChanged if _code(fault) in LOST_RACES else ArchiveError
            raise kind(f"s3://{self._bucket}/{key} cannot be written: {fault}") from fault

    def keys(self, prefix: str) -> list[str]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        except Exception as fault:
            raise ArchiveError(f"s3://{self._bucket}/{prefix} cannot be listed: {fault}") from fault


class MemoryObjects:
    """Objects that are gone with the process; tagged by what they hold, as S3's are."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, key: str) -> bytes | None:
        return self._contents.get(key)

    def read_tagged(self, key: str) -> Tagged | None:
        content = self.read(key)
        return None if content is None else Tagged(content, sha256(content).hexdigest())

    def write(self, key: str, content: bytes) -> None:
        self._contents[key] = content

    def replace(self, key: str, content: bytes, tag: str | None) -> str:
        found = self.read_tagged(key)
        if (found.tag if found else None) != tag:
            raise ObjectChanged(f"{key} was written by another run")
        self.write(key, content)
        return sha256(content).hexdigest()

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self._contents if key.startswith(prefix))


def _code(fault: Exception) -> str:
    return str(fault.response.get("Error", {}).get("Code", "")) if isinstance(fault, ClientError) else ""


def _client() -> "S3Client":
    from botocore.config import Config

    from growfolio.aws.session import aws_client

    # Candles are a cache: a refresh waits for them a moment, not the default minute.
    patience = Config(
        connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"}
    )
    return cast("S3Client", aws_client("s3", patience))
