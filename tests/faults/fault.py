"""What a fault is: what a server does, and the most that may come of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from growfolio.domain.bars import Bars
from growfolio.domain.times import BAR

from tests.faults.provider import Provider

ALL_SOURCES = ("yahoo", "binance")


@dataclass(frozen=True)
class Moment:
    """One asset at one refresh, as the provider would publish it on a good day."""

    provider: Provider
    symbol: str
    bars: Bars
    """The bars so far, the running one included."""
    start: int
    """When the first bar of the fault opens."""
    now: int

    def lasts(self, bars: float) -> bool:
        """Whether so many bars after the start have not closed yet."""
        return self.now < self.start + bars * BAR

    @property
    def begun(self) -> bool:
        """Whether the fault's first bar has closed."""
        return self.now >= self.start + BAR


Doing = Callable[[Moment], Bars]
"""What the provider publishes in place of the good bars. May change its server beside that."""


@dataclass(frozen=True)
class Fault:
    """Counts of bars are of 5 minutes; a bar of another length is the fault's where it holds one of them."""

    name: str
    does: Doing
    own: int
    """Bars from the start on that may be not ok."""
    more: int = 1
    """Bars beside them that may be, on each timeframe's grid."""
    until: int | None = None
    """Bars after which the provider and its past are well again: from there on signals equal the twin's."""
    equal_after: int = 0
    """So many bars later at the latest."""
    never_plain: bool = False
    """Whether no signal of the fault's own bars may be ok without a caveat."""
    apart: float = 0.02
    """A signal without a caveat, whose probabilities are further from the twin's, is wrong.

    A quarantined, late, wrong or frozen bar has a caveat or no signal: 0.012 was seen at most.
    """
    everybody: bool = False
    """Whether all assets meet it."""
    says: str = ""
    """What readers are given as a reason for at least one of its own bars."""
    quiet: bool = False
    """Whether live prices stop with the candles."""
    index_trades: bool = False
    """Whether the index goes on where all assets meet the fault."""
    scene: str = "day"
    sources: Sequence[str] = ALL_SOURCES
