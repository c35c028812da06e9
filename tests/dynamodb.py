"""DynamoDB engines for tests: moto in this process, and Amazon's own DynamoDB Local.

moto accepts what the real engine refuses, so what touches the table is tested on both.
"""

import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from growfolio.storage.attributes import Item
from growfolio.storage.client import PATIENCE
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.items import key

from infra.local.embedded_aws import embedded_aws
from infra.local.table import create_table
from tests.patience import HANG

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOCAL_JAR = Path(__file__).parents[1] / ".cache" / "dynamodb-local" / "DynamoDBLocal.jar"

moto_server = embedded_aws


@dataclass(frozen=True, slots=True)
class FreshTable:
    """An empty table of its own."""

    name: str
    endpoint: str
    client: "DynamoDBClient"

    @property
    def store(self) -> DynamoStore:
        return DynamoStore(self.name, self.client)

    def put(self, item: Item) -> None:
        """Put an item past the store, such as one that is damaged."""
        self.client.put_item(TableName=self.name, Item=item)

    def item(self, partition: str, sort: str) -> Item:
        return self.client.get_item(TableName=self.name, Key=key(partition, sort))["Item"]

    def delete(self, partition: str, sort: str) -> None:
        self.client.delete_item(TableName=self.name, Key=key(partition, sort))

    def clear(self) -> None:
        for item in self.client.scan(TableName=self.name)["Items"]:
            self.delete(item["pk"]["S"], item["sk"]["S"])

    @contextmanager
    def requests(self) -> Iterator[list[str]]:
        """The operations that the client sends while the block runs, in order, retries included."""
        sent: list[str] = []

        def note(event_name: str, **_: object) -> None:
            sent.append(event_name.rpartition(".")[2])

        self.client.meta.events.register("before-send.dynamodb", note)
        try:
            yield sent
        finally:
            self.client.meta.events.unregister("before-send.dynamodb", note)


PATIENT = PATIENCE.merge(Config(connect_timeout=HANG, read_timeout=HANG))
"""Tries again as the product does, but never because a busy machine was slow to answer."""


@cache
def client_of(endpoint: str, config: Config = PATIENT) -> "DynamoDBClient":
    """The client that the product uses, at another address."""
    client = botocore.session.get_session().create_client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url=endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    return cast("DynamoDBClient", client)


@contextmanager
def answering(client: "DynamoDBClient", status: int, content: bytes) -> Iterator[None]:
    """Whatever the client asks is answered with this, as far as it can see."""

    def answer(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), _Body(content))

    events: Any = client.meta.events
    events.register("before-send.dynamodb", answer)
    try:
        yield
    finally:
        events.unregister("before-send.dynamodb", answer)


@dataclass(frozen=True, slots=True)
class _Body:
    """What botocore reads an answer from."""

    content: bytes

    def stream(self) -> Iterator[bytes]:
        yield self.content


def fresh_table(endpoint: str) -> FreshTable:
    client = client_of(endpoint)
    name = f"growfolio-{uuid.uuid4().hex[:12]}"
    create_table(client, name)
    return FreshTable(name, endpoint, client)


@contextmanager
def dynamodb_local() -> Iterator[str]:
    """Amazon's DynamoDB Local in memory; gives its endpoint. Raises RuntimeError where it cannot start."""
    java = shutil.which("java")
    if java is None or not LOCAL_JAR.exists():
        raise RuntimeError("DynamoDB Local needs Java 17 and `make integration`, which fetches it")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [java, "-Xmx512m", "-Djava.library.path=DynamoDBLocal_lib", "-jar", LOCAL_JAR.name]
    process = subprocess.Popen(
        [*command, "-inMemory", "-disableTelemetry", "-port", str(port)],
        cwd=LOCAL_JAR.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=HANG)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + HANG
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"DynamoDB Local ended with {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"DynamoDB Local did not answer within {HANG:g} s")
