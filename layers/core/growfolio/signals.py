"""The signal, and how a forecast becomes one. Pure: time and prices are passed in."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from math import floor, isfinite, log10

from growfolio.assets import Asset, Timeframe
from growfolio.forecasts import Forecast
from growfolio.sessions import expiry


class Action(StrEnum):
    SELL = "SELL"
    HOLD = "HOLD"
    BUY = "BUY"


CLASSES = (Action.SELL, Action.HOLD, Action.BUY)
"""The order of probabilities everywhere."""


class Status(StrEnum):
    """What a signal is worth. The first four are written, the last two are judged when read."""

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
    time: int
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

    Numbers are Decimal so that they reach the store and the reader as they were decided. Times are
    seconds since the epoch. threshold is a fraction (0.001 = 0.1 %), confidence is 0 to 100.
    """

    asset: Asset
    timeframe: Timeframe
    action: Action
    confidence: Decimal
    probabilities: tuple[Decimal, Decimal, Decimal]
    horizon_bars: int
    threshold: Decimal
    price: Price
    buy_target: Decimal
    sell_target: Decimal
    stop_loss: Decimal
    bar_close: int
    generated_at: int
    expires_at: int
    model: ModelRef
    in_sample: bool
    simulated: bool
    facts: Facts


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last try to make a signal for one asset and timeframe, whatever came of it."""

    bar_close: int
    at: int
    status: Status
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalRecord:
    """What is stored for one asset and timeframe: the last good signal, if any, and the last attempt."""

    asset: Asset
    timeframe: Timeframe
    signal: Signal | None
    last_attempt: Attempt | None


def decide(
    asset: Asset,
    timeframe: Timeframe,
    forecast: Forecast,
    price: Price,
    facts: Facts,
    *,
    bar_close: int,
    now: int,
    simulated: bool,
) -> Signal:
    """The signal of one forecast: action and confidence are the class with the highest probability."""
    probabilities = _to_decimals(forecast)
    best = max(range(3), key=lambda i: probabilities[i])
    action = CLASSES[best]
    buy, sell, stop = targets(action, price.value, facts.atr_pct)
    return Signal(
        asset=asset,
        timeframe=timeframe,
        action=action,
        confidence=(probabilities[best] * 100).quantize(Decimal("0.1")),
        probabilities=probabilities,
        horizon_bars=forecast.horizon_bars,
        threshold=Decimal(repr(forecast.threshold)),
        price=price,
        buy_target=buy,
        sell_target=sell,
        stop_loss=stop,
        bar_close=bar_close,
        generated_at=now,
        expires_at=expiry(asset.market, bar_close, timeframe),
        model=ModelRef(forecast.model_id, forecast.revision),
        in_sample=forecast.trained_from <= bar_close <= forecast.trained_until,
        simulated=simulated,
        facts=facts,
    )


def targets(action: Action, price: Decimal, atr_pct: Decimal) -> tuple[Decimal, Decimal, Decimal]:
    """Buy target, sell target and stop loss, in multiples of the ATR around the price.

    BUY: enter on a dip of 0.5 ATR, take profit 2 ATR above, stop 1.5 ATR below.
    SELL, its mirror: leave on a rise of 0.5 ATR, buy back 2 ATR below, stop 1.5 ATR above.
    HOLD: the edges at 1 ATR, and the stop of one who is long 2 ATR below.
    """
    buy, sell, stop = {
        Action.BUY: (Decimal("-0.5"), Decimal("2"), Decimal("-1.5")),
        Action.SELL: (Decimal("-2"), Decimal("0.5"), Decimal("1.5")),
        Action.HOLD: (Decimal("-1"), Decimal("1"), Decimal("-2")),
    }[action]
    atr = price * atr_pct / 100
    return in_ticks(price + buy * atr), in_ticks(price + sell * atr), in_ticks(price + stop * atr)


def in_ticks(price: float | Decimal) -> Decimal:
    """A price with cents from 10 up, and with six significant digits below (SHIB: 0.0000134500)."""
    exact = price if isinstance(price, Decimal) else Decimal(repr(float(price)))
    if not isfinite(exact) or exact <= 0:
        return Decimal(0)
    decimals = 2 if exact >= 10 else 5 - floor(log10(exact))
    return exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)


def _to_decimals(forecast: Forecast) -> tuple[Decimal, Decimal, Decimal]:
    """Probabilities to four places that sum to exactly one."""
    places = Decimal("0.0001")
    sell, buy = (Decimal(repr(float(forecast.probabilities[i]))).quantize(places) for i in (0, 2))
    return sell, 1 - sell - buy, buy
