"""What each built function is asked to do, and what must have come of it."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from growfolio.domain.assets import Market, Timeframe, assets_of

from tests.fakes.candle_server import ANY, Fault
from tests.stack.cloud import Json
from tests.stack.emulator import Answer, Package
from tests.stack.permissions import forbidden, unused
from tests.stack.providers import PROBABILITIES
from tests.stack.recorder import Call, Spent
from tests.stack.world import World

BUDGET_PASSED = "BudgetPassed"
"""A metric that says nothing here: these runs start at any second of a bar, not on schedule."""
NOTHING_AGAIN: Json = {"batchItemFailures": []}
Events = Callable[[World, Sequence[Answer]], Any]
"""The next event, from the answers so far; None when there is nothing more to ask."""
Faults = Callable[[World, Sequence[Answer]], Iterator[str]]


@dataclass(frozen=True)
class Story:
    """Events for one function, and what is wrong with what it did (nothing, if all is well)."""

    event: Events
    faults: Faults


@dataclass(frozen=True)
class Work:
    """What one invocation took."""

    cpu: float
    """Seconds of a core."""
    calls: Sequence[Call]
    spent: Sequence[Spent]
    log_bytes: int


@dataclass(frozen=True)
class Played:
    """What came of a story."""

    answers: Sequence[Answer]
    work: Sequence[Work]
    """Of each answer."""
    faults: Sequence[str]
    calls: set[Call]
    """What the function has called, and what Lambda calls in its name."""
    metrics: Sequence[Json]
    log: str
    first_request: float | None
    """Seconds from a cold start to the first request to a provider, if it makes any."""

    @property
    def cold(self) -> float:
        """Seconds of the first invocation, the start of Python included."""
        return self.answers[0].seconds

    @property
    def warm(self) -> float:
        """Seconds of the third invocation, or the last: what comes after is on a bad day."""
        return self.answers[:3][-1].seconds


def play(
    world: World, function: str, package: Package | None = None, environment: dict[str, str] | None = None
) -> Played:
    """Run a function's story, as it is shipped and configured or with another package or environment."""
    story = STORIES[function]
    answers: list[Answer] = []
    work: list[Work] = []
    with world.running(function, package, environment) as process:
        while (event := story.event(world, answers)) is not None:
            mark, logged, cpu = world.record.mark(), len(process.log), process.cpu
            answers.append(process.invoke(event))
            called = world.record.since(mark)
            work.append(Work(process.cpu - cpu, *called, _good_days(process.log[logged:])))
            if answers[-1].error:
                break
        faults = [answer.error for answer in answers if answer.error]
        if not faults:
            faults += story.faults(world, answers)
        calls = world.calls(function, process.principal)
        grants = world.grants(function)
        faults += [f"may not {call.action} {call.resource}" for call in forbidden(calls, grants)]
        faults += [f"never needs {grant.action} of {grant.sid}" for grant in unused(calls, grants)]
        asked = [moment - answers[0].started for moment in world.providers.asked]
        first = min((moment for moment in asked if moment > 0), default=None)
        metrics = [line for line in process.metrics() if BUDGET_PASSED not in line]
        return Played(answers, work, faults, calls, metrics, process.log, first)


def _good_days(log: str) -> int:
    """Bytes of the log of a run that is in time."""
    return sum(len(line) for line in log.splitlines(keepends=True) if BUDGET_PASSED not in line)


EVENT = {
    "version": "0",
    "id": "11111111-2222-3333-4444-555555555555",
    "detail-type": "Scheduled Event",
    "source": "aws.scheduler",
    "account": "123456789012",
    "time": "2026-11-22T12:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": "{}",
}
"""What EventBridge sends."""


def scheduled(_: World, answers: Sequence[Answer]) -> Any:
    """Twice: schedules deliver more than once."""
    return EVENT if len(answers) < 2 else None


def scheduled_for(market: Market) -> Events:
    """Three times: cold; warm, with everything to do again; and a delivery that comes twice.

    Stocks once more, with everything to do, when Yahoo refuses this address.
    """
    times = 4 if market is Market.STOCKS else 3

    def event(world: World, answers: Sequence[Answer]) -> Any:
        world.providers.yahoo.recover()
        if len(answers) == times:
            return None
        if not answers:
            world.remember_signals(market)
        if len(answers) in (1, 3):
            world.forget_signals(market)
        if len(answers) == 3:
            world.providers.yahoo.meet(ANY, Fault(403, b"not from a cloud"))
        return EVENT

    return event


def refreshed(market: Market) -> Faults:
    """Every asset of the market has a signal of the published models, on both timeframes, and its price."""

    def faults(world: World, answers: Sequence[Answer]) -> Iterator[str]:
        for timeframe in Timeframe:
            yield from _signals(world, market, timeframe)
        if len(world.store.markets(assets_of(market))) != len(assets_of(market)):
            yield "some asset has no price"
        if world.store.hours(market) is None:
            yield "nobody knows when the market opens"
        if not world.objects(f"window/{market}/"):
            yield "no candles are kept for the next refresh"
        if not any("the Hub served it" in note for note in answers[0].payload["notes"]):
            yield "nothing says that the mirror lacks a model"
        if answers[2].payload["written"]:
            yield f"a second delivery wrote {answers[2].payload['written']} signals"

    return faults


def _signals(world: World, market: Market, timeframe: Timeframe) -> Iterator[str]:
    signals = {record.asset: record.signal for record in world.store.signals(timeframe)}
    for asset in assets_of(market):
        signal = signals.get(asset)
        if signal is None:
            yield f"{asset.symbol} has no {timeframe} signal"
        elif signal.model.revision != world.providers.revision:
            yield f"{asset.symbol} has a signal of revision {signal.model.revision}"
        elif [float(p) for p in signal.probabilities] != list(PROBABILITIES):
            yield f"{asset.symbol} has probabilities {signal.probabilities}"
        elif signal.source != LAST_SOURCE[market]:
            yield f"{asset.symbol} has a signal of {signal.source}'s candles"


LAST_SOURCE = {Market.STOCKS: "alpaca", Market.CRYPTO: "binance"}
"""Whose candles the last signals of each story are made of."""
PROFILE = {"user_data": {}, "user_profile": {"risk_score": 5}}
REQUESTS = (
    ("GET", "/v1/signals", "timeframe=5m", None),
    ("GET", "/v1/signals/BTC", "", None),
    ("GET", "/v1/signals/BTC/history", "timeframe=5m&limit=5", None),
    ("GET", "/v1/markets/BTC", "", None),
    ("GET", "/v1/explanations", "timeframe=5m", None),
    ("GET", "/v1/record", "market=crypto&timeframe=5m", None),
    ("GET", "/v1/assets", "", None),
    ("GET", "/", "", None),
    ("GET", "/v1/health", "", None),
    (
        "POST",
        "/analyze_trader_type",
        "",
        {"user_data": {}, "user_profile": {"risk_score": 5}, "trader_type": "day_trader"},
    ),
    ("POST", "/recommend_stock", "", {"stock_name": "AAPL", "user_profile": {}, "ml_output": {}}),
    ("GET", "/v1/signals", "timeframe=15m", None),
)


def requested(_: World, answers: Sequence[Answer]) -> Any:
    """API Gateway's events of payload format 2.0, one for each kind of request."""
    if len(answers) == len(REQUESTS):
        return None
    method, path, query, body = REQUESTS[len(answers)]
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"host": "signals.example.com", "content-type": "application/json"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "signals.example.com",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "x",
            },
            "requestId": "request",
            "routeKey": "$default",
            "stage": "$default",
            "time": "22/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1795348800000,
        },
        "body": None if body is None else json.dumps(body),
        "isBase64Encoded": False,
    }


def served(world: World, answers: Sequence[Answer]) -> Iterator[str]:
    """Every request is answered, and the signals are those that are stored."""
    refused = [
        f"{method} {path} was answered {answer.payload['statusCode']}: {answer.payload['body']}"
        for (method, path, _, _), answer in zip(REQUESTS, answers, strict=True)
        if answer.payload["statusCode"] != 200
    ]
    if refused:
        yield from refused
        return
    listed = json.loads(answers[0].payload["body"])["signals"]
    shown = {signal["symbol"] for signal in listed if signal["status"] == "ok"}
    if not {asset.symbol for asset in assets_of(Market.CRYPTO)} <= shown:
        yield f"of the coins only {sorted(shown)} are shown as current"


def changed(world: World, answers: Sequence[Answer]) -> Any:
    """What the table's stream says since it was made, as Lambda hands it on."""
    return {"Records": world.stream_records()} if len(answers) < 2 else None


def explained(world: World, answers: Sequence[Answer]) -> Iterator[str]:
    """Every signal has its three sentences, some from Gemini, and no record must come again."""
    yield from (f"failed: {one.payload}" for one in answers if one.payload != NOTHING_AGAIN)
    for timeframe in Timeframe:
        texts = {one.asset.symbol: one for one in world.store.explanations(timeframe)}
        for record in world.store.signals(timeframe):
            if record.asset.symbol not in texts:
                yield f"{record.asset.symbol} {timeframe} is not explained"
        if not any(one.source == "gemini" for one in texts.values()):
            yield f"Gemini has explained no {timeframe} signal"


def asked_to_train(_: World, answers: Sequence[Answer]) -> Any:
    """A training request, then the question how it is."""
    if not answers:
        return {"symbols": ["AAPL"], "timeframes": ["5m"], "network": "lstm", "publish": True}
    return {"job_id": answers[0].payload["job_id"]} if len(answers) == 1 else None


def trained(world: World, answers: Sequence[Answer]) -> Iterator[str]:
    """The job is in the queue of the stack, with the arguments that were asked for."""
    batch = world.created.client("batch")
    [job] = batch.describe_jobs(jobs=[answers[0].payload["job_id"]])["jobs"]
    if job["jobQueue"] != world.created.physical["JobQueue"]:
        yield f"the job went to {job['jobQueue']}"
    if "growfolio-test-training" not in job["jobDefinition"]:
        yield f"the job runs {job['jobDefinition']}"
    if not answers[1].payload.get("status"):
        yield f"no status: {answers[1].payload}"


def watched(_: World, answers: Sequence[Answer]) -> Iterator[str]:
    """Coins always trade, and they have just been refreshed."""
    if answers[0].payload.get("crypto") != 1.0:
        yield f"fresh shares are {answers[0].payload}"


STORIES = {
    "RefreshCryptoFunction": Story(scheduled_for(Market.CRYPTO), refreshed(Market.CRYPTO)),
    "RefreshStocksFunction": Story(scheduled_for(Market.STOCKS), refreshed(Market.STOCKS)),
    "ApiFunction": Story(requested, served),
    "ExplainFunction": Story(changed, explained),
    "TrainFunction": Story(asked_to_train, trained),
    "WatchFunction": Story(scheduled, watched),
}
"""In the order in which a day has them: readers come after the first refresh."""
