"""Which live prices are worth showing."""

from decimal import Decimal

from growfolio.domain.signals import Price

FURTHEST = Decimal("0.05")
"""How far a quote may lie from the last close, as a share of it: in five minutes, more is an error."""
AHEAD = 120
"""Seconds that a quote may be newer than `now`, which is when the refresh began."""


def live_or_close(quote: Price | None, close: Price, now: int) -> Price:
    """The quote, or the last close in its place.

    Falls back to the close if the quote is not a positive number, is older than the close, lies in the
    future, or differs from the close by more than FURTHEST.
    """
    if quote is None or not quote.value.is_finite() or quote.value <= 0:
        return close
    if not close.time <= quote.time <= now + AHEAD:
        return close
    return quote if abs(quote.value - close.value) <= FURTHEST * close.value else close
