"""The library `ta` is the reference: same candles, same indicators, same features."""

import pytest
from growfolio.domain.assets import ASSETS, Timeframe
from growfolio.domain.indicators import indicators
from growfolio.indicators.standard import features

from tests.synthetic import synthetic_candles
from tests.ta_agreement import (
    assert_bands_agree_with_ta,
    assert_features_agree_with_the_plain_way,
    assert_indicators_agree_with_ta,
)


@pytest.mark.parametrize("timeframe", Timeframe)
def test_indicators_are_those_of_ta_on_every_asset(timeframe: Timeframe) -> None:
    candles = synthetic_candles(ASSETS, 420, timeframe=timeframe, seed=timeframe.seconds)
    for row in range(len(ASSETS)):
        assert_indicators_agree_with_ta(candles, row, indicators(candles))
        assert_bands_agree_with_ta(candles, row)


def test_features_are_those_of_the_plain_way_on_every_asset() -> None:
    candles = synthetic_candles(ASSETS, 420)
    for row in range(len(ASSETS)):
        assert_features_agree_with_the_plain_way(candles, row, features(candles))


@pytest.mark.parametrize(
    "indicator", ["rsi_14", "macd", "ema_50", "atr_14", "bollinger", "vwap", "volume_ma"]
)
def test_the_comparison_notices_one_value_that_is_a_few_billionths_off(indicator: str) -> None:
    candles = synthetic_candles(ASSETS[:1], 420)
    values = indicators(candles)
    getattr(values, indicator)[0, 300] *= 1 + 5e-9
    with pytest.raises(AssertionError, match=f"{indicator} differs from ta at bar 300"):
        assert_indicators_agree_with_ta(candles, 0, values)
