"""What current signals say together: which way they lean, how much prices swing, how much to risk. Pure.

Only signals that are current belong in here: the caller leaves out the stale, the closed and the missing.
"""

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from math import sqrt
from statistics import fmean, median

from growfolio.domain.assets import Market
from growfolio.domain.signals import Action, Signal
from growfolio.domain.times import DAY, HOUR

SESSION_SECONDS = {Market.STOCKS: 6.5 * HOUR, Market.CRYPTO: DAY}
"""A day of trading."""

LEANING = 0.02
"""How far BUY and SELL must lie apart on average before a market is said to lean. Calibrated probabilities
of the next bar lie close together: single signals rarely pass 0.1, averages of a market rarely 0.05."""
CALM, WILD = 1.5, 3.5
"""Per cent a day: below CALM volatility is low, from WILD on it is high."""
CAUTIOUS_RISK = 3
"""The risk score of a reader who gave none: of whom nothing is known, nothing is dared for."""


class Sentiment(StrEnum):
    BULLISH = "bullish"
    NEUTRAL = "neutral"
    BEARISH = "bearish"
    UNKNOWN = "unknown"


class Volatility(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    UNKNOWN = "unknown"


class PositionSize(StrEnum):
    NONE = "none"
    SMALL = "small"
    MEDIUM = "medium"
    LARGE = "large"


def lean(signal: Signal) -> Decimal:
    """P(BUY) - P(SELL), from -1 (sell) to 1 (buy)."""
    sell, _, buy = signal.probabilities
    return buy - sell


def strongest_first(signals: Sequence[Signal]) -> list[Signal]:
    """BUY and SELL before HOLD; among each, by how far BUY and SELL lie apart. Equals keep their order."""
    return sorted(signals, key=lambda signal: (signal.action is Action.HOLD, -abs(lean(signal))))


def market_sentiment(signals: Sequence[Signal]) -> Sentiment:
    """Bullish or bearish where P(BUY) - P(SELL), averaged over the signals, passes LEANING; else neutral.

    A HOLD counts with its own probabilities: many that lean one way are a sentiment too. Unknown without
    signals.
    """
    if not signals:
        return Sentiment.UNKNOWN
    average = fmean(lean(signal) for signal in signals)
    if abs(average) <= LEANING:
        return Sentiment.NEUTRAL
    return Sentiment.BULLISH if average > 0 else Sentiment.BEARISH


def daily_volatility(signal: Signal) -> float:
    """The standard deviation of a day's return, in per cent, as the last 60 bars have it.

    Returns of one bar are scaled by the square root of the bars in a day of trading (78 or 26 of a
    stock, 288 or 96 of a coin), as if bars were independent: Hull, Options, Futures, and Other
    Derivatives, "Estimating volatility from historical data".
    """
    bars = SESSION_SECONDS[signal.asset.market] / signal.timeframe.seconds
    return float(signal.facts.volatility_pct) * sqrt(bars)


def volatility_level(signals: Sequence[Signal]) -> Volatility:
    """By the median of daily_volatility, so that no single asset decides; unknown without signals."""
    if not signals:
        return Volatility.UNKNOWN
    typical = median(map(daily_volatility, signals))
    if typical < CALM:
        return Volatility.LOW
    return Volatility.MEDIUM if typical < WILD else Volatility.HIGH


def position_size(signals: Sequence[Signal], risk_score: float = CAUTIOUS_RISK) -> PositionSize:
    """How much of what one has set aside for trading a position may take, for a risk_score of 1 to 10.

    A score below 4 is for small positions, below 8 for medium ones, from 8 on for large ones. High
    volatility takes one size off, and so does a market without a single BUY or SELL; small is the
    least. None without signals: there is nothing to take a position on. Raises ValueError for a score
    out of range.
    """
    if not 1 <= risk_score <= 10:
        raise ValueError(f"a risk score is a number from 1 to 10, not {risk_score}")
    if not signals:
        return PositionSize.NONE
    size = 0 if risk_score < 4 else 1 if risk_score < 8 else 2
    size -= volatility_level(signals) is Volatility.HIGH
    size -= all(signal.action is Action.HOLD for signal in signals)
    return (PositionSize.SMALL, PositionSize.MEDIUM, PositionSize.LARGE)[max(0, size)]
