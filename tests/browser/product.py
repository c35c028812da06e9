"""The whole product on this machine, as `make run` has it, with a clock that tests may move."""

import json
import os
import socket
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn
from fastapi import FastAPI
from growfolio.settings import Settings
from growfolio.storage.dynamodb import DynamoStore
from signals_api.application import create_app

from infra.local.cloud import LocalCloud
from infra.local.embedded_aws import embedded_aws
from infra.local.environment import environment
from infra.local.options import Options
from infra.local.table import create_table
from tests.dynamodb import answering, client_of
from tests.patience import HANG
from tests.samples import BAR

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = BAR + 25
BARS_BEFORE = 3
"""Refreshes before the first look, so that there is a history."""


@dataclass
class Product:
    cloud: LocalCloud
    client: "DynamoDBClient"
    replayed: bool
    """Whether its candles are real, or simulated."""
    url: str = ""
    now: int = NOW

    def get(self, path: str) -> Any:
        """What the API answers to anybody."""
        with urllib.request.urlopen(self.url + path, timeout=HANG) as answer:
            return json.load(answer)

    def signals(self, timeframe: str = "5m") -> dict[str, Any]:
        """The API's signals by symbol."""
        return {one["symbol"]: one for one in self.get(f"/v1/signals?timeframe={timeframe}")["signals"]}

    def application(self, *origins: str) -> FastAPI:
        """The API over this product's table and clock; browsers may call it from these origins."""
        settings = replace(self.cloud.settings, allowed_origins=origins)
        return create_app(DynamoStore(settings.table, self.client), lambda: self.now, settings)

    @contextmanager
    def moved_on(self, seconds: int) -> Iterator[None]:
        """Time passes, and nothing is refreshed."""
        self.now += seconds
        try:
            yield
        finally:
            self.now -= seconds

    @contextmanager
    def without_table(self) -> Iterator[None]:
        """DynamoDB fails every request that the API sends, as far as its client can see."""

        with answering(self.client, 503, b'{"__type": "ServiceUnavailable"}'):
            yield


@contextmanager
def product(candles: Path | None, *origins: str, now: int = NOW) -> Iterator[Product]:
    """With real candles where a folder is given, else with simulated ones; served until the block ends."""
    market = {"MARKET": "replay", "CANDLES": str(candles)} if candles else {"MARKET": "simulated"}
    options = Options.from_environment({**market, "AT": "2024-09-05T18:00:25Z"})
    with pytest.MonkeyPatch.context() as patch, embedded_aws() as endpoint:
        for name, value in environment(options, endpoint, {}).items():
            patch.setenv(name, value)
        # moto keeps one state a process.
        settings = replace(Settings.from_environment(os.environ), table=f"growfolio-{uuid.uuid4().hex}")
        client = client_of(endpoint)
        create_table(client, settings.table)
        made = Product(LocalCloud(settings, lambda: made.now), client, bool(candles))
        for bars_ago in range(BARS_BEFORE, -1, -1):
            made.now = now - 300 * bars_ago
            made.cloud.refresh()
        with serving(made.application(*origins)) as made.url:
            yield made


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The application over HTTP; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
