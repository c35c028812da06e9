"""The record: what settled signals were worth, as ready-made numbers for readers.

By market, asset and strength of a signal, over a day, a week, a month and all time; a line for each model
revision. Signals of bars that the model was trained on, and those of made-up prices, are counted apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from growfolio.domain.assets import Market
from growfolio.domain.conviction import call_of, slot_of, strength_of
from growfolio.domain.signals import Action
from growfolio.record.calibration import calibration, slot_of_hour
from growfolio.record.entries import SCORED, Entry
from growfolio.record.resampling import intervals
from growfolio.record.totals import LEAST_SETTLED, Scored, Totals

PUBLIC, IN_SAMPLE, SIMULATED = "public", "in_sample", "simulated"
WHOLE = ""
"""The group of all signals of the market; others are `asset BTC`, `strength high`."""
MOST_REVISIONS = 5
"""Lines that are shown: the newest revisions."""

Key = tuple[str, str, str]
"""Kind, revision, group."""
Sums = dict[Key, Totals]


def kind_of(entry: Entry) -> str:
    """Whether a signal counts in public, or apart and why."""
    return SIMULATED if entry.simulated else IN_SAMPLE if entry.in_sample else PUBLIC


def grouped(entries: Sequence[Entry]) -> dict[Key, list[Entry]]:
    """The entries of each kind, revision and group; of what is counted apart there is one group."""
    found: dict[Key, list[Entry]] = {}
    for entry in entries:
        kind = kind_of(entry)
        groups = [WHOLE]
        if kind == PUBLIC:
            groups += [f"asset {entry.symbol}", f"strength {strength_of(_most(entry))}"]
        for group in groups:
            found.setdefault((kind, entry.revision, group), []).append(entry)
    return found


def sums_of(entries: Sequence[Entry]) -> Sums:
    return {key: Totals.of(own) for key, own in grouped(entries).items()}


def added(one: Sums, other: Mapping[Key, Totals]) -> Sums:
    """Both together; of revisions that are no longer shown, the whole alone."""
    both = one | {key: one.get(key, Totals()) + totals for key, totals in other.items()}
    shown = set(_revisions(both)[-MOST_REVISIONS:])
    return {key: totals for key, totals in both.items() if key[2] == WHOLE or key[1] in shown}


def _revisions(groups: Iterable[Key]) -> list[str]:
    """Those with public signals, oldest first."""
    return list(dict.fromkeys(revision for kind, revision, _ in groups if kind == PUBLIC))


def window(entries: Sequence[Entry], market: Market) -> dict[str, Any]:
    """The record of some signals, with what only their rows can say: calibration and intervals."""
    groups = grouped(entries)
    found = _lines({key: _whole(own, key[2], market) for key, own in groups.items()})
    for line in found["revisions"]:
        own = groups[PUBLIC, line["revision"], WHOLE]
        line |= {"likes": likes_of(own), "usual_moves": _usual_moves(own)}
    return found


def window_of(sums: Sums, market: Market) -> dict[str, Any]:
    """The record of signals whose sums alone are left."""
    rest = {"calibration": None, "calibration_in_slots": None, "direction_90": None}
    found = _lines({key: totals.to_json(market) | rest for key, totals in sums.items()})
    for line in found["revisions"]:
        line |= {"likes": {}, "usual_moves": {}}
    return found


def _most(entry: Entry) -> float:
    return max(entry.p_sell, entry.p_hold, entry.p_buy)


def likes_of(entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """What became of BUY and SELL by strength, e.g. of `BUY high`: right, opposite, and their interval."""
    kinds: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.status == SCORED and entry.action != Action.HOLD:
            kinds.setdefault(call_of(entry.action, _most(entry)), []).append(entry)
    return {kind: _like(own) for kind, own in sorted(kinds.items())}


def _like(entries: Sequence[Entry]) -> dict[str, Any]:
    right = sum(entry.outcome == entry.action for entry in entries)
    opposite = sum(entry.outcome not in (entry.action, Action.HOLD) for entry in entries)
    direction = None
    if right + opposite >= LEAST_SETTLED:
        rows = Scored.of(entries)
        bounds = intervals(rows.probabilities, rows.labels, rows.bar_close, np.full(3, 1 / 3))["direction"]
        direction = [round(bound, 6) for bound in bounds]
    return {"n": len(entries), "right": right, "opposite": opposite, "direction_90": direction}


def _usual_moves(entries: Sequence[Entry]) -> dict[str, float]:
    """The mean of 1 - P(HOLD) by the minute of the hour that bars close in."""
    slots: dict[str, list[float]] = {}
    for entry in entries:
        slots.setdefault(slot_of(entry.bar_close), []).append(1 - entry.p_hold)
    return {slot: round(fmean(slots[slot]), 4) for slot in sorted(slots, key=int)}


def _whole(entries: Sequence[Entry], group: str, market: Market) -> dict[str, Any]:
    counted = Totals.of(entries).to_json(market)
    rows = Scored.of(entries)
    if len(rows.labels) < LEAST_SETTLED:
        return counted | {"calibration": None, "calibration_in_slots": None, "direction_90": None}
    given = rows.probabilities, rows.labels, rows.bar_close
    slots = slot_of_hour(rows.bar_close) if group == WHOLE else None
    shares = np.where(np.isnan(rows.shares), 1 / 3, rows.shares)
    low, high = intervals(*given, shares)["direction"]
    return counted | {
        "calibration": calibration(*given).to_json(),
        "calibration_in_slots": None if slots is None else calibration(*given, slots).to_json(),
        "direction_90": [round(low, 6), round(high, 6)],
    }


def _lines(groups: Mapping[Key, dict[str, Any]]) -> dict[str, Any]:
    """The newest revision first, last in groups; what is counted apart beside them."""
    return {
        "revisions": [
            {
                "revision": revision,
                "market": groups[PUBLIC, revision, WHOLE],
                "assets": _named(groups, revision, "asset "),
                "strengths": _named(groups, revision, "strength "),
            }
            for revision in reversed(_revisions(groups)[-MOST_REVISIONS:])
        ],
        **{
            kind: [
                {"revision": revision, "market": numbers}
                for (own, revision, _), numbers in reversed(list(groups.items()))
                if own == kind
            ][:MOST_REVISIONS]
            for kind in (IN_SAMPLE, SIMULATED)
        },
    }


def _named(groups: Mapping[Key, dict[str, Any]], revision: str, prefix: str) -> dict[str, dict[str, Any]]:
    return {
        group.removeprefix(prefix): numbers
        for (kind, own, group), numbers in groups.items()
        if kind == PUBLIC and own == revision and group.startswith(prefix)
    }
