"""How long an answer holds, and how a reader asks whether it still does."""

from collections.abc import Callable, Hashable
from hashlib import blake2b
from typing import Generic, TypeVar

from fastapi import Request, Response
from growfolio.domain.assets import Market
from growfolio.domain.calendar import GRACE_SECONDS, MarketHours
from growfolio.domain.freshness import Judged
from growfolio.domain.signals import Signal, Status
from growfolio.domain.times import BAR
from growfolio.presentation import Json, judged_json, to_json

from signals_api.documentation import EXAMPLE

AWAITED_SECONDS = 5
"""How long an answer holds while a bar has closed and its signal may show any moment."""
LONGEST_SECONDS = 3600
"""No answer holds longer, so that a correction reaches readers over a weekend too."""
NEVER_KEPT = {"Cache-Control": "no-store"}

Read = TypeVar("Read")

_FAILURES = {Status.NO_DATA, Status.BAD_DATA, Status.NO_MODEL, Status.STALE}

_FORM = to_json(judged_json(EXAMPLE))
"""A part of every ETag: a deployment that writes the same signals in another form changes them all."""


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


def judged_identity(judged: Judged) -> tuple[object, ...]:
    """What tells it from every other judgement of every other signal, without writing it out."""
    attempt = judged.last_attempt
    return (
        judged.asset.symbol,
        judged.timeframe,
        judged.status,
        judged.reasons,
        judged.next_open,
        signal_identity(judged.signal) if judged.signal else None,
        (attempt.bar_close, attempt.at, attempt.status, attempt.reasons) if attempt else None,
    )


def signal_identity(signal: Signal) -> tuple[object, ...]:
    """A bar's signal is replaced only by another revision's or one generated at another time."""
    return (
        signal.asset.symbol,
        signal.timeframe,
        signal.bar_close,
        signal.generated_at,
        signal.model.revision,
        signal.price.time,
        signal.price.source,
    )


def entity_tag(*identities: object) -> str:
    """A strong ETag for an answer that these determine; they print alike in every process."""
    text = "\n".join((_FORM, *map(str, identities)))
    return f'"{blake2b(text.encode(), digest_size=12).hexdigest()}"'


def answer(request: Request, body: Callable[[], Json], *, tag: str, seconds: int) -> Response:
    """304 for a reader that has the answer already, without building it; the answer for any other."""
    return answer_text(request, lambda: to_json(body()), "application/json", tag=tag, seconds=seconds)


def answer_text(
    request: Request, text: Callable[[], str], media_type: str, *, tag: str, seconds: int
) -> Response:
    """The same for an answer that is no JSON."""
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}"}
    if _holds(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(text(), headers=headers, media_type=media_type)


def _holds(if_none_match: str, tag: str) -> bool:
    held = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in held or "*" in held


class Kept(Generic[Read]):
    """What was read last under each key, with the stretch of time that it speaks for.

    No entry is ever served outside of that stretch. Threads may share it: two that find nothing both
    read, and either's reading is as good.
    """

    def __init__(self, longest: int) -> None:
        """longest is how many seconds anything is kept at most; 0 keeps nothing."""
        self._longest = longest
        self._entries: dict[Hashable, tuple[int, int, Read]] = {}

    def get(self, key: Hashable, now: int, read: Callable[[], Read], until: Callable[[Read], int]) -> Read:
        """What is kept for now (seconds since the epoch), else what read gives, kept until that moment."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] <= now < entry[1]:
            return entry[2]
        found = read()
        if self._longest:
            self._entries[key] = (now, min(until(found), now + self._longest), found)
        return found
