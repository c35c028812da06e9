"""What the functions took, in the form that infra/cost.py reads."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.presentation import signal_json, to_json
from growfolio.storage import items

from tests.samples import a_signal
from tests.stack.cloud import Json
from tests.stack.recorder import Spent
from tests.stack.stories import Played, Work


def measurements(played: dict[str, Played]) -> Json:
    """Means of one warm invocation of each function, with all its work to do."""
    markets = ("stocks", "crypto")
    reads = played["ApiFunction"].work[1:]
    bodies = [len(one.payload["body"]) for one in played["ApiFunction"].answers[1:]]
    alone = ("RefreshStocksFunction", "RefreshCryptoFunction", "ExplainFunction", "WatchFunction")
    history = items.history_item(a_signal(), written_at=0)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "on": "in the Lambda emulator, on one x86-64 core",
        "assets": {market: len(assets_of(Market(market))) for market in markets},
        "refresh": {market: _refresh(played[f"Refresh{market.capitalize()}Function"]) for market in markets},
        "watch": _plain(played["WatchFunction"].work[-1:]),
        "explain": _plain(played["ExplainFunction"].work[-1:]),
        "api": {**_plain(reads), "answer_bytes": round(sum(bodies) / len(bodies))},
        "metrics": sum(len(_metrics(played[function])) for function in alone),
        "history_item_bytes": INDEX_BYTES + _size({"M": history}),
        "answered_signal_bytes": len(to_json(signal_json(a_signal()))),
    }


INDEX_BYTES = 100
"""What DynamoDB adds to each stored item."""


def _size(value: Any) -> int:
    """About what DynamoDB counts of an attribute value: names, text and half a byte for each digit."""
    [(kind, held)] = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name) + _size(each) for name, each in held.items())
    if kind == "L":
        return 3 + sum(1 + _size(each) for each in held)
    return {"S": len(str(held)), "N": len(str(held)) // 2 + 2, "BOOL": 1}[kind]


def _metrics(one: Played) -> set[str]:
    """Names of metrics with their dimensions, which are paid for as long as they are sent."""
    return {
        json.dumps([metric["Name"], [line[name] for name in dimensions]])
        for line in one.metrics
        for rule in line["_aws"]["CloudWatchMetrics"]
        for dimensions in rule["Dimensions"]
        for metric in rule["Metrics"]
        if line.get("market") != "stocks"
    }


def _refresh(one: Played) -> Json:
    cold, full, duplicate, *_ = one.work
    written = dict.fromkeys((*Timeframe, "both"), 0.0)
    # What says that a bar is done is written once: the second run of the same bar finds it there.
    done = [spent for spent in cold.spent if spent.partition.startswith("BAR#")]
    for spent in [*full.spent, *done]:
        if not _reads(spent):
            written[_timeframe(spent)] += spent.units
    # The first run settles earlier signals; the second, of the same bar, finds nothing to settle.
    recorded = [spent for spent in cold.spent if spent.partition.startswith(("RECORD#", "OUTCOMES#"))]
    return {
        **_plain([full]),
        "write_units": written,
        "puts": sum(call.action == "s3:PutObject" and "/window/" in call.resource for call in cold.calls),
        "record_puts": sum(
            call.action == "s3:PutObject" and "/ledger/" in call.resource for call in cold.calls
        ),
        "record_units": sum(spent.units for spent in recorded if not _reads(spent)),
        "cold_cpu": round(cold.cpu, 2),
        "idle": {**_plain([duplicate]), "write_units": _written(duplicate)},
    }


def _written(work: Work) -> float:
    return sum(spent.units for spent in work.spent if not _reads(spent))


def _timeframe(spent: Spent) -> str:
    """Which bars a write belongs to."""
    return next((name for name in Timeframe if spent.partition.endswith(f"#{name}")), "both")


def _reads(spent: Spent) -> bool:
    return "Query" in spent.action or "Get" in spent.action


def _plain(work: Sequence[Work]) -> Json:
    units = sum(spent.units for one in work for spent in one.spent if _reads(spent))
    return {
        "cpu": round(sum(one.cpu for one in work) / len(work), 3),
        "aws_calls": round(sum(len(one.calls) for one in work) / len(work), 1),
        "read_units": round(units / len(work), 2),
        "log_bytes": round(sum(one.log_bytes for one in work) / len(work)),
    }
