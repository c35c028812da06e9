"""The cloud on one machine: `make run`.

Starts an embedded DynamoDB, runs the real refresh handlers on their five-minute schedule, prints the
signals and serves the API. Nothing in here is deployed.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from growfolio.assets import Market
from growfolio.errors import GrowfolioError
from infra.local_options import Options

PERIOD = 300
PUBLISHING_DELAY = 5
"""Seconds after a bar's close before the schedule fires; EventBridge's fires within the minute."""

Clock = Callable[[], int]
"""Seconds since the epoch."""


def clock_from(at: int | None) -> Clock:
    """A clock that runs on from at, or the machine's."""
    offset = 0.0 if at is None else at - time.time()
    return lambda: int(time.time() + offset)


class LocalContext:
    """What AWS passes to a handler beside the event."""

    function_name = "refresh"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:refresh"
    memory_limit_in_mb = 1024
    aws_request_id = "local"


@contextmanager
def embedded_dynamodb() -> Iterator[str]:
    """A DynamoDB in this process, empty, for as long as the block runs; gives its endpoint."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def environment(options: Options, endpoint: str) -> dict[str, str]:
    """What template.yaml gives the functions, for this machine."""
    sources = {"live": "", "replay": "replay", "simulated": "simulated"}
    return {
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "GROWFOLIO_SOURCE": sources[options.market],
        "GROWFOLIO_CANDLES": options.candles,
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "WARNING",
        "POWERTOOLS_SERVICE_NAME": "growfolio",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def main() -> int:
    try:
        options = Options.from_environment(os.environ)
        with embedded_dynamodb() as endpoint:
            os.environ.update(environment(options, endpoint))
            return _run(options, clock_from(options.at))
    except GrowfolioError as error:
        print(f"growfolio: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0
