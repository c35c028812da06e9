"""The facts beside a signal: plain units, sensibly rounded, true."""

from decimal import Decimal

import numpy as np
import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.bars import Candles, FloatArray
from growfolio.domain.decision import facts_at
from growfolio.domain.indicators import indicators
from growfolio.domain.signals import Facts

from tests.synthetic import candles_of, flat_candles, synthetic_candles

AAPL, SHIB = find_asset("AAPL"), find_asset("SHIB")


def facts_of(candles: Candles, row: int = 0, bar: int = -1) -> Facts:
    return facts_at(candles, indicators(candles), row, bar)


def line(closes: np.ndarray) -> Candles:
    """Bars of no height, 100 traded in each."""
    close = np.asarray(closes, dtype=np.float64)[None]
    return candles_of([AAPL], Timeframe.M5, close, close, close, close, np.full_like(close, 100))


def test_facts_are_the_indicators_in_plain_units() -> None:
    candles = synthetic_candles([AAPL, SHIB], 200)
    values = indicators(candles)
    told = facts_at(candles, values, 1, bar=150)
    close, past = candles.close[1, 150], candles.close[1, 90:151]
    assert float(told.rsi) == pytest.approx(values.rsi_14[1, 150], abs=0.05)
    assert float(told.atr_pct) == pytest.approx(100 * values.atr_14[1, 150] / close, abs=5e-5)
    assert float(told.vwap_pct) == pytest.approx(
        100 * (close - values.vwap[1, 150]) / values.vwap[1, 150], abs=5e-4
    )
    assert float(told.volume_ratio) == pytest.approx(
        candles.volume[1, 150] / candles.volume[1, 131:151].mean(), abs=5e-3
    )
    assert float(told.volatility_pct) == pytest.approx(100 * np.std(past[1:] / past[:-1] - 1), abs=5e-5)


def test_the_last_bar_is_told_of_unless_another_is_named() -> None:
    candles = synthetic_candles([AAPL], 200)
    assert facts_of(candles) == facts_of(candles, bar=199) == facts_of(candles, bar=-1)
    assert facts_of(candles, bar=-2) == facts_of(candles, bar=198) != facts_of(candles)


@pytest.mark.parametrize(
    ("closes", "trend"),
    [
        (np.linspace(100, 110, 200), "up"),
        (np.linspace(110, 100, 200), "down"),
        (np.append(np.linspace(100, 110, 200), 109.3), "mixed"),
        (np.full(200, 247.31), "mixed"),
    ],
)
def test_the_trend_is_up_above_all_averages_down_below_all_and_mixed_between(
    closes: FloatArray, trend: str
) -> None:
    assert facts_of(line(closes)).trend == trend


def test_a_market_in_which_nothing_moves_has_plain_facts() -> None:
    assert facts_of(flat_candles([SHIB], 200, 1.3e-5)) == Facts(
        rsi=Decimal("50.0"),
        trend="mixed",
        atr_pct=Decimal("0.0000"),
        vwap_pct=Decimal("0.000"),
        volume_ratio=Decimal("0.00"),
        volatility_pct=Decimal("0.0000"),
    )


def test_the_first_bar_has_facts_too() -> None:
    told = facts_of(line(np.array([100.0, 101.0])), bar=0)
    assert (told.volatility_pct, told.volume_ratio) == (Decimal(0), Decimal(1))


def test_the_first_bar_has_no_return_that_would_lower_the_volatility() -> None:
    assert facts_of(line(np.array([100.0, 101.0, 100.0]))).volatility_pct == Decimal("0.9950")


def test_no_fact_is_a_negative_zero() -> None:
    candles = line(np.append(np.full(100, 100.0), 100 - 1e-7))
    assert str(facts_of(candles).vwap_pct) == "0.000"
