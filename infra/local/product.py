"""The cloud on one machine: `make run`.

Starts an embedded DynamoDB, runs the real refresh handlers on their five-minute schedule, prints the
signals and serves the API. Nothing in here is deployed.
"""

import os
import sys
import threading
import time

import uvicorn
from growfolio.domain.times import BAR, HOUR, utc_minute
from growfolio.errors import ConfigurationError
from growfolio.presentation import to_json
from growfolio.settings import Settings
from growfolio.storage.client import dynamodb_client

from infra.local.candle_folder import check_folder
from infra.local.cloud import LocalCloud, clock_from
from infra.local.display import assets_without, has_signal, print_signals, standard_output, summary_line
from infra.local.embedded_aws import embedded_aws
from infra.local.environment import environment, keep_secrets
from infra.local.history import History, lines_of, record_table, settled
from infra.local.options import Options
from infra.local.table import create_table

PUBLISHING_DELAY = 5
"""Seconds after a bar's close at which the schedule fires here; EventBridge's fires within the minute."""
NO_SIGNAL = 1
"""The exit code of one refresh after which no asset has a signal."""


def main() -> int:
    """Raises GrowfolioError, which says what to change."""
    options = Options.from_environment(os.environ)
    if options.market == "replay" and options.at is not None:
        check_folder(options.candles, options.at)
        check_folder(options.candles, options.at + HOUR * options.hours)
    with embedded_aws() as endpoint:
        os.environ.update(environment(options, endpoint, os.environ))
        keep_secrets(os.environ, endpoint)
        return run(options)


def run(options: Options) -> int:
    """Refreshes once and prints; then, unless once was asked for, serves and refreshes until interrupted.

    Gives the exit code of a single refresh.
    """
    settings = Settings.from_environment(os.environ)
    if options.hours and options.at is not None:
        cloud = _through_history(settings, options.at, options.hours)
    else:
        cloud = LocalCloud(settings, clock_from(options.at))
        create_table(dynamodb_client(), settings.table)
    if options.once:
        return _once(cloud, options)
    _refresh_and_print(cloud, options)
    _serve(cloud, options.port)
    address = f"http://127.0.0.1:{options.port}/"
    print(f"\nPage and API on {address}   (Ctrl+C ends)", flush=True)
    while True:
        time.sleep(BAR - (cloud.clock() - PUBLISHING_DELAY) % BAR)
        if options.as_json:
            _refresh_and_print(cloud, options)
        else:
            cloud.refresh()
            print(summary_line(cloud.signals(), utc_minute(cloud.clock())[-9:], address), flush=True)


def _through_history(settings: Settings, start: int, hours: int) -> LocalCloud:
    """Refreshes through the hours asked for, settles, and stands at their end."""
    end = start + HOUR * hours
    history = History(settings)
    for note in history.run(start, end):
        print(f"growfolio: {note}", file=sys.stderr)
    return LocalCloud(settings, clock_from(end), history)


def _once(cloud: LocalCloud, options: Options) -> int:
    _refresh_and_print(cloud, options)
    signals = cloud.signals()
    if any(map(has_signal, signals)):
        return 0
    commonest = assets_without(signals)[1].strip()
    print(f"growfolio: no asset has a signal. {commonest}", file=sys.stderr)
    return NO_SIGNAL


def _refresh_and_print(cloud: LocalCloud, options: Options) -> None:
    counts = cloud.refresh()
    signals = cloud.signals()
    records = cloud.history.records() if cloud.history else []
    if options.as_json:
        record = {"settled": settled(records), "record": lines_of(records)} if records else {}
        print(to_json({"signals": signals, **counts, **record}), flush=True)
    else:
        if records:
            print(f"The record of {settled(records)} settled signals, beside what needs no model:")
            print(record_table(records), end="\n\n")
        print_signals(signals, options.market, utc_minute(cloud.clock()), standard_output())


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
