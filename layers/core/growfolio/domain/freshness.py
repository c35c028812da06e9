"""What a stored signal is worth to a reader at a given moment. Pure: time is passed in.

A signal that is not current is never passed off as one: it stays attached as the last known, with the
status and the reason that say so.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import Action, Attempt, Signal, SignalRecord, Status
from growfolio.domain.times import utc_text


@dataclass(frozen=True, slots=True)
class Judged:
    """One asset and timeframe as a reader may see it at the moment it was judged for."""

    asset: Asset
    timeframe: Timeframe
    signal: Signal | None
    """Current where status is ok; otherwise the last known, if there is one."""
    status: Status
    reasons: tuple[str, ...] = ()
    next_open: int | None = None
    """When the market opens, in seconds since the epoch, where it is closed."""
    last_attempt: Attempt | None = None
    """The last try to make a signal, whatever came of it."""

    @property
    def action(self) -> Action:
        """The signal's; HOLD where there is none."""
        return self.signal.action if self.signal else Action.HOLD

    @property
    def confidence(self) -> Decimal:
        """The signal's, 0 to 100; 0 where there is none."""
        return self.signal.confidence if self.signal else Decimal(0)


def judge(record: SignalRecord, hours: MarketHours | None, now: int) -> Judged:
    """The record as it is worth at now (seconds since the epoch).

    hours are those of the record's market, None where nobody has stored any; crypto needs none, it
    never closes. Raises ValueError for another market's hours.
    """
    unscheduled = _is_closed_unscheduled(record, now)
    opened = not unscheduled and _is_open(record.asset.market, hours, now)
    next_open = hours.next_open(now) if hours and opened is False else None

    def judged(status: Status, *reasons: str) -> Judged:
        return Judged(
            record.asset, record.timeframe, record.signal, status, reasons, next_open, record.last_attempt
        )

    signal, attempt = record.signal, record.last_attempt
    if attempt and unscheduled:
        return judged(Status.MARKET_CLOSED, *attempt.reasons)
    if signal is None:
        if attempt is None or attempt.status in (Status.OK, Status.MARKET_CLOSED):
            return judged(Status.NO_DATA, "no signal yet")
        return judged(attempt.status, *attempt.reasons)
    failed_since = attempt.reasons if attempt and attempt.bar_close > signal.bar_close else ()
    if opened is None:
        return judged(Status.STALE, "market hours unknown", *failed_since)
    if not opened:
        return judged(Status.MARKET_CLOSED, "the market is closed", *failed_since)
    if now < signal.expires_at:
        return judged(Status.OK)
    if _awaits_first_bar(signal, hours, now):
        return judged(Status.STALE, "waiting for the first bar of the session", *failed_since)
    return judged(Status.STALE, f"expired at {utc_text(signal.expires_at)}", *failed_since)


def judge_all(
    records: Iterable[SignalRecord],
    owed: Iterable[tuple[Asset, Timeframe]],
    hours: Callable[[Market], MarketHours | None],
    now: int,
) -> list[Judged]:
    """One judgement for each asset and timeframe owed, in that order, whether or not a record is there."""
    stored = {(record.asset, record.timeframe): record for record in records}
    return [
        judge(stored.get(key) or SignalRecord(*key, None, None), hours(key[0].market), now) for key in owed
    ]


def _is_open(market: Market, hours: MarketHours | None, now: int) -> bool | None:
    """None where it cannot be known. At the second of the close the market is closed."""
    if hours is not None and hours.market is not market:
        raise ValueError(f"hours of {hours.market} say nothing about {market}")
    if market is Market.CRYPTO:
        return True
    if hours is None or not hours.known_at(now):
        return None
    return hours.current(now) is not None


def _is_closed_unscheduled(record: SignalRecord, now: int) -> bool:
    """Whether the last refresh found the market closed against the calendar, and is not overdue.

    So a refresh that stops during a closure leaves no market closed for ever.
    """
    signal, attempt = record.signal, record.last_attempt
    if attempt is None or attempt.status is not Status.MARKET_CLOSED:
        return False
    newer = signal is None or attempt.bar_close > signal.bar_close
    return newer and now < attempt.bar_close + record.timeframe.seconds + GRACE_SECONDS


def _awaits_first_bar(signal: Signal, hours: MarketHours | None, now: int) -> bool:
    """Whether a refresh of the session's first bar is not yet due, and the signal is an earlier session's."""
    session = hours.current(now) if hours and signal.asset.market is not Market.CRYPTO else None
    if session is None or signal.bar_close > session.open:
        return False
    return now < session.open + signal.timeframe.seconds + GRACE_SECONDS
