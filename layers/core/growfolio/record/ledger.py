"""The ledger: every signal with what became of it, one object a UTC day in the bucket.

    ledger/<market>/<day>.jsonl.gz      a JSON object a line, compressed; the day is that of the bar's close

Written over the version that was read (If-Match): of two runs at once neither loses a line, and what one of
them has settled the other does not change. DuckDB reads all days in one line (README).
"""

import gzip
import json
import logging
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from growfolio.domain.assets import Market
from growfolio.domain.times import day_of, from_utc_text, utc_text
from growfolio.errors import ArchiveError, ObjectChanged
from growfolio.record.entries import FIELDS, Entry
from growfolio.storage.candle_archive import RACES
from growfolio.storage.objects import ObjectStore

log = logging.getLogger(__name__)

Entries = dict[tuple[int, str, str], Entry]
"""By close, timeframe and symbol."""
LEVEL = 4
"""Of compression: a day of coins is about 2 MB of text, which is written anew at each bar."""


@dataclass(slots=True)
class _Day:
    tag: str | None
    entries: Entries
    lines: dict[tuple[int, str, str], str]
    """Each entry as it is written: from one bar to the next few of a day's thousands change."""


class Ledger:
    """The ledger of one market; keeps the days that it read. Raises ArchiveError when out of reach."""

    def __init__(self, objects: ObjectStore, market: Market) -> None:
        self._objects = objects
        self._market = market
        self._days: dict[date, _Day] = {}

    def day(self, day: date) -> Mapping[tuple[int, str, str], Entry]:
        """The entries of a UTC day; none where nothing was written."""
        if day not in self._days:
            self._days[day] = self._read(day)
        return self._days[day].entries

    def days(self) -> list[date]:
        """The days that there are, oldest first."""
        prefix = f"ledger/{self._market}/"
        names = (key[len(prefix) :].removesuffix(".jsonl.gz") for key in self._objects.keys(prefix))
        return [date.fromisoformat(name) for name in names if len(name) == len("2024-09-05")]

    def add(self, entries: Iterable[Entry]) -> None:
        """Add these or complete those that are there; what is settled there stays as it is."""
        by_day: dict[date, list[Entry]] = {}
        for entry in entries:
            by_day.setdefault(day_of(entry.bar_close), []).append(entry)
        for day, own in by_day.items():
            self._add(day, own)

    def forget_before(self, day: date) -> None:
        """Drop older days from memory."""
        self._days = {one: held for one, held in self._days.items() if one >= day}

    def _add(self, day: date, entries: list[Entry]) -> None:
        for left in reversed(range(RACES)):
            self.day(day)
            held = self._days[day]
            known = ((entry, held.entries.get(entry.key)) for entry in entries)
            whole = {entry.key: old.completed_by(entry) if old else entry for entry, old in known}
            changed = {key: entry for key, entry in whole.items() if entry != held.entries.get(key)}
            if not changed:
                return
            lines = held.lines | {key: line_of(entry) for key, entry in changed.items()}
            try:
                tag = self._objects.replace(self._key(day), _compressed(lines), held.tag)
            except ObjectChanged:
                del self._days[day]
                if not left:
                    raise
            except ArchiveError:
                del self._days[day]  # it may have been written all the same
                raise
            else:
                self._days[day] = _Day(tag, held.entries | changed, lines)
                return

    def _read(self, day: date) -> _Day:
        key = self._key(day)
        found = self._objects.read_tagged(key)
        if found is None:
            return _Day(None, {}, {})
        try:
            entries = {entry.key: entry for entry in decode(found.content, key)}
            return _Day(found.tag, entries, {at: line_of(entry) for at, entry in entries.items()})
        except ArchiveError as fault:
            # Set aside for a person to look at: a day that cannot be read must not end the record.
            log.warning("%s: it is set aside, and the day begins anew", fault)
            self._objects.write(f"{key}.damaged", found.content)
            return _Day(found.tag, {}, {})

    def _key(self, day: date) -> str:
        return f"ledger/{self._market}/{day.isoformat()}.jsonl.gz"


def encode(entries: Iterable[Entry]) -> bytes:
    """Compressed JSON lines in the order of time; the same entries give the same bytes."""
    return _compressed({entry.key: line_of(entry) for entry in entries})


def line_of(entry: Entry) -> str:
    """An entry as a line of JSON."""
    values = {name: getattr(entry, name) for name in FIELDS} | {"bar_close": utc_text(entry.bar_close)}
    return json.dumps(values, separators=(",", ":"))


def _compressed(lines: Mapping[tuple[int, str, str], str]) -> bytes:
    text = "".join(f"{lines[key]}\n" for key in sorted(lines))
    return gzip.compress(text.encode(), LEVEL, mtime=0)


def decode(content: bytes, name: str) -> list[Entry]:
    """What encode wrote; fields that are not known are left out. Raises ArchiveError."""
    try:
        if not content:
            raise ValueError("it is empty")
        return [_entry(json.loads(line)) for line in gzip.decompress(content).decode().splitlines()]
    except (OSError, EOFError, ValueError, TypeError, KeyError, zlib.error) as fault:
        raise ArchiveError(f"{name} is damaged: {type(fault).__name__}: {fault}"[:200]) from fault


def _entry(line: dict[str, Any]) -> Entry:
    known = {name: line[name] for name in FIELDS if name in line}
    known["bar_close"] = from_utc_text(line["bar_close"])
    known["shares"] = tuple(line["shares"]) if line.get("shares") else None
    return Entry(**known)
