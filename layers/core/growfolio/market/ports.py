"""The ports through which candles and live prices come in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, runtime_checkable

from growfolio.domain.assets import Asset
from growfolio.domain.bars import Bars
from growfolio.domain.signals import Price
from growfolio.errors import MarketError

Fetched = dict[Asset, Bars | MarketError]
"""For each asset asked for, its bars or the reason there are none; never both, never missing."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a fetch may take, in seconds."""

    request: float = 6.0
    """One request to the provider."""
    deadline: float = 20.0
    """The whole fetch, retries included."""
    tries: int = 3
    """Requests for the same thing, while its trouble is temporary."""
    pause: float = 0.25
    """Before the second try; doubled before each further one."""
    publication: float = 15.0
    """How long to wait for a bar that is published late; asked for again every `publication_step`."""
    publication_step: float = 3.0


class MarketSource(Protocol):
    """A provider of 5-minute candles for one market."""

    @property
    def name(self) -> str:
        """Shown to readers as the source of a price: yahoo, binance, replay, simulated."""

    @property
    def simulated(self) -> bool:
        """Whether the prices are made up; every answer says so."""

    @property
    def live(self) -> bool:
        """Whether its candles are of the present: today's quotes go with no others."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the operator should know of the last fetch: who serves in whose place, wrong answers."""

    @property
    def caveats(self) -> tuple[str, ...]:
        """What limits every signal made of the candles of the last fetch; often empty."""

    @property
    def longest_past(self) -> int | None:
        """Seconds before now that it serves candles of at most; None: all that there are."""

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """All closed 5-minute bars of each asset that opened at or after since[asset], closed by now.

        Seconds since the epoch. All assets at once, within the source's deadline; one asset's
        trouble is its own entry in the answer. Never raises for a provider's fault.
        """


@runtime_checkable
class MarketIndex(Protocol):
    """What trades whenever its market does, and so witnesses whether that trades."""

    @property
    def index_name(self) -> str:
        """Its symbol."""

    def index(self, since: int, now: int) -> Bars:
        """Its closed 5-minute bars that opened at or after since (seconds since the epoch).

        Raises MarketError.
        """


@runtime_checkable
class PreviousCloses(Protocol):
    """Quotes that also say where the session before ended."""

    @property
    def previous_closes(self) -> Mapping[Asset, Decimal]:
        """Of the assets of the last call: the close of the session before, in the shares of the quote."""


class Quotes(Protocol):
    """A provider of live prices for one market."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What kept prices of the last call from being live, for the operator."""

    def latest(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price]:
        """The live price of each asset that has one, within the provider's deadline.

        There is at least one asset; now is in seconds since the epoch. Never raises: an asset that is
        missing has no live price, and notes say why.
        """
