"""What signals like each one were worth lately, by the record."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.conviction import (
    LEAST_LIKE,
    Conviction,
    Like,
    Move,
    break_even_pct,
    call_of,
    conviction,
    expected_move_pct,
    move,
    slot_of,
)
from growfolio.domain.signals import Action, Signal
from growfolio.errors import StoreError
from growfolio.presentation import Json

from signals_api import SERVICE
from signals_api.reading import Reader

logger = Logger(service=SERVICE)

Lines = Mapping[str, Any]
"""Of the last month, by revision."""


@dataclass(frozen=True, slots=True)
class Worth:
    """What is to be thought of one signal."""

    conviction: Conviction
    move: Move
    like: Like | None
    expected_move_pct: float
    break_even_pct: float

    def to_json(self) -> Json:
        like = self.like
        return {
            "conviction": self.conviction,
            "move": self.move,
            "like": {"n": like.n, "right": like.right, "opposite": like.opposite} if like else None,
            "expected_move_pct": round(self.expected_move_pct, 4),
            "break_even_pct": self.break_even_pct,
        }


def worth_of(reader: Reader, signals: Iterable[Signal], now: int) -> dict[Asset, Worth]:
    """Of each asset's signal, by its market's record of the last month. Without a record nothing is known."""
    lines: dict[tuple[Market, Timeframe], Lines] = {}
    found = {}
    for signal in signals:
        about = signal.asset.market, signal.timeframe
        if about not in lines:
            lines[about] = _lines(reader, *about, now)
        found[signal.asset] = weighed(signal, lines[about])
    return found


def no_edge(signal: Signal, worth: Worth) -> str:
    """A sentence about a BUY or SELL without conviction; empty for others."""
    if signal.action is Action.HOLD or worth.conviction is not Conviction.NONE:
        return ""
    if worth.expected_move_pct <= worth.break_even_pct:
        return "No edge in direction: the move to expect does not pay what acting on it costs."
    like = worth.like
    if like is None or like.direction_90 is None or like.n < LEAST_LIKE:
        return "No edge in direction is known: too few signals like it are settled."
    counts = f"{like.right} of {like.n} signals like it were right and {like.opposite} went the other way"
    return f"No edge in direction: in the last month {counts}."


def weighed(signal: Signal, lines: Lines) -> Worth:
    """One signal against those of its revision."""
    line = lines.get(signal.model.revision, {})
    stored = line.get("likes", {}).get(call_of(signal.action, float(max(signal.probabilities))))
    like = None
    if stored:
        bounds = stored["direction_90"]
        like = Like(stored["n"], stored["right"], stored["opposite"], bounds and (bounds[0], bounds[1]))
    usual = line.get("usual_moves", {}).get(slot_of(signal.bar_close))
    return Worth(
        conviction(signal, like),
        move(signal, usual),
        like,
        expected_move_pct(signal),
        break_even_pct(signal.asset.market),
    )


def _lines(reader: Reader, market: Market, timeframe: Timeframe, now: int) -> Lines:
    try:
        stored = reader.record(market, timeframe, now).value
    except StoreError as fault:
        logger.warning("signals without conviction, there is no record: %s", fault)
        return {}
    windows = json.loads(stored.content)["windows"] if stored else {}
    return {line["revision"]: line for line in windows.get("month", {}).get("revisions", ())}
