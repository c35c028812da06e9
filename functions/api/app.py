"""The API's function: HTTP API events in, signals out of the table, as judged now."""

from growfolio.start import ON_LAMBDA, started

# isort: split
import asyncio
import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging import correlation_paths
from growfolio.settings import Settings
from growfolio.storage.client import READER_PATIENCE, dynamodb_client
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.ports import ReaderStore
from mangum import Mangum
from signals_api import SERVICE
from signals_api.application import create_app
from signals_api.reading import Clock

TEXT = ["application/json", "application/problem+json", "text/"]  # anything else goes out in base64

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@cache
def provide_event_loop() -> None:
    """Mangum runs requests on this thread's event loop; since Python 3.12 nobody makes one unasked."""
    asyncio.set_event_loop(asyncio.new_event_loop())


def make_handler(store: ReaderStore, clock: Clock, settings: Settings) -> Handler:
    """A handler of HTTP API events, payload format 2.0. clock gives seconds since the epoch."""
    provide_event_loop()
    gateway = Mangum(create_app(store, clock, settings), lifespan="off", text_mime_types=TEXT)

    @Logger(service=SERVICE).inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        # No metric of our own: API Gateway counts requests, errors and latency, its access log each 304.
        return gateway(event, context)

    wrapped: Handler = handle
    return wrapped


if ON_LAMBDA:
    # On Lambda, what is prepared here is done before the first event arrives.
    _settings = Settings.of_function("api", os.environ)
    _store = DynamoStore(_settings.table, dynamodb_client(READER_PATIENCE))
    handler = make_handler(_store, lambda: int(time.time()), _settings)
    started()
