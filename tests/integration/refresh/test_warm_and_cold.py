"""Warm and cold functions that hold the same bars give the same probabilities, with context as without."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars, FloatArray
from growfolio.domain.forecast import Forecast, Forecaster, Inputs, Views
from growfolio.domain.times import BAR, DAY
from growfolio.errors import ModelError
from growfolio.indicators.registry import all_context_inputs, context_width
from growfolio.indicators.standard import FEATURES
from growfolio.models.loader import STARTER_MODELS, ModelLoader
from growfolio.models.model_inputs import ModelInputs
from growfolio.models.onnx_forecaster import OnnxForecaster
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh
from growfolio.storage.candle_archive import CandleArchive
from growfolio.storage.objects import MemoryObjects

from tests.bars import changed, moment, printed, without
from tests.fakes.memory_store import MemoryStore
from tests.fakes.models import Publication, telling_graph
from tests.fakes.sources import ScriptedSource

NOW = {Market.STOCKS: moment("2024-09-05 15:00"), Market.CRYPTO: moment("2024-09-05 03:00")}
SERVED = {Timeframe.M5, Timeframe.M15}
"""The timeframes of the shipped models: a list of one's own may have more."""
Key = tuple[Asset, Timeframe]


class Recorded:
    """A forecaster that remembers the probabilities of each asset's newest bar."""

    def __init__(self, models: Forecaster) -> None:
        self.models, self.revision, self.inputs = models, models.revision, models.inputs
        self.probabilities: dict[Key, FloatArray] = {}

    def forecast(self, requests: Sequence[Key], views: Views, now: int) -> list[Forecast | ModelError]:
        answers = self.models.forecast(requests, views, now)
        for key, answer in zip(requests, answers, strict=True):
            if key[1] in SERVED:
                assert isinstance(answer, Forecast)
                self.probabilities[key] = answer.probabilities
        return answers


def probabilities(feed: WindowedFeed, models: Forecaster, market: Market, now: int) -> dict[Key, FloatArray]:
    """Of each asset and timeframe, by a refresh with a store of its own."""
    recorded = Recorded(models)
    report = refresh(Ports(market, feed, recorded, MemoryStore()), now)
    assert not {timeframe for _, timeframe in report.troubles} & SERVED
    return recorded.probabilities


def bad_day(bars: Bars, seed: int) -> Bars:
    """With a short gap, a break in trading and an impossible bar, hours before the end."""
    newest = len(bars) - 60 - seed % 20
    spoiled = changed(bars, newest - 40, high=float(bars.high[newest - 40]) * 9)
    return without(spoiled, newest - 90, newest - 91, *range(newest - 140, newest - 130))


def shipped(market: Market) -> Forecaster:
    return ModelLoader([market], None, STARTER_MODELS).load().forecaster


def seeing_all(market: Market) -> Forecaster:
    """Models whose answers are made of every context input there is."""
    inputs = Inputs(FEATURES, tuple(all_context_inputs()))
    graph = telling_graph(len(FEATURES), context_width(inputs.context))
    made, symbols = Publication(), [asset.symbol for asset in assets_of(market)]
    for timeframe in sorted(SERVED):
        named = ModelInputs.of(inputs)
        made.add(f"all_{timeframe}", graph, symbols, timeframe, expires_at=None, inputs=named)
    return OnnxForecaster(made.model_set(markets=[market]))


@pytest.mark.parametrize("models_of", [pytest.param(shipped, marks=pytest.mark.slow), seeing_all])
@pytest.mark.parametrize("market", Market)
def test_warm_and_cold_functions_with_the_same_bars_give_the_same_probabilities(
    market: Market, models_of: Callable[[Market], Forecaster]
) -> None:
    models = models_of(market)
    now = NOW[market]
    bars = {
        asset: bad_day(printed(asset, now - 40 * DAY, now + DAY).closed_by(now + 40 * BAR), seed)
        for seed, asset in enumerate(assets_of(market))
    }
    objects = MemoryObjects()

    def function(*, bucket: bool = True) -> WindowedFeed:
        archive = CandleArchive(objects, market) if bucket else None
        return WindowedFeed(ScriptedSource(bars), archive, market)

    warm = function()
    for passed in range(0, 13, 4):
        moment_of_run = now + passed * BAR
        cold = function()
        of_warm = probabilities(warm, models, market, moment_of_run)
        for other in (cold, function(bucket=False)):
            of_other = probabilities(other, models, market, moment_of_run)
            assert of_other.keys() == of_warm.keys()
            for key, expected in of_warm.items():
                np.testing.assert_allclose(of_other[key], expected, rtol=0, atol=1e-6, err_msg=str(key))
        assert warm.save(moment_of_run) == ()
    assert len(of_warm) == len(assets_of(market)) * len(SERVED)
