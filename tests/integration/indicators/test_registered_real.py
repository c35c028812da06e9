"""Every registered input on every real file: finite at every bar, and sound on the newest of them."""

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.features import MOST_BARS
from growfolio.domain.times import utc_minute
from growfolio.indicators.proofs import all_inputs, prove_on
from growfolio.indicators.registry import all_context_inputs, all_indicators, context, sequence
from growfolio.indicators.scene import MarketSeries, Scene, market_series, scene_of

from tests.real import all_candles, asset_of

pytestmark = pytest.mark.slow

NEWEST = 3 * MOST_BARS


@lru_cache(maxsize=4)
def scenes(folder: Path, market: Market, timeframe: Timeframe) -> list[Scene]:
    """Each file's own scene; the market's moves are those of all files."""
    paths = sorted(path for path in folder.glob("*_5m.parquet") if asset_of(path).market is market)
    candles = [all_candles(path, timeframe) for path in paths]
    series = market_series(candles)
    return [scene_of(own, market, series) for own in candles]


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("market", Market)
def test_every_input_is_finite_at_every_bar_of_every_file(
    real_candles: Path, market: Market, timeframe: Timeframe
) -> None:
    inputs = all_inputs()
    for scene in scenes(real_candles, market, timeframe):
        (asset,) = scene.candles.assets
        for name in inputs.sequence:
            _assert_finite(sequence([name], scene.candles), f"{name} of {asset.symbol}", scene)
        for name in inputs.context:
            _assert_finite(context([name], scene), f"{name} of {asset.symbol}", scene)


@pytest.mark.parametrize("timeframe", Timeframe)
@pytest.mark.parametrize("market", Market)
def test_every_input_is_sound_on_real_bars(real_candles: Path, market: Market, timeframe: Timeframe) -> None:
    for scene in scenes(real_candles, market, timeframe)[:3]:
        recent = _newest(scene)
        for indicator in all_indicators().values():
            prove_on(indicator, recent)
        for context_input in all_context_inputs().values():
            prove_on(context_input, recent)


def _newest(scene: Scene) -> Scene:
    candles = scene.candles
    columns = ("times", "open", "high", "low", "close", "volume", "filled")
    fewer = type(candles)(
        candles.assets, candles.timeframe, *(getattr(candles, name)[:, -NEWEST:] for name in columns)
    )
    series = MarketSeries(candles.close_time, scene.market_move[0], scene.leader_move[0])
    return scene_of(fewer, scene.market, series)


def _assert_finite(values: np.ndarray, what: str, scene: Scene) -> None:
    wrong = np.flatnonzero(~np.isfinite(values[0]).all(axis=-1))
    assert not len(wrong), f"{what} at bar {wrong[0]} ({utc_minute(int(scene.candles.times[0, wrong[0]]))})"
