"""Where kept candles lie: in memory, in a folder, in S3."""

from pathlib import Path
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


class MemoryObjects:
    """Gone with the process."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def read(self, key: str) -> bytes | None:
        return self._contents.get(key)

    def write(self, key: str, content: bytes) -> None:
        self._contents[key] = content

    def keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self._contents if key.startswith(prefix))


class FolderObjects:
    """One file an object, for one machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> bytes | None:
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as fault:
            raise ArchiveError(f"{key} cannot be read: {fault}") from fault

    def write(self, key: str, content: bytes) -> None:
        path = self._folder / key
        unfinished = path.with_name(path.name + ".unfinished")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_bytes(content)
            unfinished.replace(path)
        except OSError as fault:
            raise ArchiveError(f"{key} cannot be written: {fault}") from fault

    def keys(self, prefix: str) -> list[str]:
        files = (path for path in self._folder.rglob("*") if path.is_file() and path.suffix != ".unfinished")
        names = (path.relative_to(self._folder).as_posix() for path in files)
        return sorted(name for name in names if name.startswith(prefix))


class S3Objects:
    """Objects of a bucket."""

    def __init__(self, bucket: str, client: "S3Client | None" = None) -> None:
        self._bucket = bucket
        self._client = client or _client()

    def read(self, key: str) -> bytes | None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except self._client.exceptions.NoSuchKey:
            return None
        except (BotoCoreError, ClientError) as fault:
            raise ArchiveError(f"s3://{self._bucket}/{key} cannot be read: {fault}") from fault

    def write(self, key: str, content: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
        except (BotoCoreError, ClientError) as fault:
            raise ArchiveError(f"s3://{self._bucket}/{key} cannot be written: {fault}") from fault

    def keys(self, prefix: str) -> list[str]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        except (BotoCoreError, ClientError) as fault:
            raise ArchiveError(f"s3://{self._bucket}/{prefix} cannot be listed: {fault}") from fault


def _client() -> "S3Client":
    import boto3
    from botocore.config import Config

    # Candles are a cache: a refresh waits for them a moment, not the default minute.
    patience = Config(
        connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2, "mode": "standard"}
    )
    return boto3.client("s3", config=patience)
