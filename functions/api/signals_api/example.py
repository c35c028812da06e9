"""A signal and a market to show in the documentation, as our own types have it."""

from datetime import UTC, datetime
from decimal import Decimal

from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.freshness import Judged
from growfolio.domain.signals import Action, Attempt, Facts, ModelRef, Price, Signal, Status
from growfolio.storage.ports import MarketRecord

BAR_CLOSE = int(datetime(2024, 9, 5, 18, 0, tzinfo=UTC).timestamp())
_SIGNAL = Signal(
    asset=find_asset("AAPL"),
    timeframe=Timeframe.M5,
    action=Action.BUY,
    confidence=Decimal("61.2"),
    probabilities=(Decimal("0.1003"), Decimal("0.2877"), Decimal("0.6120")),
    horizon_bars=1,
    threshold=Decimal("0.001"),
    price=Price(Decimal("222.55"), BAR_CLOSE, "yahoo close"),
    buy_target=Decimal("222.35"),
    sell_target=Decimal("223.36"),
    stop_loss=Decimal("221.94"),
    bar_close=BAR_CLOSE,
    generated_at=BAR_CLOSE + 12,
    expires_at=BAR_CLOSE + 390,
    model=ModelRef("stocks_5m_lstm", "4f1c2d9be0a75836"),
    in_sample=False,
    simulated=False,
    facts=Facts(
        rsi=Decimal("57.3"),
        trend="up",
        atr_pct=Decimal("0.182"),
        vwap_pct=Decimal("-0.041"),
        volume_ratio=Decimal("1.37"),
        volatility_pct=Decimal("0.093"),
    ),
)
EXAMPLE = Judged(
    asset=_SIGNAL.asset,
    timeframe=_SIGNAL.timeframe,
    signal=_SIGNAL,
    status=Status.OK,
    last_attempt=Attempt(BAR_CLOSE, _SIGNAL.generated_at, Status.OK),
)
MARKET_EXAMPLE = MarketRecord(
    _SIGNAL.asset, _SIGNAL.price, ((BAR_CLOSE, "222.31", "222.6", "222.29", "222.55", "184210"),)
)
