"""How a forecast becomes a signal, and the facts beside it. Pure: time and price are passed in."""

from decimal import Decimal

import numpy as np

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Candles
from growfolio.domain.calendar import expiry
from growfolio.domain.forecast import Forecast
from growfolio.domain.indicators import Indicators
from growfolio.domain.label import VOLATILITY_BARS, Label
from growfolio.domain.signals import CLASSES, Facts, ModelRef, Price, Signal
from growfolio.domain.targets import targets


def decide(
    asset: Asset,
    timeframe: Timeframe,
    forecast: Forecast,
    price: Price,
    facts: Facts,
    *,
    bar_close: int,
    now: int,
    source: str,
    simulated: bool,
    caveats: tuple[str, ...] = (),
) -> Signal:
    """The signal of one forecast: action and confidence are the class with the highest probability.

    source is where the candles come from. caveats are those of the candles and the price; the forecast's
    own follow them.
    """
    probabilities = _to_decimals(forecast)
    label = forecast.label
    best = max(range(3), key=lambda i: probabilities[i])
    action = CLASSES[best]
    buy, sell, stop = targets(action, price.value, facts.atr_pct)
    return Signal(
        asset=asset,
        timeframe=timeframe,
        action=action,
        confidence=(probabilities[best] * 100).quantize(Decimal("0.1")),
        probabilities=probabilities,
        horizon_bars=label.horizon_bars,
        threshold=Decimal(repr(label.threshold_for(asset))),
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
        label=label.kind,
        class_shares=_shares(label),
        caveats=(*caveats, *forecast.caveats),
        source=source,
    )


def _shares(label: Label) -> tuple[Decimal, Decimal, Decimal] | None:
    if label.class_shares is None:
        return None
    sell, hold, buy = (Decimal(repr(share)).quantize(Decimal("0.0001")) for share in label.class_shares)
    return sell, hold, buy


def _to_decimals(forecast: Forecast) -> tuple[Decimal, Decimal, Decimal]:
    """Probabilities to four places that sum to exactly one."""
    places = Decimal("0.0001")
    sell, buy = (Decimal(repr(float(forecast.probabilities[i]))).quantize(places) for i in (0, 2))
    return sell, 1 - sell - buy, buy


def facts_at(candles: Candles, ind: Indicators, row: int, bar: int = -1) -> Facts:
    """The facts of one asset (its row in candles) at one bar, made of that bar and earlier ones."""
    close, volume_ma = candles.close[row, bar], ind.volume_ma[row, bar]
    until = bar % candles.close.shape[1] + 1
    # The first bar has no bar before it, so no return.
    returns = ind.price_change[row, max(1, until - VOLATILITY_BARS) : until]
    return Facts(
        rsi=_rounded(ind.rsi_14[row, bar], 1),
        trend=_trend(close, [ema[row, bar] for ema in (ind.ema_9, ind.ema_21, ind.ema_50)]),
        atr_pct=_rounded(100 * ind.atr_14[row, bar] / close, 4),
        vwap_pct=_rounded(100 * (close / ind.vwap[row, bar] - 1), 3),
        volume_ratio=_rounded(candles.volume[row, bar] / volume_ma if volume_ma > 0 else 0.0, 2),
        volatility_pct=_rounded(100 * np.std(returns) if len(returns) else 0.0, 4),
    )


def _trend(close: float, averages: list[float]) -> str:
    """`up` above all EMAs, `down` below all, else `mixed`."""
    # What rounding leaves of flat prices is no trend.
    distances = [close / average - 1 for average in averages]
    if min(distances) > 1e-9:
        return "up"
    return "down" if max(distances) < -1e-9 else "mixed"


def _rounded(value: float | np.floating, places: int) -> Decimal:
    # Adding zero turns -0.00 into 0.00.
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places)) + 0
