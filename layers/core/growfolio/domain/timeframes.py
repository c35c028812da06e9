"""The lengths of bars: those that are possible, and those of the list, which the product serves."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from growfolio.domain.catalogue import catalogue
from growfolio.errors import ConfigurationError

GRID = "5m"
"""The bars that providers are asked for; all longer ones are made of them."""
LENGTHS = ("5m", "10m", "15m", "30m")
"""All lengths that divide both a session of 390 minutes and a half day of 210 into whole 5-minute slots."""


def seconds_of(length: str) -> int:
    """Seconds of one bar, e.g. 300 of 5m."""
    return 60 * int(length.removesuffix("m"))


def check_timeframes(names: Sequence[object], where: str) -> None:
    """Raises ConfigurationError, which starts with where, for names that are no list of timeframes."""
    wrong = [name for name in names if name not in LENGTHS]
    if wrong:
        raise ConfigurationError(
            f"{where}: no timeframe {str(wrong[0])[:20]!r}; choose {', '.join(LENGTHS)}, "
            "which divide a session and a half day"
        )
    if GRID not in names or len(set(names)) != len(names):
        raise ConfigurationError(
            f"{where}: list each timeframe once, {GRID} among them: all others are made of it"
        )


_LISTED = catalogue()
check_timeframes(_LISTED.timeframes, _LISTED.where)


class Timeframe(StrEnum):
    """The length of one bar. The members are those that the list names (catalogue.py); M5 is one of them."""

    if TYPE_CHECKING:
        M5 = "5m"
        M15 = "15m"
    else:
        # In a class body, locals() is the namespace that becomes the enum's members: M5 for 5m.
        locals().update({f"M{name.removesuffix('m')}": name for name in _LISTED.timeframes})

    @property
    def minutes(self) -> int:
        return self.seconds // 60

    @property
    def seconds(self) -> int:
        return seconds_of(self.value)
