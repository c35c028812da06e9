"""How often an asset is traded: its slots without trades, counted session by session. Pure."""

from collections.abc import Iterable

import numpy as np

from growfolio.domain.assets import Timeframe
from growfolio.domain.bars import Bars, SessionCount, among, closes_of
from growfolio.domain.calendar import Session
from growfolio.domain.grid import slots_of
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, untraded

SESSIONS_COUNTED = 20
"""Sessions of which an asset's own share of slots without trades is; of crypto, days."""


def counts_of(bars: Bars, sessions: Iterable[Session]) -> list[SessionCount]:
    """The counts of the sessions that the bars, which are sound and in order, cover; breaks are left out."""
    closes = closes_of(bars.where(~untraded(bars)).open_time)
    counts = []
    for session in sessions:
        slots = slots_of(session, Timeframe.M5)
        at = np.flatnonzero(among(slots, closes))
        runs = np.diff(at, prepend=-1, append=len(slots)) - 1
        filled = int(runs[runs <= MAX_FILLED_IN_A_ROW].sum())
        if len(at):
            counts.append(SessionCount(session.close, len(at) + filled, filled))
    return counts


def newest(*counts: Iterable[SessionCount]) -> tuple[SessionCount, ...]:
    """The last SESSIONS_COUNTED of all, oldest first; of two of one session the later argument's holds."""
    by_close = {count.close: count for some in counts for count in some}
    return tuple(sorted(by_close.values())[-SESSIONS_COUNTED:])
