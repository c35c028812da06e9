"""The explain function: changed signals in, from the table's stream; which of them must come again, out."""

from growfolio.start import ON_LAMBDA, started

# isort: split
import os
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from growfolio.bootstrap import explainer_from
from growfolio.explanations.service import explain_changed
from growfolio.settings import Settings
from growfolio.storage.dynamodb import DynamoStore
from growfolio.storage.stream import changed_signals

RESERVE_MILLISECONDS = 20_000
"""Kept for templates and the store: with less left, no language model is asked."""

logger = Logger(service="explain")

Handler = Callable[[dict[str, Any], Any], dict[str, list[dict[str, str]]]]


def make_handler(settings: Settings, clock: Callable[[], int]) -> Handler:
    """A handler for a table's stream. clock gives seconds since the epoch."""
    store = DynamoStore(settings.table)
    explainer = explainer_from(settings, store)

    @logger.inject_lambda_context
    def handle(event: dict[str, Any], context: Any) -> dict[str, list[dict[str, str]]]:
        """What AWS calls with a batch of stream records. A record named in the answer is delivered again."""

        def hurried() -> bool:
            return bool(context.get_remaining_time_in_millis() < RESERVE_MILLISECONDS)

        changes = list(changed_signals(event))
        report = explain_changed(store, explainer, [change.record for change in changes], clock(), hurried)
        for note in report.notes:
            logger.warning(note)
        for fault in sorted({str(fault) for fault in report.failed.values()}):
            logger.error(fault)
        logger.info("explained", extra={**report.written, "unchanged": report.unchanged})
        failed = [change.sequence for change in changes if change.key in report.failed]
        return {"batchItemFailures": [{"itemIdentifier": sequence} for sequence in failed]}

    return handle


if ON_LAMBDA:
    handler = make_handler(Settings.of_function("explain", os.environ), lambda: int(time.time()))
    started()
