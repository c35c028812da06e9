"""The watch: a scheduled event in, one measure for each open market out.

It is a function of its own so that a refresh that has stopped still has somebody who notices.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from growfolio.settings import Settings
from growfolio.store.dynamodb import DynamoStore
from growfolio.watch import SignalRecords, fresh_shares

SERVICE = "watch"
logger = Logger(service=SERVICE)

Handler = Callable[[Mapping[str, Any], Any], dict[str, float]]


def make_handler(store: SignalRecords, stage: str, clock: Callable[[], int]) -> Handler:
    """A handler that measures at the clock's time, in seconds since the epoch.

    A market that owes its readers nothing then has no measure.
    """

    @logger.inject_lambda_context
    def handle(_event: Mapping[str, Any], _context: Any) -> dict[str, float]:
        shares = {str(market): share for market, share in fresh_shares(store, clock()).items()}
        for market, share in shares.items():
            with single_metric(
                name="FreshShare",
                unit=MetricUnit.Percent,
                value=100 * share,
                namespace=f"Growfolio/{stage}",
                default_dimensions={"service": SERVICE},
            ) as metric:
                metric.add_dimension("market", market)
        return shares

    return handle


if os.environ.get("AWS_LAMBDA_FUNCTION_NAME"):
    settings = Settings.from_environment(os.environ)
    handler = make_handler(DynamoStore(settings.table), settings.stage, lambda: int(time.time()))
