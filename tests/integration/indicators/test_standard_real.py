"""Features of real candles, every asset there is a file for."""

from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.indicators import indicators
from growfolio.indicators.standard import features

from tests.real import CRYPTO, STOCKS, whole_file
from tests.ta_agreement import (
    assert_bands_agree_with_ta,
    assert_features_agree_with_the_plain_way,
    assert_indicators_agree_with_ta,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("symbol", STOCKS + CRYPTO)
def test_real_candles_have_the_indicators_and_features_of_ta(
    real_candles: Path, symbol: str, timeframe: Timeframe
) -> None:
    candles = whole_file(real_candles, find_asset(symbol), timeframe)
    values = indicators(candles)
    assert_indicators_agree_with_ta(candles, 0, values)
    assert_bands_agree_with_ta(candles, 0)
    table = features(candles, values)
    assert np.isfinite(table).all()
    assert_features_agree_with_the_plain_way(candles, 0, table)
