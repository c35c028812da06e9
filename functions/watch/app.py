"""The watch: a scheduled event in, how fresh each open market is out.

It is a function of its own so that a refresh that has stopped still has somebody who notices.
"""

from growfolio.start import ON_LAMBDA, started

# isort: split
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from growfolio.domain.assets import Timeframe
from growfolio.domain.health import fresh_shares
from growfolio.public_address import check
from growfolio.settings import Settings
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.ports import SignalReader

SERVICE = "watch"
logger = Logger(service=SERVICE)

Handler = Callable[[Mapping[str, Any], Any], dict[str, float]]


def make_handler(store: SignalReader, settings: Settings, clock: Callable[[], int]) -> Handler:
    """A handler that measures at the clock's time, in seconds since the epoch, and calls the public address.

    It answers every open market's share, and sends a metric of those that are not whole: a custom metric
    is paid for by the hour in which it is sent. A market that cannot be judged counts as not fresh. It raises
    PublicAddressError where the address does not answer as the API does, after the shares are measured.
    """
    namespace = f"Growfolio/{settings.stage}"

    @logger.inject_lambda_context
    def handle(_event: Mapping[str, Any], _context: Any) -> dict[str, float]:
        records = [record for timeframe in Timeframe for record in store.signals(timeframe)]
        shares = fresh_shares(records, clock(), lambda market: logger.exception(f"no share of {market}"))
        for market, share in shares.items():
            if share < 1:
                with single_metric("FreshShare", MetricUnit.NoUnit, share, namespace=namespace) as metric:
                    metric.add_dimension("service", SERVICE)
                    metric.add_dimension("market", market)
        logger.info("watched", extra={"fresh": shares})
        if settings.public_url:
            check(settings.public_url)
        return {str(market): share for market, share in shares.items()}

    return handle


if ON_LAMBDA:
    settings = Settings.of_function("watch", os.environ)
    handler = make_handler(DynamoStore(settings.table), settings, lambda: int(time.time()))
    started()
