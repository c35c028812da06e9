"""The ledger's objects: what several runs write at once, and what damage does."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from growfolio.domain.assets import Market
from growfolio.domain.times import DAY, day_of, utc_text
from growfolio.errors import ArchiveError, ObjectChanged
from growfolio.record.entries import SCORED, Entry, entry_of
from growfolio.record.ledger import Ledger, decode, encode
from growfolio.storage.objects import MemoryObjects
from hypothesis import given

from tests.samples import BAR, a_signal
from tests.signals import signals

KEY = f"ledger/stocks/{day_of(BAR).isoformat()}.jsonl.gz"
OPEN = entry_of(a_signal())
KNOWN = replace(OPEN, status=SCORED, outcome="BUY", change=0.01, log_loss=0.5)


def a_ledger(objects: MemoryObjects) -> Ledger:
    return Ledger(objects, Market.STOCKS)


def written(objects: MemoryObjects) -> list[Entry]:
    return list(a_ledger(objects).day(day_of(BAR)).values())


@given(signals())
def test_an_entry_reads_back_as_it_was_written(signal: object) -> None:
    entry = entry_of(signal)  # type: ignore[arg-type]
    assert decode(encode([entry]), "it") == [entry]


def test_a_line_is_plain_json_that_names_its_signal() -> None:
    (line,) = gzip.decompress(encode([KNOWN])).splitlines()
    found = json.loads(line)
    assert (found["symbol"], found["timeframe"], found["bar_close"]) == ("AAPL", "5m", utc_text(BAR))
    assert (found["outcome"], found["log_loss"]) == ("BUY", 0.5)


def test_entries_lie_on_the_day_of_their_bar_and_are_completed_but_not_changed() -> None:
    objects = MemoryObjects()
    a_ledger(objects).add([OPEN, entry_of(a_signal(bar_close=BAR - DAY))])
    assert objects.keys("ledger/") == [KEY.replace("09-05", "09-04"), KEY]
    a_ledger(objects).add([KNOWN])
    a_ledger(objects).add([replace(KNOWN, outcome="SELL"), OPEN])
    assert written(objects) == [KNOWN]
    assert a_ledger(objects).days() == [day_of(BAR - DAY), day_of(BAR)]


def test_writing_what_is_there_writes_nothing() -> None:
    class Counting(MemoryObjects):
        writes = 0

        def replace(self, key: str, content: bytes, tag: str | None) -> str:
            self.writes += 1
            return super().replace(key, content, tag)

    objects = Counting()
    for _ in range(3):
        a_ledger(objects).add([KNOWN])
    assert objects.writes == 1


@pytest.mark.parametrize("order", [lambda one, other: (one, other), lambda one, other: (other, one)])
def test_two_runs_at_once_lose_no_line(order: Callable[[Ledger, Ledger], tuple[Ledger, Ledger]]) -> None:
    objects = MemoryObjects()
    one, other = order(a_ledger(objects), a_ledger(objects))
    one.day(day_of(BAR)), other.day(day_of(BAR))
    second = entry_of(a_signal("MSFT"))
    one.add([KNOWN])
    other.add([second, replace(KNOWN, outcome="HOLD")])
    assert sorted(written(objects), key=lambda entry: entry.symbol) == [KNOWN, second]


def test_an_object_that_changes_all_the_time_ends_the_run() -> None:
    class Restless(MemoryObjects):
        def replace(self, key: str, content: bytes, tag: str | None) -> str:
            raise ObjectChanged(key)

    with pytest.raises(ObjectChanged):
        a_ledger(Restless()).add([KNOWN])


def test_after_a_refused_write_the_day_is_read_again() -> None:
    class Refusing(MemoryObjects):
        refusing = True

        def replace(self, key: str, content: bytes, tag: str | None) -> str:
            written = super().replace(key, content, tag)
            if self.refusing:  # the answer was lost
                raise ArchiveError("no answer")
            return written

    objects = Refusing()
    ledger = a_ledger(objects)
    with pytest.raises(ArchiveError):
        ledger.add([OPEN])
    objects.refusing = False
    ledger.add([KNOWN])
    assert written(objects) == [KNOWN]


@pytest.mark.parametrize(
    "damage",
    [b"", b"{}", gzip.compress(b'{"symbol": "AAPL"}', mtime=0), encode([KNOWN])[:-20]],
    ids=["empty", "no gzip", "a line without its fields", "cut short"],
)
def test_a_damaged_day_is_set_aside_and_begun_anew(damage: bytes) -> None:
    objects = MemoryObjects()
    objects.write(KEY, damage)
    ledger = a_ledger(objects)
    ledger.add([KNOWN])
    assert written(objects) == [KNOWN]
    assert objects.read(f"{KEY}.damaged") == damage
    assert ledger.days() == [day_of(BAR)]
