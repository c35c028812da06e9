"""Records as the product makes them, for tests that need some."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.signals import Action, Attempt, Facts, ModelRef, Price, Signal, Status
from growfolio.storage.records import MarketRecord

BAR = int(datetime(2024, 9, 5, 18, 0, tzinfo=UTC).timestamp())
"""The close of a 5m and 15m bar, 14:00 in New York on a trading day."""


def a_signal(
    symbol: str = "AAPL",
    timeframe: Timeframe = Timeframe.M5,
    *,
    bar_close: int = BAR,
    revision: str = "a" * 40,
    generated_at: int | None = None,
    action: Action = Action.BUY,
    price: str = "222.55",
) -> Signal:
    """A signal of the bar that closed at bar_close, decided five seconds later unless told otherwise."""
    last = Decimal(price)
    return Signal(
        asset=find_asset(symbol),
        timeframe=timeframe,
        action=action,
        confidence=Decimal("61.2"),
        probabilities=(Decimal("0.1003"), Decimal("0.2877"), Decimal("0.612")),
        horizon_bars=1,
        threshold=Decimal("0.001"),
        price=Price(last, bar_close, "replay close"),
        buy_target=last * Decimal("0.99"),
        sell_target=last * Decimal("1.02"),
        stop_loss=last * Decimal("0.98"),
        bar_close=bar_close,
        generated_at=bar_close + 5 if generated_at is None else generated_at,
        expires_at=bar_close + timeframe.seconds + 90,
        model=ModelRef("stocks_5m_lstm", revision),
        in_sample=False,
        simulated=False,
        facts=Facts(
            rsi=Decimal("57.31"),
            trend="up",
            atr_pct=Decimal("0.182"),
            vwap_pct=Decimal("-0.041"),
            volume_ratio=Decimal("1.37"),
            volatility_pct=Decimal("0.093"),
        ),
    )


def a_market(
    symbol: str = "AAPL", *, price: str = "222.55", newest: int = BAR, bars: int = 3
) -> MarketRecord:
    """What a refresh notes of an asset whose newest bar closed at newest: each bar opens where one closed."""
    last = Decimal(price)
    picture = tuple(
        (newest - 300 * ago, price, str(last * Decimal("1.001")), str(last * Decimal("0.999")), price, "1200")
        for ago in reversed(range(bars))
    )
    return MarketRecord(find_asset(symbol), Price(last, newest, "replay close"), picture)


def a_failure(
    bar_close: int = BAR, status: Status = Status.NO_DATA, reason: str = "yahoo did not answer"
) -> Attempt:
    return Attempt(bar_close, bar_close + 20, status, (reason,))


def at_price(signal: Signal, price: Decimal) -> Signal:
    return replace(signal, price=replace(signal.price, value=price))
