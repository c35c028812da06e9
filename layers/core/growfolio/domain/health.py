"""Whether a market's readers are served what they should be. Pure: time is passed in.

The watch measures apart from refresh, from the table and our own calendar: a refresh that has stopped
running still has its measure.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from growfolio.domain.assets import Market, Timeframe, assets_of
from growfolio.domain.calendar import MarketHours, calendar_end, market_hours
from growfolio.domain.freshness import Judged, judge_all
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.signals import SignalRecord, Status
from growfolio.domain.times import DAY

MOST_REASONS = 5
"""A provider that is down gives one reason, not one for each asset."""


@dataclass(frozen=True, slots=True)
class MarketHealth:
    """The state of one market and of its signals, over all its assets and timeframes."""

    market: Market
    open: bool
    next_open: int | None
    """Where it is closed: when it opens, in seconds since the epoch, if that is known."""
    fresh_share: float | None
    """Of the signals that are due, the share that is current, 0 to 1; None where none is due."""
    statuses: dict[Status, int]
    """How many signals have each status."""
    reasons: dict[str, int]
    """Why signals are not current although their market is open, the commonest first: each with how many."""
    revisions: tuple[str, ...]
    """The model revisions that made the stored signals."""
    newest_bar: int | None
    """The close of the newest bar that has a signal."""

    def is_well(self, least_share: float) -> bool:
        """Whether at least this share of the signals that are due is current."""
        return self.fresh_share is None or self.fresh_share >= least_share


def market_health(hours: MarketHours, signals: Sequence[Judged], now: int) -> MarketHealth:
    """The health of one market, from the judged signals of all its assets and timeframes.

    Signals are due while the market is open, from the first bar of the session on, once its refresh has
    had its time: a market that opened a minute ago is not ill for having none yet. Of a timeframe that has
    no models yet none is due, as long as the market has signals on another.
    """
    session = hours.current(now)
    made = [judged.signal for judged in signals if judged.signal]
    served = {judged.timeframe for judged in signals if not made or _was_ever_tried(judged)}
    if signals and all(judged.status is Status.MARKET_CLOSED for judged in signals):
        session = None  # closed against the calendar
    due = [
        judged.status is Status.OK
        for judged in signals
        if judged.timeframe in served
        and session
        and now >= session.open + judged.timeframe.seconds + GRACE_SECONDS
    ]
    statuses = [judged.status for judged in signals]
    return MarketHealth(
        market=hours.market,
        open=session is not None,
        next_open=None if session else hours.next_open(now),
        fresh_share=sum(due) / len(due) if due else None,
        statuses={status: statuses.count(status) for status in Status if status in statuses},
        reasons=dict(
            Counter(why for judged in signals for why in _troubles(judged)).most_common(MOST_REASONS)
        ),
        revisions=tuple(sorted({signal.model.revision for signal in made})),
        newest_bar=max((signal.bar_close for signal in made), default=None),
    )


def _was_ever_tried(judged: Judged) -> bool:
    """Whether there was ever a model for it: it has a signal, or failed for another reason than that."""
    attempt = judged.last_attempt
    return judged.signal is not None or (attempt is not None and attempt.status is not Status.NO_MODEL)


def _troubles(judged: Judged) -> tuple[str, ...]:
    """Why it is not current; nothing where it is, or where only its market is closed."""
    return () if judged.status in (Status.OK, Status.MARKET_CLOSED) else judged.reasons


def fresh_shares(
    records: Sequence[SignalRecord], now: int, failed: Callable[[Market], object]
) -> dict[Market, float]:
    """Of the signals that are due at now (seconds since the epoch), the share that is current, 0 to 1.

    records are those of all timeframes. A market without an entry owes its readers nothing now: it is
    closed, or its first bar is still open. A market whose calendar has ended owes everything, and serves
    nothing of it. So does one that cannot be judged: failed is called with it while the error is handled.
    """
    shares = {}
    for market in Market:
        try:
            share = _fresh_share(market, records, now)
        except Exception:  # noqa: BLE001  # whatever it is, the other markets are judged
            failed(market)
            share = 0.0
        if share is not None:
            shares[market] = share
    return shares


def _fresh_share(market: Market, records: Sequence[SignalRecord], now: int) -> float | None:
    hours = market_hours(market, now)
    owed = [(asset, timeframe) for asset in assets_of(market) for timeframe in Timeframe]
    share = market_health(hours, judge_all(records, owed, {market: hours}.get, now), now).fresh_share
    end = calendar_end(market)
    return 0.0 if end is not None and now >= end + 10 * DAY else share
