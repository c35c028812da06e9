"""The port through which live prices come in, and which of them are worth showing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from growfolio.domain.assets import Asset
from growfolio.domain.signals import Price
from growfolio.errors import MarketError

FURTHEST = Decimal("0.05")
"""How far a quote may lie from the last close, as a share of it: in five minutes, more is an error."""
AHEAD = 120
"""Seconds that a quote may be newer than `now`, which is when the refresh began."""


class Quotes(Protocol):
    """A provider of live prices for one market."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What kept prices of the last call from being live, for whoever operates it."""

    def latest(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price]:
        """The live price of each asset that has one, within the provider's deadline.

        There is at least one; now is in seconds since the epoch. Never raises: who is missing has no live
        price, and notes say why.
        """


def live_or_close(quote: Price | None, close: Price, now: int) -> Price:
    """The quote where it is worth showing, else the last close.

    Refused is a quote that is no price, that is older than the close or not yet born, and one that
    lies further from the close than prices move.
    """
    if quote is None or not quote.value.is_finite() or quote.value <= 0:
        return close
    if not close.time <= quote.time <= now + AHEAD:
        return close
    return quote if abs(quote.value - close.value) <= FURTHEST * close.value else close


def missing(reasons: Mapping[Asset, MarketError]) -> tuple[str, ...]:
    """A note for each reason, with the assets that it kept from having a live price."""
    symbols = defaultdict(list)
    for asset, reason in reasons.items():
        symbols[str(reason)].append(asset.symbol)
    return tuple(f"no live price of {', '.join(who)}: {reason}" for reason, who in symbols.items())
