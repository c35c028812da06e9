"""The refresh functions of all markets and the table that they write to, in one process."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from growfolio.bootstrap import explainer_from
from growfolio.domain.assets import ASSETS, Market, Timeframe, assets_of
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import judge_all
from growfolio.domain.times import utc_text
from growfolio.explanations.service import explain_changed
from growfolio.presentation import judged_json
from growfolio.settings import Settings
from growfolio.storage.dynamodb import DynamoStore

from functions.refresh.app import Handler, make_handler
from infra.local.history import History

Clock = Callable[[], int]

CONTEXT = SimpleNamespace(
    function_name="refresh",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:us-east-1:000000000000:function:refresh",
    aws_request_id="local",
    get_remaining_time_in_millis=lambda: 120_000,
)
"""What a handler reads of Lambda's context."""


class LocalCloud:
    """What both schedules start, and what readers are served from."""

    def __init__(self, settings: Settings, clock: Clock, history: History | None = None) -> None:
        """history: go on from what was replayed, in memory, in place of the table and the handlers."""
        self.settings = settings
        self.clock = clock
        self.history = history
        self.store = history.store if history else DynamoStore(settings.table)
        self.explainer = explainer_from(settings, self.store)
        self.handlers: dict[Market, Handler] = {
            market: _going_on(history, market, clock)
            if history
            else make_handler(replace(settings, market=market.value), clock)
            for market in Market
            if assets_of(market)
        }

    def refresh(self) -> dict[str, int]:
        """What the schedules do at this moment: counts of records written and left as they were."""
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
        records = [record for timeframe in Timeframe for record in self.store.signals(timeframe)]
        owed = [(asset, timeframe) for asset in ASSETS for timeframe in Timeframe]
        hours = {market: market_hours(market, now) for market in Market}
        return [judged_json(judged) for judged in judge_all(records, owed, hours.get, now)]


def _going_on(history: History, market: Market, clock: Clock) -> Handler:
    def handle(*_: Any) -> dict[str, Any]:
        return history.refresh(market, clock())

    return handle


def clock_from(at: int | None) -> Clock:
    """Seconds since the epoch, running on from at; from now where at is None."""
    offset = 0.0 if at is None else at - time.time()
    return lambda: int(time.time() + offset)
