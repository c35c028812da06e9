"""What a refresh asks of the world around it."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.forecast import Forecaster
from growfolio.domain.signals import Signal
from growfolio.limits import OneAtATime
from growfolio.market.ports import Fetched, MarketIndex, Quotes
from growfolio.storage.ports import RefreshStore


class CandleFeed(Protocol):
    """The rolling window of one market, fed by a source."""

    @property
    def source(self) -> str:
        """Where prices come from, as readers see it."""

    @property
    def simulated(self) -> bool:
        """Whether prices are made up."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """What limits every signal made of the candles of the last update; often empty."""

    @property
    def rewritten(self) -> Collection[Asset]:
        """Assets whose source sent, within the last bars, other candles than it had sent before."""

    def update(self, assets: Sequence[Asset], first_open: int, now: int) -> Fetched:
        """The window of each asset from first_open on, extended by what is new; or why there is none.

        An asset whose trading broke off within it has bars from further back.
        """

    def doubt(self, refused: Collection[Asset], suspected: Collection[Asset]) -> None:
        """Ask for these assets anew the next time; of the refused, keep nothing."""


class Settles(Protocol):
    """The step that settles signals; optional: whatever it raises is a note."""

    def settle(self, known: Mapping[Timeframe, Mapping[Asset, Signal]], fetched: Fetched, now: int) -> object:
        """Settle what the fetched bars settle. known holds the signals that the refresh began with."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything of the world that a refresh touches."""

    market: Market
    feed: CandleFeed
    forecaster: Forecaster
    store: RefreshStore
    quotes: Quotes | None = None
    """Live prices; None where the candles are not live, whose future a quote would be."""
    index: MarketIndex | None = None
    """Witnesses an unscheduled closure; without it none is believed."""
    writers: int = 1
    """Writes that are made at the same time."""
    fetching: OneAtATime = field(default_factory=OneAtATime)
    """Keeps an update of the feed that is late apart from the next one."""
    quoting: OneAtATime = field(default_factory=OneAtATime)
    """The same for quotes, so that those that are late hold up no candles."""
    clock: Callable[[], int] | None = None
    """Seconds since the epoch while the refresh goes on; None where time stands still."""
    settlement: Settles | None = None
    """Settles earlier signals when those of this run are stored."""
