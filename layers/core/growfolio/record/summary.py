"""The record: what settled signals were worth, as ready-made numbers for readers.

By market, asset and strength of a signal, over a day, a week, a month and all time; a line for each model
revision. Signals of bars that the model was trained on, and those of made-up prices, are counted apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from growfolio.domain.assets import Market
from growfolio.record.calibration import calibration, slot_of_hour
from growfolio.record.outcomes import Entry
from growfolio.record.resampling import intervals
from growfolio.record.totals import LEAST_SETTLED, Scored, Totals

STRENGTHS = {"high": 0.6, "middle": 0.45, "low": 0.0}
"""The probability of a signal's action from which on it is of this band."""
PUBLIC, IN_SAMPLE, SIMULATED = "public", "in_sample", "simulated"
WHOLE = ""
"""The group of all signals of the market; others are `asset BTC`, `strength high`."""
MOST_REVISIONS = 5
"""Lines that are shown: the newest revisions."""

Key = tuple[str, str, str]
"""Kind, revision, group."""
Sums = dict[Key, Totals]


def strength_of(entry: Entry) -> str:
    """The band of a signal by how sure it was."""
    sure = max(entry.p_sell, entry.p_hold, entry.p_buy)
    return next(name for name, least in STRENGTHS.items() if sure >= least)


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
            groups += [f"asset {entry.symbol}", f"strength {strength_of(entry)}"]
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
    return _lines({key: _whole(own, key[2], market) for key, own in groups.items()})


def window_of(sums: Sums, market: Market) -> dict[str, Any]:
    """The record of signals whose sums alone are left."""
    rest = {"calibration": None, "calibration_in_slots": None, "direction_90": None}
    return _lines({key: totals.to_json(market) | rest for key, totals in sums.items()})


def _whole(entries: Sequence[Entry], group: str, market: Market) -> dict[str, Any]:
    told = Totals.of(entries).to_json(market)
    rows = Scored.of(entries)
    if len(rows.labels) < LEAST_SETTLED:
        return told | {"calibration": None, "calibration_in_slots": None, "direction_90": None}
    given = rows.probabilities, rows.labels, rows.bar_close
    slots = slot_of_hour(rows.bar_close) if group == WHOLE else None
    shares = np.where(np.isnan(rows.shares), 1 / 3, rows.shares)
    low, high = intervals(*given, shares)["direction"]
    return told | {
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
