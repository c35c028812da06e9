"""Failover between providers of the same candles: which of them serves, when it is left, when asked again.

All assets come from one provider at a time: two providers' volumes do not go into one window. Whoever
keeps candles keeps them by the name of their provider, so that going back costs nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic, sleep
from typing import Generic, Protocol, TypeVar

import numpy as np

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, opens_of
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, untraded
from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.fetching import fetch_checked, wrong_answers
from growfolio.market.ports import Fetched, Patience

USABLE_SHARE = 0.5
"""A provider is usable while at least so many of the assets have their newest candle and a whole window."""
BAD_RUNS = 2
"""A provider that serves somebody is left after so many bad runs in a row; else at once."""
REST = 900
"""Seconds that a provider is left alone after another took over."""
MISSING_SHARE = 0.05
"""A window that starts later than so much of it is not whole."""


class Provider(Protocol):
    """One provider that can be asked, without any other to fall back on."""

    @property
    def name(self) -> str:
        """Shown to readers as the source of a price."""

    def fetch_once(self, since: Mapping[Asset, int], now: int, patience: Patience) -> Fetched:
        """As MarketSource.fetch, within patience.deadline, without waiting for late bars."""


P = TypeVar("P", bound=Provider)


@dataclass(slots=True)
class _Record(Generic[P]):
    """One provider and how it has done."""

    provider: P
    bad_runs: int = 0
    rests_until: int = 0
    slot: int = 0
    asked: set[Asset] = field(default_factory=set)
    """The assets asked for since this slot closed, of which some came current, and some of those whole."""
    current: set[Asset] = field(default_factory=set)
    usable: set[Asset] = field(default_factory=set)
    oldest: dict[Asset, int] = field(default_factory=dict)
    """When the oldest bar opened that ever came of each asset: what is missing after it is a gap."""

    def note(self, answers: Fetched, since: Mapping[Asset, int], now: int) -> None:
        """Count what came, beside what came before for this slot: a late run asks for a few assets."""
        newest = max(int(last_slots(asset.market, now, Timeframe.M5, 1)[0]) for asset in since)
        if newest != self.slot:
            self.slot, self.asked, self.current, self.usable = newest, set(), set(), set()
        self.asked |= set(since)
        self.current -= set(since)
        self.usable -= set(since)
        for asset, answer in answers.items():
            if isinstance(answer, Bars) and len(answer):
                self._note_bars(asset, answer, since[asset], now)

    def _note_bars(self, asset: Asset, bars: Bars, since: int, now: int) -> None:
        oldest = min(_oldest(bars), self.oldest.get(asset, now))
        self.oldest[asset] = oldest
        slots = opens_of(slots_between(asset.market, since, now, Timeframe.M5))
        traded = ~untraded(bars)
        if len(slots) and slots[-1] not in bars.open_time[traded & np.isfinite(bars.close)]:
            return
        self.current.add(asset)
        if (slots < oldest).sum() <= max(MAX_FILLED_IN_A_ROW, MISSING_SHARE * len(slots)):
            self.usable.add(asset)

    @property
    def good(self) -> bool:
        return len(self.usable) >= USABLE_SHARE * len(self.asked)

    @property
    def score(self) -> str:
        return f"{len(self.usable)} of {len(self.asked)} assets have their newest candle and a whole window"


class Failover(Generic[P]):
    """A list of providers, the preferred one first, that is asked as one."""

    def __init__(
        self, providers: Sequence[P], patience: Patience, wait: Callable[[float], object] = sleep
    ) -> None:
        """providers must not be empty."""
        self._records = [_Record(provider) for provider in providers]
        self._patience = patience
        self._wait = wait
        self._serving = self._records[0]
        self._served_at = 0
        self._notes: tuple[str, ...] = ()

    @property
    def serving(self) -> P:
        """The provider that answered last."""
        return self._serving.provider

    @property
    def notes(self) -> tuple[str, ...]:
        """Of the last run: who serves in whose place, and answers to other questions."""
        return self._notes

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch. Where all providers fail, each asset has the reasons of all.

        Asked again at the same moment, it stays with the provider that it chose.
        """
        if now == self._served_at:
            return self._ask(self._serving.provider, since, now, self._patience)
        tried: list[tuple[_Record[P], Fetched]] = []
        left = self._patience
        choices = self._choices(now)
        for nth, record in enumerate(choices):
            start, waits = monotonic(), list[float]()
            share = replace(left, deadline=left.deadline / (len(choices) - nth))
            answers = self._ask(record.provider, since, now, share, waits)
            record.note(answers, since, now)
            tried.append((record, answers))
            if record.good or self._is_tolerated(record):
                break
            spent = monotonic() - start - sum(waits)
            left = replace(
                left,
                deadline=max(0.0, left.deadline - spent),
                publication=max(0.0, left.publication - sum(waits)),
            )
        record, answers = max(
            tried, key=lambda one: (len(one[0].usable), len(one[0].current), _served(one[1]))
        )
        self._take(record, [other for other, _ in tried if other is not record], now)
        self._notes = (*self._notes, *wrong_answers(answers))
        if _served(answers):
            return answers
        return _all_reasons([(other.provider.name, failed) for other, failed in tried])

    def _choices(self, now: int) -> list[_Record[P]]:
        return [record for record in self._records if record.rests_until <= now] or self._records

    def _is_tolerated(self, record: _Record[P]) -> bool:
        """Whether a bad run is forgiven: late candles have often come by the next."""
        return record is self._serving and bool(record.usable) and record.bad_runs + 1 < BAD_RUNS

    def _take(self, record: _Record[P], left: Sequence[_Record[P]], now: int) -> None:
        """Serve by this one; those that were asked in vain rest, and are preferred again after it."""
        self._serving, self._served_at = record, now
        record.bad_runs = 0 if record.good else record.bad_runs + 1
        for other in left:
            other.bad_runs += 1
            if record.usable:
                other.rests_until = now + REST
        notes = [f"{one.provider.name}: {one.score}" for one in (*left, record) if not one.good]
        if record is not self._records[0]:
            notes.append(f"{record.provider.name} serves in place of {self._records[0].provider.name}")
        self._notes = tuple(notes)

    def _ask(
        self,
        provider: P,
        since: Mapping[Asset, int],
        now: int,
        patience: Patience,
        waits: list[float] | None = None,
    ) -> Fetched:
        """Ask one provider, with waiting for late bars; the seconds waited are added to waits."""

        def wait(seconds: float) -> None:
            if waits is not None:
                waits.append(seconds)
            self._wait(seconds)

        return fetch_checked(
            lambda since, now: provider.fetch_once(since, now, patience), since, now, patience, wait
        )


def _oldest(bars: Bars) -> int:
    both = (bars, bars.quarters) if bars.quarters is not None else (bars,)
    return min(int(own.open_time.min()) for own in both if len(own))


def _served(answers: Fetched) -> int:
    return sum(isinstance(answer, Bars) for answer in answers.values())


def _all_reasons(failures: Sequence[tuple[str, Fetched]]) -> Fetched:
    """For each asset one error with the reasons of all providers: temporary if any is."""
    reasons: dict[Asset, list[MarketError]] = {}
    for name, answers in failures:
        for asset, error in answers.items():
            if isinstance(error, MarketError):
                named = error if name in str(error) else type(error)(f"{name}: {error}")
                reasons.setdefault(asset, []).append(named)
    return {asset: _joined(errors) for asset, errors in reasons.items()}


def _joined(reasons: Sequence[MarketError]) -> MarketError:
    if len(reasons) == 1:
        return reasons[0]
    temporary = any(isinstance(reason, TemporaryMarketError) for reason in reasons)
    kind = TemporaryMarketError if temporary else PermanentMarketError
    return kind("; ".join(map(str, reasons)))
