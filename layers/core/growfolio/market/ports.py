"""The port through which candles come in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from growfolio.domain.assets import Asset
from growfolio.domain.bars import Bars
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

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """All closed 5-minute bars of each asset that opened at or after since[asset], closed by now.

        Seconds since the epoch. All assets at once, within the source's deadline; one asset's
        trouble is its own entry in the answer. Never raises for a provider's fault.
        """
