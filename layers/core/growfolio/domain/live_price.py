"""Which live prices are worth showing, and what they witness against the candles."""

from decimal import Decimal

import numpy as np

from growfolio.domain.adjustment import LEAST_STEP
from growfolio.domain.bars import Bars, FloatArray
from growfolio.domain.signals import Price

FURTHEST = Decimal("0.05")
"""How far a quote may lie from the last close, as a share of it: in five minutes, more is an error."""
RECENT_BARS = 78
"""A full stock session of 5-minute bars: the recent past that a quote's distance is measured against."""
RANGES = 2.0
"""A quote further from the close than so many times the widest recent bar disputes it."""
LEAST_DISPUTED = 0.01
"""As a share of the close: a nearer quote never disputes it, however calm the asset was."""
AHEAD = 120
"""Seconds that a quote may be newer than `now`, which is when the refresh began."""


def live_or_close(quote: Price | None, close: Price, now: int) -> Price:
    """The quote, or the last close in its place.

    Falls back to the close if the quote is not a positive number, is older than the close, lies in the
    future, or differs from the close by more than FURTHEST.
    """
    if quote is None or not _is_current(quote, close, now):
        return close
    return quote if abs(quote.value - close.value) <= FURTHEST * close.value else close


def dispute(
    quote: Price | None, close: Price, high: FloatArray, low: FloatArray, now: int
) -> tuple[str, ...]:
    """The caveat of a close that its quote lies further from than the asset's own recent range allows.

    high and low, (bars,), are those of the bars up to the close. A quote is the independent witness: it
    comes by another way than the candles. Empty where there is none, or where the two agree.
    """
    if quote is None or not _is_current(quote, close, now) or close.value <= 0:
        return ()
    widest = float(np.max(high[-RECENT_BARS:] / low[-RECENT_BARS:])) - 1
    apart = float(abs(quote.value / close.value - 1))
    if apart <= max(LEAST_DISPUTED, RANGES * widest):
        return ()
    return (f"price disputed: {quote.source} says {quote.value}, the last candle {close.value}",)


def bears_out(previous_close: Decimal, bars: Bars, session_open: int) -> bool:
    """Whether the bars before a session end at the close that another source gives in today's shares.

    Then the step over that night was traded: a split would have changed what the source gives.
    """
    close = bars.close[(bars.open_time < session_open) & np.isfinite(bars.close)][-1:]
    return len(close) > 0 and bool(abs(float(previous_close) / close[0] - 1) <= LEAST_STEP)


def _is_current(quote: Price, close: Price, now: int) -> bool:
    """Whether it is a price, of a time between the close and now."""
    return quote.value.is_finite() and quote.value > 0 and close.time <= quote.time <= now + AHEAD
