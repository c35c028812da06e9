"""The ports of a refresh, in memory: a feed of given bars and a forecaster of given probabilities."""

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, opens_of
from growfolio.domain.forecast import Forecast, Inputs, Views, Windows
from growfolio.domain.grid import last_slots
from growfolio.domain.label import Label
from growfolio.domain.signals import Price
from growfolio.errors import MarketError, ModelError, TemporaryMarketError
from growfolio.indicators.views import STANDARD
from growfolio.market.ports import Fetched

ENOUGH = 400 * max(timeframe.seconds // 300 for timeframe in Timeframe)
"""5-minute bars from which every timeframe has what a refresh looks at."""


def walk(asset: Asset, now: int, bars: int = ENOUGH, seed: int = 1) -> Bars:
    """A random walk on the session grid whose newest bar closed at or before now."""
    random = np.random.default_rng([seed, *asset.symbol.encode()])
    opened = opens_of(last_slots(asset.market, now, Timeframe.M5, bars))
    close = 100 * np.exp(np.cumsum(random.normal(0, 1e-3, bars)))
    first = np.concatenate([[100.0], close[:-1]])
    high, low = np.maximum(first, close) * 1.0005, np.minimum(first, close) * 0.9995
    return Bars(opened, first, high, low, close, random.lognormal(9, 1, bars))


class FixedFeed:
    """Gives the bars that it holds, unclosed and unborn ones too: a refresh must not look at those."""

    source = "fake"
    simulated = False
    caveats: tuple[str, ...] = ()
    rewritten: Collection[Asset] = ()

    def __init__(self, answers: Mapping[Asset, Bars | MarketError]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[Asset, ...]] = []
        self.doubted: tuple[set[Asset], set[Asset]] = set(), set()

    def update(self, assets: Sequence[Asset], first_open: int, now: int) -> Fetched:
        self.asked.append(tuple(assets))
        silent = TemporaryMarketError("no answer within 6 s")
        return {asset: self.answers.get(asset, silent) for asset in assets}

    def doubt(self, refused: Collection[Asset], suspected: Collection[Asset]) -> None:
        self.doubted = set(refused), set(suspected)


class FixedQuotes:
    """Gives the prices that it holds, and remembers for whom it was asked."""

    notes: tuple[str, ...] = ()

    def __init__(self, prices: Mapping[Asset, Price]) -> None:
        self.prices = dict(prices)
        self.asked: list[tuple[Asset, ...]] = []

    def latest(self, assets: Sequence[Asset], now: int) -> dict[Asset, Price]:
        self.asked.append(tuple(assets))
        return {asset: self.prices[asset] for asset in assets if asset in self.prices}


class FixedForecaster:
    """Answers the same probabilities for everything, or an error for the assets it has no model for."""

    def __init__(
        self,
        probabilities: Sequence[float] = (0.1, 0.2, 0.7),
        revision: str = "a" * 40,
        without: Callable[[Asset, Timeframe], bool] = lambda asset, timeframe: False,
        inputs: Inputs = STANDARD,
    ) -> None:
        self.revision = revision
        self.inputs = inputs
        self.windows: list[Windows] = []
        self.views: list[Views] = []
        self._probabilities = np.array(probabilities)
        self._without = without

    def forecast(
        self, requests: Sequence[tuple[Asset, Timeframe]], views: Views, now: int
    ) -> list[Forecast | ModelError]:
        self.windows.append(views.windows)
        self.views.append(views)
        return [
            ModelError(f"no model for {asset.symbol} {timeframe}")
            if self._without(asset, timeframe)
            else Forecast(self._probabilities, f"{asset.id}_{timeframe}", self.revision, Label(), 0, 0)
            for asset, timeframe in requests
        ]
