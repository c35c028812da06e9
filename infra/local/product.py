"""The cloud on one machine: `make run`.

Starts an embedded DynamoDB, runs the real refresh handlers on their five-minute schedule, prints the
signals and serves the API. Nothing in here is deployed.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import boto3
import uvicorn
from growfolio.bootstrap import explainer_from
from growfolio.domain.assets import ASSETS, Market, Timeframe
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import judge
from growfolio.domain.signals import SignalRecord
from growfolio.domain.times import BAR, utc_text
from growfolio.errors import ConfigurationError, GrowfolioError
from growfolio.explanations.service import explain_changed
from growfolio.presentation import judged_json, to_json
from growfolio.settings import Settings
from growfolio.storage.client import dynamodb_client
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.schema import create_table

from functions.refresh.app import Handler, make_handler
from infra.local.display import print_signals
from infra.local.embedded_aws import embedded_aws
from infra.local.options import Options

PUBLISHING_DELAY = 5
"""Seconds after a bar's close at which the schedule fires here; EventBridge's fires within the minute."""

Clock = Callable[[], int]

CONTEXT = SimpleNamespace(
    function_name="refresh",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:refresh",
    aws_request_id="local",
)
"""What a handler reads of Lambda's context."""


class LocalCloud:
    """The refresh functions of both markets and the table they write to."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.store = DynamoStore(settings.table)
        self.explainer = explainer_from(settings, self.store)
        self.handlers: dict[Market, Handler] = {
            market: make_handler(replace(settings, market=market.value), clock) for market in Market
        }

    def refresh(self) -> dict[str, int]:
        """What both schedules do at this moment: counts of records written and left as they were."""
        event = {"detail-type": "Scheduled Event", "time": utc_text(self.clock())}
        with ThreadPoolExecutor(len(self.handlers)) as pool:
            answers = list(pool.map(lambda handler: handler(event, CONTEXT), self.handlers.values()))
        # On AWS the table's stream brings what changed; here nothing streams.
        records = [record for timeframe in Timeframe for record in self.store.signals(timeframe)]
        explained = explain_changed(self.store, self.explainer, records, self.clock())
        notes = [note for answer in answers for note in answer["notes"]] + list(explained.notes)
        for note in dict.fromkeys(notes):
            print(f"growfolio: {note}", file=sys.stderr)
        return {count: sum(answer[count] for answer in answers) for count in ("written", "unchanged")}

    def signals(self) -> list[dict[str, Any]]:
        """Every asset on every timeframe, as the API serves it."""
        now = self.clock()
        hours = {market: market_hours(market, now) for market in Market}
        stored = {(r.asset, r.timeframe): r for tf in Timeframe for r in self.store.signals(tf)}
        return [
            judged_json(judge(stored.get(key, SignalRecord(*key, None, None)), hours[key[0].market], now))
            for key in ((asset, timeframe) for asset in ASSETS for timeframe in Timeframe)
        ]


def clock_from(at: int | None) -> Clock:
    """Seconds since the epoch, running on from at; from now where at is None."""
    offset = 0.0 if at is None else at - time.time()
    return lambda: int(time.time() + offset)


KEYS = {
    "FINNHUB_KEY": "GROWFOLIO_QUOTE_KEY_PARAMETER",
    "GEMINI_KEY": "GROWFOLIO_EXPLAIN_KEY_PARAMETER",
    "HUB_TOKEN": "GROWFOLIO_HUB_TOKEN_PARAMETER",
}
"""Secrets a person may set, and the setting that names the parameter in which functions look for them."""


def keep_secrets(environ: MutableMapping[str, str], endpoint: str) -> None:
    """Move each secret out of the environment into the embedded parameter store, where functions read it."""
    client = boto3.client("ssm", endpoint_url=endpoint)
    for secret, setting in KEYS.items():
        value = environ.pop(secret, "")
        if value:
            name = f"/growfolio/local/{secret.lower()}"
            client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
            environ[setting] = name


def environment(options: Options, endpoint: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What template.yaml gives the functions, for this machine. What the person set keeps its value."""
    ours = {
        "GROWFOLIO_SOURCE": "" if options.market == "live" else options.market,
        "GROWFOLIO_CANDLES": options.candles,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
        "AWS_ENDPOINT_URL_SSM": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    defaults = {
        "GROWFOLIO_TABLE": "growfolio-local",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_METRICS_DISABLED": "true",
        "POWERTOOLS_LOG_LEVEL": "ERROR",
    }
    return ours | {name: value for name, value in defaults.items() if name not in environ}


def run(options: Options) -> None:
    """Refreshes once and prints; then, unless once was asked for, serves and refreshes until interrupted."""
    clock = clock_from(options.at)
    settings = Settings.from_environment(os.environ)
    cloud = LocalCloud(settings, clock)
    create_table(dynamodb_client(), settings.table)
    _show(cloud, options, cloud.refresh())
    if options.once:
        return
    _serve(cloud, options.port)
    print(f"\nPage and API on http://127.0.0.1:{options.port}/   (Ctrl+C ends)", flush=True)
    while True:
        time.sleep(BAR - (clock() - PUBLISHING_DELAY) % BAR)
        _show(cloud, options, cloud.refresh())


def _show(cloud: LocalCloud, options: Options, counts: dict[str, int]) -> None:
    signals = cloud.signals()
    if options.as_json:
        print(to_json({"signals": signals, **counts}), flush=True)
    else:
        print_signals(signals, options.market, utc_text(cloud.clock()))


def _serve(cloud: LocalCloud, port: int) -> None:
    """Returns when the API answers. Raises ConfigurationError where the port is taken."""
    from signals_api.application import create_app

    app = create_app(cloud.store, cloud.clock, cloud.settings)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise ConfigurationError(f"port {port} is taken: make run PORT={port + 1}")
        time.sleep(0.02)


def main() -> int:
    try:
        options = Options.from_environment(os.environ)
        with embedded_aws() as endpoint:
            os.environ.update(environment(options, endpoint, os.environ))
            keep_secrets(os.environ, endpoint)
            run(options)
    except GrowfolioError as error:
        print(f"growfolio: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
