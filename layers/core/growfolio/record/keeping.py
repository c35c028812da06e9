"""Keeps the record of a market up to date: outcomes hour by hour, and what the signals were worth.

The record of each timeframe is written once an hour.
The last day is counted from the ledger's newest entries. A week, a month and all time are counted once a
day, when the day before is settled: `all` from sums that the item carries, to which that day is added.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import date, timedelta
from typing import Any

from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.grid import last_slots
from growfolio.domain.times import DAY, HOUR, day_of, utc_text
from growfolio.record.entries import Entry
from growfolio.record.ledger import Ledger
from growfolio.record.summary import Sums, added, sums_of, window, window_of
from growfolio.record.totals import Totals
from growfolio.storage.ports import RecordStore
from growfolio.storage.records import Outcome, Outcomes, StoredRecord

SETTLING = 4 * HOUR
"""After midnight UTC, when all of the day before is settled: twelve bars of 15 minutes, and a late one."""
MOST_ROLLED = 35
"""Days that one run counts: a record that was lost is counted again over some hours."""
WEEK, MONTH = 7, 30
"""Days, the last of which ended at the midnight that the record is rolled to."""


@dataclass(slots=True)
class _Rolled:
    """What changes once a day: the sums of all days before `through`, and the windows that end there."""

    through: int
    sums: Sums
    week: dict[str, Any]
    month: dict[str, Any]


class RecordKeeper:
    """The record of one market. Make one a function: it keeps what it rolled up."""

    def __init__(self, ledger: Ledger, store: RecordStore, market: Market) -> None:
        self._ledger = ledger
        self._store = store
        self._market = market
        self._rolled: dict[Timeframe, _Rolled] = {}
        self._written: dict[Timeframe, int] = {}
        """The newest bar of each timeframe when its record was written last."""
        self._unwritten: set[tuple[Timeframe, int]] = set()
        """Hours of which more is known than readers of the history see."""

    def update(self, now: int, settled: Iterable[Entry] = (), *, at_once: bool = False) -> None:
        """Write what the ledger knows by now of the hours in which signals were settled, for the history.

        Then write each timeframe's record, in the first refresh of an hour; at_once: in this one. Raises
        ArchiveError or StoreError.
        """
        self._unwritten |= {(Timeframe(one.timeframe), one.bar_close // HOUR * HOUR) for one in settled}
        for timeframe, hour in sorted(self._unwritten):
            self._store.put_outcomes(self._market, timeframe, hour, self._outcomes(timeframe, hour))
            self._unwritten.discard((timeframe, hour))
        for timeframe in Timeframe:
            newest = int(last_slots(self._market, now, timeframe, 1)[-1])
            written = self._written.get(timeframe, 0)
            if newest // HOUR > written // HOUR or (at_once and newest > written):
                self._store.put_record(self._record(timeframe, newest, now))
                self._written[timeframe] = newest

    def _record(self, timeframe: Timeframe, newest: int, now: int) -> StoredRecord:
        through = (now - SETTLING) // DAY * DAY
        rolled = self._rolled.get(timeframe) or self._read(timeframe)
        if rolled is None or rolled.through < through:
            rolled = self._roll(timeframe, rolled, through)
        self._rolled[timeframe] = rolled
        recent = self._entries(timeframe, _days(max(through, rolled.through), newest))
        day = self._entries(timeframe, _days(newest - DAY, newest))
        windows = {
            "day": window([entry for entry in day if entry.bar_close > newest - DAY], self._market),
            "week": rolled.week,
            "month": rolled.month,
            "all": window_of(added(rolled.sums, sums_of(recent)), self._market),
        }
        content = {
            "market": self._market.value,
            "timeframe": timeframe.value,
            "newest_bar_close": utc_text(newest),
            "rolled_until": utc_text(rolled.through),
            "windows": windows,
        }
        return StoredRecord(
            self._market, timeframe, newest, rolled.through, json.dumps(content), _written(rolled.sums)
        )

    def _read(self, timeframe: Timeframe) -> _Rolled | None:
        """What the item says that was written last."""
        stored = self._store.record(self._market, timeframe)
        if stored is None:
            return None
        windows = json.loads(stored.content)["windows"]
        return _Rolled(stored.through, _sums(stored.sums), windows["week"], windows["month"])

    def _roll(self, timeframe: Timeframe, rolled: _Rolled | None, through: int) -> _Rolled:
        """Count the days up to through that are not counted yet, and the week and month that end there."""
        since = day_of(rolled.through) if rolled else date.min
        sums: Sums = rolled.sums if rolled else {}
        kept: dict[date, list[Entry]] = {}
        lacking = [day for day in self._ledger.days() if since <= day < day_of(through)]
        if len(lacking) > MOST_ROLLED:
            through = _start(lacking[MOST_ROLLED])
        end, shown = day_of(through), set(_days(through - MONTH * DAY, through - 1))
        for day in self._ledger.days():
            if day < end and (day >= since or day in shown):
                own = self._entries(timeframe, [day])
                if day >= since:
                    sums = added(sums, sums_of(own))
                if day in shown:
                    kept[day] = own
        self._ledger.forget_before(end)
        month = [entry for own in kept.values() for entry in own]
        week = [entry for entry in month if entry.bar_close >= through - WEEK * DAY]
        return _Rolled(through, sums, window(week, self._market), window(month, self._market))

    def _outcomes(self, timeframe: Timeframe, hour: int) -> Outcomes:
        entries = self._entries(timeframe, [day_of(hour)])
        return {
            (one.symbol, one.bar_close): outcome_of(one)
            for one in entries
            if hour <= one.bar_close < hour + HOUR
        }

    def _entries(self, timeframe: Timeframe, days: Iterable[date]) -> list[Entry]:
        """In the order of time."""
        found = (entry for day in days for entry in self._ledger.day(day).values())
        return sorted((one for one in found if one.timeframe == timeframe), key=lambda one: one.key)


def outcome_of(entry: Entry) -> Outcome:
    """The outcome that readers of the history see."""
    return Outcome(
        entry.status,
        entry.reason,
        entry.outcome or None,
        None if entry.change is None else round(entry.change, 6),
        entry.first or None,
        entry.first_after,
        entry.promise or None,
    )


def _start(day: date) -> int:
    """The midnight, in seconds, that a UTC day begins with."""
    return (day - date(1970, 1, 1)).days * DAY


def _days(start: int, end: int) -> list[date]:
    """The UTC days from the one of start to the one of end."""
    first, last = day_of(start), day_of(end)
    return [first + timedelta(ahead) for ahead in range((last - first).days + 1)]


def _written(sums: Sums) -> str:
    return json.dumps([[*key, astuple(totals)] for key, totals in sums.items()])


def _sums(text: str) -> Sums:
    found: Sums = {}
    for kind, revision, group, numbers in json.loads(text):
        values: Sequence[Any] = [tuple(one) if isinstance(one, list) else one for one in numbers]
        found[kind, revision, group] = Totals(*values)
    return found
