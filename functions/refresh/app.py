"""The refresh function: a scheduled event in, one market's signals stored."""

from growfolio.start import ON_LAMBDA, started

# isort: split
import os
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit
from growfolio.bootstrap import Refresher
from growfolio.errors import StoreError
from growfolio.limits import Deadline
from growfolio.settings import Settings

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def make_handler(settings: Settings, clock: Callable[[], int]) -> Handler:
    """A handler for the market of the settings. clock gives seconds since the epoch.

    The clock decides which bars are due, not the event's time: a delivery that comes late or twice
    finds nothing left to do. The handler raises StoreError when a write failed, so that an alarm sees it.
    """
    refresher = Refresher(settings, clock)
    service = f"refresh-{refresher.market}"
    logger = Logger(service=service)
    # Not Metrics, which all handlers of a process share; not single_metric, which nothing switches off.
    metrics = EphemeralMetrics(namespace=f"Growfolio/{settings.stage}", service=service)

    @logger.inject_lambda_context
    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if event.get("probe"):  # make probe FROM=aws: a provider may refuse this address alone
            return {"probe": refresher.probe(clock())}
        deadline = Deadline(lambda: context.get_remaining_time_in_millis() / 1000)
        report, notes = refresher.refresh(clock(), deadline)
        for note in notes:
            logger.warning(note)
        summary = report.summary() | {"notes": list(notes)}
        logger.info("refreshed", extra=summary)
        if troubles := report.metrics():
            # Sent in trouble alone: a custom metric is paid for by the hour in which it is sent.
            for name, count in troubles.items():
                metrics.add_metric(name, MetricUnit.Count, count)
            metrics.flush_metrics()
        if report.store_faults:
            raise StoreError("; ".join(report.store_faults))
        return summary

    return handle


if ON_LAMBDA:
    # On Lambda, what is prepared here is done before the first event arrives.
    handler = make_handler(Settings.of_function("refresh", os.environ), lambda: int(time.time()))
    started()
