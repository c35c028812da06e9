"""Refreshes through time that is over, as fast as they go, for `make run HOURS=…` and `make record`."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from growfolio.bootstrap import Refresher
from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.grid import slots_between
from growfolio.settings import Settings

from infra.local.memory_store import MemoryStore

AFTER_CLOSE = 5
"""Seconds after a bar's close at which it is refreshed."""
KINDS = ("revisions", "in_sample", "simulated")
"""What a window of the record holds lines of: public, and counted apart."""


class History:
    """What refreshes leave behind, market by market, in a store and ledgers in memory."""

    def __init__(self, settings: Settings) -> None:
        self.store = MemoryStore()
        self.refreshers = {
            market: Refresher(replace(settings, market=market.value), None, self.store)
            for market in Market
            if assets_of(market)
        }

    def run(self, start: int, end: int) -> list[str]:
        """Refresh at each bar that closes in (start, end], in seconds; notes for the operator.

        The last refresh, at end, brings the record up to date.
        """
        with ThreadPoolExecutor(len(self.refreshers)) as pool:
            found = pool.map(lambda market: self._run(market, start, end), self.refreshers)
            return list(dict.fromkeys(note for notes in found for note in notes))

    def _run(self, market: Market, start: int, end: int) -> list[str]:
        refresher, notes = self.refreshers[market], list[str]()
        for bar in sorted({*slots_between(market, start, end, Timeframe.M5).tolist(), end}):
            notes += refresher.refresh(bar + AFTER_CLOSE)[1]
        refresher.record.update(end + AFTER_CLOSE, at_once=True)
        return notes

    def refresh(self, market: Market, now: int) -> dict[str, Any]:
        """One more refresh, as the refresh function reports it."""
        report, notes = self.refreshers[market].refresh(now)
        return report.summary() | {"notes": list(notes)}

    def records(self) -> list[dict[str, Any]]:
        """The record of each market and timeframe, as the API serves it."""
        stored = (self.store.record(market, timeframe) for market in Market for timeframe in Timeframe)
        return [json.loads(record.content) for record in stored if record]


def settled(records: list[dict[str, Any]]) -> int:
    """How many signals have come to an end: scored, not scored or unsettled; public and apart."""
    return sum(
        line["market"][state]
        for record in records
        for kind in KINDS
        for line in record["windows"]["all"][kind]
        for state in ("scored", "not_scored", "unsettled")
    )


def lines_of(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The totals of each market, timeframe, kind and revision, over all time."""
    return [
        {
            "market": record["market"],
            "timeframe": record["timeframe"],
            "kind": "public" if kind == "revisions" else kind,
            "revision": line["revision"],
            **line["market"],
        }
        for record in records
        for kind in KINDS
        for line in record["windows"]["all"][kind]
    ]


def record_table(records: list[dict[str, Any]]) -> str:
    """The totals as lines of text, each number beside the one that needs no model."""
    rows = [("market", "bars", "counted", "settled", "accuracy", "log-loss", "direction", "net")]
    for line in lines_of(records):
        about = line["market"], line["timeframe"], line["kind"], f"{line['scored']} of {line['signals']}"
        scores, acting = line["scores"], line["acting"]
        rows.append((*about, *(_numbers(scores, acting) if scores else (line["note"], "", "", ""))))
    widths = [max(len(row[column]) for row in rows) for column in range(8)]
    return "\n".join("  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)) for row in rows)


def _numbers(scores: dict[str, Any], acting: dict[str, Any]) -> tuple[str, str, str, str]:
    prior, direction = scores["prior_log_loss"], scores["direction"]
    return (
        f"{scores['accuracy']:.1%} / {scores['base_rate']:.1%}",
        f"{scores['log_loss']:.4f} / {'-' if prior is None else f'{prior:.4f}'}",
        "-" if direction is None else f"{direction:.1%} of {scores['moved']}",
        f"{acting['mean_net']:+.3%} of {acting['acted']}",
    )
