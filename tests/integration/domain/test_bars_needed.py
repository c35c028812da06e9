"""How much history a refresh needs, asked of the models that are shipped.

EMAs never quite forget: what a refresh computes from its last bars differs from what training computed
from years of them. The difference must be too small to be seen in a probability.
"""

from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of, find_asset
from growfolio.domain.bars import Candles
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.forecast import Forecast, Forecaster
from growfolio.domain.indicators import indicators
from growfolio.indicators.views import views_of
from growfolio.models.loader import STARTER_MODELS
from growfolio.models.onnx_forecaster import OnnxForecaster
from growfolio.settings import STARTER

from tests.real import whole_file
from tests.synthetic import first, newest, synthetic_candles

pytestmark = pytest.mark.slow

UNSEEN = 1e-4
LENGTHS = range(80, 460, 20)
"""What a refresh could see."""


@pytest.fixture(scope="module")
def starter() -> Forecaster:
    return OnnxForecaster(STARTER_MODELS.fetch(STARTER, list(Market)))


def differences(starter: Forecaster, candles: Candles, moments: int) -> dict[int, float]:
    """By the bars that a refresh sees: the largest difference to what the whole history says."""
    largest = dict.fromkeys(LENGTHS, 0.0)
    ends = np.linspace(1000, len(candles.close_time) - 1, moments, dtype=int).tolist()
    for end, expected in zip(ends, probabilities(starter, candles, ends), strict=True):
        for length in LENGTHS:
            seen = newest(first(candles, end + 1), length)
            (given,) = probabilities(starter, seen, [length - 1])
            largest[length] = max(largest[length], float(np.abs(given - expected).max()))
    return largest


def probabilities(starter: Forecaster, candles: Candles, ends: list[int]) -> np.ndarray:
    """(ends, assets, 3) at these bars of the candles."""
    rows = list(range(len(candles.assets))) * len(ends)
    at = np.repeat(ends, len(candles.assets)).tolist()
    views = views_of(candles, rows, at, starter.inputs, indicators(candles))
    requests = [(candles.assets[row], candles.timeframe) for row in rows]
    answers = starter.forecast(requests, views, int(candles.close_time[-1]))
    given = [answer.probabilities for answer in answers if isinstance(answer, Forecast)]
    assert len(given) == len(answers), answers
    return np.stack(given).reshape(len(ends), -1, 3)


def bars_needed(largest: dict[int, float]) -> int:
    """The shortest length from which on no difference is seen."""
    seen = [length for length in LENGTHS if largest[length] >= UNSEEN]
    return max(seen, default=0) + LENGTHS.step


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("market", Market)
def test_a_refresh_sees_enough_bars_to_say_what_the_whole_history_would(
    starter: Forecaster, market: Market, timeframe: Timeframe
) -> None:
    candles = synthetic_candles(assets_of(market), 3000, timeframe=timeframe)
    largest = differences(starter, candles, moments=15)
    assert bars_needed(largest) <= BARS_NEEDED[timeframe], largest
    assert bars_needed(largest) > min(LENGTHS), f"any length would do, so nothing is shown: {largest}"


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("symbol", ["AAPL", "META", "LOW", "BTC", "DOGE", "SHIB"])
def test_and_on_real_candles(
    real_candles: Path, starter: Forecaster, symbol: str, timeframe: Timeframe
) -> None:
    candles = whole_file(real_candles, find_asset(symbol), timeframe)
    largest = differences(starter, candles, moments=20)
    assert bars_needed(largest) <= BARS_NEEDED[timeframe], largest
