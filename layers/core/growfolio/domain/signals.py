"""The signal, and the records around it. Imports no numpy, so that readers start fast."""

from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from math import floor, isfinite, log, log10

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.times import Moment

ByClass = tuple[Decimal, Decimal, Decimal]
"""One number for each of CLASSES, in their order."""


LEAST_PROBABILITY = 0.00005
"""What a probability of 0.0000 may be before it was rounded."""
LARGEST_PRICE = 1e12
"""More is no price, in any currency."""


class Action(StrEnum):
    SELL = "SELL"
    HOLD = "HOLD"
    BUY = "BUY"


CLASSES = (Action.SELL, Action.HOLD, Action.BUY)
"""The order of probabilities everywhere."""


class Status(StrEnum):
    """What a signal is worth. Stale is judged when read, and so is market_closed by the calendar.

    A closure that the calendar does not know of is written as market_closed.
    """

    OK = "ok"
    NO_DATA = "no_data"
    BAD_DATA = "bad_data"
    NO_MODEL = "no_model"
    STALE = "stale"
    MARKET_CLOSED = "market_closed"


@dataclass(frozen=True, slots=True)
class Price:
    """A price with its time (seconds since the epoch) and source, e.g. `yahoo close`, `finnhub`."""

    value: Decimal
    time: Moment
    source: str


@dataclass(frozen=True, slots=True)
class ModelRef:
    id: str
    revision: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Indicator values of the signal's bar in plain units, for the explanation and the reader."""

    rsi: Decimal
    """RSI(14), 0 to 100."""
    trend: str
    """`up`, `down` or `mixed`: the close against the EMAs of 9, 21 and 50 bars."""
    atr_pct: Decimal
    """ATR(14) in per cent of the close."""
    vwap_pct: Decimal
    """Distance of the close from the VWAP of 14 bars, in per cent."""
    volume_ratio: Decimal
    """Volume against its average of 20 bars; 1 is average."""
    volatility_pct: Decimal
    """Standard deviation of the last 60 one-bar returns, in per cent."""


@dataclass(frozen=True, slots=True)
class Signal:
    """A BUY, HOLD or SELL for one asset and timeframe, made from the bar that closed at bar_close.

    Numbers are Decimal so that they reach the store and the reader as they were decided. Store and reader
    derive their form from these fields: a new one, with a default, needs no line there. Times are seconds
    since the epoch. threshold is a fraction (0.001 = 0.1 %), confidence is 0 to 100.
    """

    asset: Asset
    timeframe: Timeframe
    action: Action
    confidence: Decimal
    probabilities: ByClass
    horizon_bars: int
    threshold: Decimal
    price: Price
    buy_target: Decimal
    sell_target: Decimal
    stop_loss: Decimal
    bar_close: Moment
    generated_at: Moment
    expires_at: Moment
    model: ModelRef
    in_sample: bool
    simulated: bool
    facts: Facts
    label: str = "fixed"
    """How threshold is meant: a fraction of the price (fixed), of volatility, or barriers in ATR."""
    class_shares: ByClass | None = None
    """How often each class came up in the model's training, where that is known."""
    caveats: tuple[str, ...] = ()
    """What limits this signal although it is served: a gap in its candles, a disputed price, other models."""
    source: str = ""
    """Where its candles come from: yahoo, alpaca, binance; empty for one stored before it was noted."""
    stored_at: Moment | None = field(default=None, compare=False)
    """When it went to the table: the same signal stored again is the same signal."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last try to make a signal for one asset and timeframe, whatever came of it."""

    bar_close: Moment
    at: Moment
    status: Status
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalRecord:
    """What is stored for one asset and timeframe: the last good signal, if any, and the last attempt."""

    asset: Asset
    timeframe: Timeframe
    signal: Signal | None
    last_attempt: Attempt | None


def loss_of(probability: float | Decimal) -> float:
    """The negative logarithm, in nats, of the probability that a signal gave to what happened."""
    return round(-log(max(float(probability), LEAST_PROBABILITY)), 6)


def in_ticks(price: float | Decimal) -> Decimal:
    """A price with cents from 10 up, and with six significant digits below (SHIB: 0.0000134500).

    0 for what is no price.
    """
    # A whole number from JSON may be too large for a float.
    exact = price if isinstance(price, Decimal) else Decimal(repr(float(min(price, 2 * LARGEST_PRICE))))
    if not isfinite(exact) or not 0 < exact <= LARGEST_PRICE:
        return Decimal(0)
    decimals = 2 if exact >= 10 else 5 - floor(log10(exact))
    return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
