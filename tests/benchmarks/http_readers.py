"""Readers who ask a server again and again, from a process of their own; and a server that only queries."""

import http.client
import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import FastAPI, Response

from tests.dynamodb import FreshTable


@dataclass(frozen=True, slots=True)
class Load:
    connections: int
    seconds: float


def readers(url: str, load: Load) -> Sequence[float]:
    """Milliseconds of every answer that the readers got."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_all_readers, (url, load))


def _all_readers(url: str, load: Load) -> list[float]:
    with ThreadPoolExecutor(load.connections) as threads:
        each = threads.map(lambda _: _reader(url, load.seconds), range(load.connections))
        return [taken for times in each for taken in times]


def _reader(url: str, seconds: float) -> list[float]:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.netloc, timeout=30)
    times, end = [], time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        connection.request("GET", f"{address.path}?{address.query}")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        times.append(1000 * (time.perf_counter() - start))
    return times


def only_query_app(table: FreshTable) -> FastAPI:
    """A server whose every answer is one Query, thrown away."""
    app = FastAPI(openapi_url=None)

    @app.get("/v1/signals")
    def query() -> Response:
        table.client.query(
            TableName=table.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "SIGNAL#5m"}},
        )
        return Response()

    return app
