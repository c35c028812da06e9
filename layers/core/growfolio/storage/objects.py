"""Where kept candles lie: in S3."""

from typing import TYPE_CHECKING, Protocol

from growfolio.errors import ArchiveError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class ObjectStore(Protocol):
    """Bytes by key. Of two writers of one key the last one wins. Raises ArchiveError when out of reach."""

    def read(self, key: str) -> bytes | None:
        """None where there is no such object."""

    def write(self, key: str, content: bytes) -> None: ...

    def keys(self, prefix: str) -> list[str]:
        """All keys that start with prefix, in order."""


class S3Objects:
    """Objects of a bucket. Whatever a request raises is an ArchiveError: candles are optional."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._client = client or _client()

    def read(self, key: str) -> bytes | None:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        except Exception as fault:
            raise ArchiveError(f"s3://{self._bucket}/{key} cannot be read: {fault}") from fault

    def write(self, key: str, content: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
        except Exception as fault:
            raise ArchiveError(f"s3://{self._bucket}/{key} cannot be written: {fault}") from fault

    def keys(self, prefix: str) -> list[str]:
        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        except Exception as fault:
            raise ArchiveError(f"s3://{self._bucket}/{prefix} cannot be listed: {fault}") from fault


def _client() -> "S3Client":
    import boto3
    from botocore.config import Config

    # Candles are a cache: a refresh waits for them a moment, not the default minute.
    patience = Config(
        connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"}
    )
    return boto3.client("s3", config=patience)
