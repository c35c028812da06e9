"""When what was read may change, and how long a warm function keeps it."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from aws_lambda_powertools import Logger
from growfolio.domain.assets import Market
from growfolio.domain.calendar import MarketHours
from growfolio.domain.freshness import Judged
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import Status
from growfolio.domain.times import BAR, HOUR
from growfolio.errors import StoreError

from signals_api import SERVICE

AWAITED_SECONDS = 5
"""How long an answer holds while a bar has closed and its signal may show any moment."""
LONGEST_SECONDS = HOUR
"""No answer holds longer, so that a correction reaches readers over a weekend too."""

Read = TypeVar("Read")

logger = Logger(service=SERVICE)

_FAILURES = {Status.NO_DATA, Status.BAD_DATA, Status.NO_MODEL, Status.STALE}


def changes_at(judged: Judged, hours: MarketHours, now: int) -> int:
    """When its reader may next see something else, in seconds since the epoch; always after now.

    That is when the bar under way closes, the market opens, or the signal expires, whichever is first;
    and at any moment while a bar is awaited. A bar is awaited from its close until its signal, or why
    there is none, has been stored; but no longer than one bar: then something is wrong, and asking
    every few seconds does not mend it.
    """
    soon = now + AWAITED_SECONDS
    session = next((s for s in reversed(hours.sessions) if s.open <= now), None)
    if session is None:
        return soon
    bar = judged.timeframe.seconds
    newest_close = session.open + (min(now, session.close) - session.open) // bar * bar
    just_opened = newest_close == session.open and judged.asset.market is not Market.CRYPTO
    awaited = not just_opened and _tried_until(judged) < newest_close and now < newest_close + bar
    changes = [
        soon if awaited else None,
        _mended_at(now, soon) if judged.status in _FAILURES and not just_opened else None,
        newest_close + bar if newest_close < session.close else hours.next_open(now),
        judged.signal.expires_at if judged.signal else None,
    ]
    return min((change for change in changes if change and change > now), default=soon)


def _mended_at(now: int, soon: int) -> int:
    """When what failed may have been mended: a refresh tries again every five minutes."""
    since = now % BAR
    return soon if since < GRACE_SECONDS else now - since + BAR


def _tried_until(judged: Judged) -> int:
    """The close of the newest bar that a signal was made or tried for."""
    return max(entry.bar_close if entry else 0 for entry in (judged.signal, judged.last_attempt))


def holds_for(change: int, now: int) -> int:
    """For how many seconds an answer may be kept that may change at that moment, which is after now."""
    return min(LONGEST_SECONDS, change - now)


@dataclass(frozen=True, slots=True)
class Found(Generic[Read]):
    """What the table said, and for how long it speaks."""

    value: Read
    read_at: int
    until: int
    """When the table may say something else. Both are seconds since the epoch."""
    fault: StoreError | None = None
    """Why the table could not be read anew: then value is what it said last."""


class Kept(Generic[Read]):
    """What was read last under each key, with the stretch of time that it speaks for.

    No entry is served as fresh outside of that stretch. Threads may share it: two that find nothing both
    read, and either's reading is as good.
    """

    def __init__(self, longest: int) -> None:
        """longest is how many seconds anything counts as fresh at most; at 0 everything is read anew."""
        self._longest = longest
        self._entries: dict[Hashable, Found[Read]] = {}

    def get(
        self, key: Hashable, now: int, read: Callable[[], Read], until: Callable[[Read], int]
    ) -> Found[Read]:
        """What is kept for now (seconds since the epoch), else what read gives, kept until that moment.

        Where reading fails, what was read last, with the fault. Raises StoreError where nothing was.
        """
        held = self._entries.get(key)
        if held is not None and held.read_at <= now < min(held.until, held.read_at + self._longest):
            return held
        try:
            value = read()
        except StoreError as fault:
            if held is None:
                raise
            logger.warning("the table does not answer, what was read last stands in: %s", fault)
            return replace(held, until=now + AWAITED_SECONDS, fault=fault)
        found = self._entries[key] = Found(value, now, until(value))
        return found
