"""Checks that an answer belongs to the question: bar length, session, clock. Each raises WrongAnswer."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime

import numpy as np

from growfolio.domain.assets import Market
from growfolio.domain.bars import Bars, OpenTimes
from growfolio.domain.calendar import sessions_between
from growfolio.domain.times import BAR, HOUR
from growfolio.errors import WrongAnswer

FURTHEST_CLOCK = BAR // 2
"""Seconds that a provider's clock may differ from ours: half a bar."""
FEWEST_STEPS = 3
"""Steps between bars without which their spacing says nothing: a halt, or a pair that few trade."""
ON_GRID = 0.9
"""The least share of bars that open on the 5-minute grid: the running one opens at its last trade."""


def check_spacing(bars: Bars, provider: str) -> None:
    """Check that bars are 5 minutes apart: that they lie on the grid, and not only on a coarser one."""
    if len(bars) <= FEWEST_STEPS:
        return
    steps = np.diff(np.sort(bars.open_time))
    usual = int(np.median(steps[steps > 0])) if (steps > 0).any() else BAR
    on_grid = (bars.open_time % BAR == 0).mean()
    if on_grid < ON_GRID or (usual != BAR and not (steps == BAR).any()):
        raise WrongAnswer(f"{provider} sent bars of {usual / 60:g} minutes in place of {BAR // 60}")


def check_sessions(bars: Bars, market: Market, provider: str) -> None:
    """Check that bars are not shifted against the sessions, as by an hour of daylight saving."""
    if market is Market.CRYPTO or not len(bars):
        return
    first, last = int(bars.open_time.min()), int(bars.open_time.max())
    for session in sessions_between(market, first, last + BAR):
        late = _none(bars.open_time, session.open, HOUR) and not _none(bars.open_time, session.close, HOUR)
        early = _none(bars.open_time, session.close - HOUR, HOUR) and not _none(
            bars.open_time, session.open - HOUR, HOUR
        )
        if late or early:
            raise WrongAnswer(f"{provider} sent bars that are shifted against the session by an hour or more")


def check_clock(date: str | None, provider: str, clock: Callable[[], float]) -> None:
    """Check an answer's Date header against our clock: neither is wrong, nor is the answer an old one."""
    if not date:
        return
    try:
        ahead = parsedate_to_datetime(date).timestamp() - clock()
    except ValueError:
        return
    if abs(ahead) > FURTHEST_CLOCK:
        side = "ahead of" if ahead > 0 else "behind"
        raise WrongAnswer(f"{provider}'s answer is {abs(ahead):.0f} s {side} our clock")


def _none(open_time: OpenTimes, start: int, seconds: int) -> bool:
    return not ((open_time >= start) & (open_time < start + seconds)).any()
