"""The length of a bar, an hour and a day; moments as text. Pure; imports no numpy: readers start fast.

A moment is a whole number of seconds since the epoch.
"""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Annotated, Final

Moment = Annotated[int, "seconds since the epoch"]
"""Says of a field that it is a moment: readers see it as text."""
BAR: Final = 300
"""Seconds of the shortest bar, that of 5m: providers are asked for these, all others are made of them."""
HOUR: Final = 3_600
DAY: Final = 86_400

_ISO = "%Y-%m-%dT%H:%M:%SZ"


@lru_cache(maxsize=1024)
def utc_text(moment: int) -> str:
    """As programs read it: 2024-09-05T18:00:00Z."""
    return datetime.fromtimestamp(moment, UTC).strftime(_ISO)


def utc_minute(moment: int) -> str:
    """As people read it: 2024-09-05 18:00 UTC."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M UTC")


def from_utc_text(text: str) -> int:
    """The moment that utc_text wrote. Raises ValueError for any other text."""
    return int(datetime.strptime(text, _ISO).replace(tzinfo=UTC).timestamp())


def day_of(moment: int) -> date:
    """The UTC day of a moment."""
    return datetime.fromtimestamp(moment, UTC).date()
