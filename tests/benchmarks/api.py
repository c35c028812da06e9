"""What busy readers cost: the API beside a handler that only does its Query.

On Amazon's DynamoDB Local, whose answers botocore reads as it reads DynamoDB's. Ends with 1 where all
signals of a timeframe, with nothing kept between requests, take more than BAR of the bare Query's time,
or where a reader of a warm API still costs a request to the table.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from growfolio.domain.assets import ASSETS, Market
from growfolio.domain.calendar import market_hours
from growfolio.settings import Settings
from signals_api.application import create_app

from functions.api.app import make_handler
from tests.benchmarks.http_readers import Load, only_query_app, readers
from tests.browser.product import serving
from tests.dynamodb import FreshTable, dynamodb_local, fresh_table
from tests.http_api import LambdaContext, http_event
from tests.samples import BAR as BAR_CLOSE
from tests.samples import a_signal

BAR = 2.0
REPETITIONS = 400
NOW = BAR_CLOSE + 30
PATH = "/v1/signals?timeframe=5m"
CONTEXT = LambdaContext()

Call = Callable[[], dict[str, Any]]


@dataclass
class Way:
    """One way to be asked for all signals of a timeframe, in one process with the others."""

    name: str
    call: Call
    requests: float = 0
    """To the table, for each call."""
    times: list[float] = field(default_factory=list)
    """Milliseconds of each call."""

    def take(self) -> None:
        start = time.perf_counter()
        self.call()
        self.times.append(1000 * (time.perf_counter() - start))

    @property
    def median(self) -> float:
        return float(np.median(self.times))


def fill(table: FreshTable) -> None:
    """What refreshes of both markets leave behind."""
    for market in Market:
        table.store.put_hours(market_hours(market, BAR_CLOSE))
    for asset in ASSETS:
        table.store.put_signal(a_signal(asset.symbol))


def ways(table: FreshTable) -> list[Way]:
    """The bare Query first."""

    def only_query() -> dict[str, Any]:
        table.client.query(
            TableName=table.name,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "SIGNAL#5m"}},
        )
        return {"statusCode": 200}

    reads, keeps = (
        make_handler(table.store, lambda: NOW, Settings(stage="bench", reader_cache_seconds=seconds))
        for seconds in (0, 3600)
    )
    tag = reads(http_event(PATH), CONTEXT)["headers"]["etag"]
    known = http_event(PATH, headers={"if-none-match": tag})
    return [
        Way("only the Query", only_query),
        Way("api, reads each time", lambda: reads(http_event(PATH), CONTEXT)),
        Way("api, reads each time, 304", lambda: reads(known, CONTEXT)),
        Way("api, warm", lambda: keeps(http_event(PATH), CONTEXT)),
        Way("api, warm, 304", lambda: keeps(known, CONTEXT)),
    ]


def assert_right(measured: list[Way], table: FreshTable) -> None:
    """Everybody answers what they should, before any clock is started; and their requests are counted."""
    for way in measured:
        way.call()
        with table.requests() as sent:
            answer = way.call()
        way.requests = len(sent)
        assert answer["statusCode"] == (304 if way.name.endswith("304") else 200), answer
        if way.name in ("api, reads each time", "api, warm"):
            signals = json.loads(answer["body"])["signals"]
            assert [signal["status"] for signal in signals] == ["ok"] * len(ASSETS)


@contextmanager
def quiet() -> Iterator[None]:
    """The handlers' logs and measures are written, as on Lambda, but to nowhere."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield


def in_process(table: FreshTable) -> bool:
    """Print how long each way takes; whether the bar is held."""
    with quiet():
        measured = ways(table)
        assert_right(measured, table)
        for _ in range(REPETITIONS):
            for way in measured:
                way.take()
    print(f"one handler call for all {len(ASSETS)} signals of a timeframe, {REPETITIONS} times in turn")
    print(f"{'':28}{'p50 ms':>8}{'p99 ms':>8}{'requests':>10}")
    for way in measured:
        print(f"{way.name:28}{way.median:8.2f}{np.percentile(way.times, 99):8.2f}{way.requests:10.0f}")
    bare, reads, _, warm, _ = measured
    ratio = reads.median / bare.median
    held = ratio <= BAR and warm.requests == 0
    print(f"{'PASS' if held else 'FAIL'}: {ratio:.2f} times the bare Query; it may be {BAR:g} times\n")
    return held


def over_http(table: FreshTable) -> None:
    """Print what eight readers at once get from a server on this machine."""
    load = Load(connections=8, seconds=4)
    print(f"over HTTP, {load.connections} readers at once for {load.seconds} s")
    print(f"{'':28}{'per s':>8}{'p50 ms':>8}{'p99 ms':>8}{'requests':>10}")
    settings = {name: Settings(reader_cache_seconds=keeps) for name, keeps in KEEPS.items()}
    apps = {
        "only the Query": only_query_app(table),
        **{name: create_app(table.store, lambda: NOW, one) for name, one in settings.items()},
    }
    for name, app in apps.items():
        with serving(app) as url, table.requests() as sent:
            times = readers(url + PATH, load)
        rate = len(times) / load.seconds
        print(
            f"{name:28}{rate:8.0f}{np.median(times):8.2f}{np.percentile(times, 99):8.2f}"
            f"{len(sent) / len(times):10.2f}"
        )


KEEPS = {"api, reads each time": 0, "api, warm": 3600}


def main() -> int:
    with dynamodb_local() as endpoint:
        table = fresh_table(endpoint)
        fill(table)
        held = in_process(table)
        over_http(table)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
