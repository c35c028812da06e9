"""From candles to decided signals: one batch of forecasts, and a signal or a reason for each bar."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from growfolio.domain.assets import Asset
from growfolio.domain.bars import Candles, CloseTimes, among
from growfolio.domain.caveats import REWRITTEN, caveats
from growfolio.domain.decision import decide, facts_at
from growfolio.domain.forecast import Forecast, Forecaster
from growfolio.domain.indicators import Indicators, indicators
from growfolio.domain.live_price import dispute, live_or_close
from growfolio.domain.signals import Price, Signal, in_ticks
from growfolio.errors import BadCandles, GrowfolioError, ModelError
from growfolio.indicators.views import views_of


@dataclass(frozen=True, slots=True)
class Prices:
    """Where the prices that signals show come from."""

    source: str
    """Of the candles, as readers see it."""
    simulated: bool
    quotes: Mapping[Asset, Price]
    """Live prices; an asset without one shows its newest close."""
    caveats: tuple[str, ...] = ()
    """What limits every signal made of these candles."""
    rewritten: Collection[Asset] = ()
    """Assets whose source contradicted itself lately."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came out for one bar of an asset."""

    asset: Asset
    bar_close: int
    newest: bool
    """Whether it is the newest bar, whose signal readers are shown."""
    outcome: Signal | GrowfolioError
    """The signal, or why there is none."""
    by_other_model: str = ""
    """Why a model other than the promoted one answered; empty where the promoted one did."""
    disputes: tuple[str, ...] = ()
    """What the quote says against the newest bar's price."""


def decided_signals(
    candles: Candles, lacking: Mapping[Asset, CloseTimes], forecaster: Forecaster, prices: Prices, now: int
) -> Iterator[Decided]:
    """Decide all assets' bars that lack a signal, with one batch of forecasts, asset after asset.

    candles are of all usable assets, whose moves models may see. lacking holds the close times of the bars to
    decide; those without a candle are passed over. A bar whose numbers arithmetic refuses gets BadCandles and
    stops no other.
    """
    values = indicators(candles)
    picks = [
        (row, int(bar))
        for row, asset in enumerate(candles.assets)
        for bar in np.flatnonzero(among(candles.times[row], lacking.get(asset, ())))
    ]
    rows, bars = [row for row, _ in picks], [bar for _, bar in picks]
    views = views_of(candles, rows, bars, forecaster.inputs, values)
    requests = [(candles.assets[row], candles.timeframe) for row, _ in picks]
    forecasts = forecaster.forecast(requests, views, now)
    for (row, bar), forecast in zip(picks, forecasts, strict=True):
        yield _Bar(candles, values, row, bar, prices, now).decided(forecast)


@dataclass(frozen=True, slots=True)
class _Bar:
    """One bar of one asset, which its signal is made from."""

    candles: Candles
    values: Indicators
    row: int
    bar: int
    prices: Prices
    now: int

    @property
    def asset(self) -> Asset:
        return self.candles.assets[self.row]

    @property
    def newest(self) -> bool:
        return bool(self.bar == self.candles.close.shape[1] - 1)

    @property
    def bar_close(self) -> int:
        return int(self.candles.times[self.row, self.bar])

    def decided(self, forecast: Forecast | ModelError) -> Decided:
        if isinstance(forecast, ModelError):
            return Decided(self.asset, self.bar_close, self.newest, forecast)
        disputes: tuple[str, ...] = ()
        outcome: Signal | GrowfolioError
        try:
            disputes = self._disputes()
            outcome = self._signal(forecast, disputes)
        except ArithmeticError as fault:
            outcome = BadCandles(f"candles that cannot be computed with ({type(fault).__name__})")
        others = "; ".join(forecast.caveats)
        return Decided(self.asset, self.bar_close, self.newest, outcome, others, disputes)

    def _signal(self, forecast: Forecast, disputes: tuple[str, ...]) -> Signal:
        return decide(
            self.asset,
            self.candles.timeframe,
            forecast,
            self._price(),
            facts_at(self.candles, self.values, self.row, self.bar),
            bar_close=self.bar_close,
            now=self.now,
            source=self.prices.source,
            simulated=self.prices.simulated,
            caveats=(
                *caveats(self.candles, self.row, self.bar),
                *([REWRITTEN] if self.asset in self.prices.rewritten else ()),
                *self.prices.caveats,
                *disputes,
            ),
        )

    def _price(self) -> Price:
        """The live price beside the newest bar, where there is one; beside an earlier bar, its close."""
        close = self._close()
        return live_or_close(self.prices.quotes.get(self.asset), close, self.now) if self.newest else close

    def _close(self) -> Price:
        close = in_ticks(self.candles.close[self.row, self.bar])
        return Price(close, self.bar_close, f"{self.prices.source} close")

    def _disputes(self) -> tuple[str, ...]:
        """What the quote says against the newest bar's price; nothing of an earlier bar."""
        if not self.newest:
            return ()
        high, low = self.candles.high[self.row], self.candles.low[self.row]
        return dispute(self.prices.quotes.get(self.asset), self._close(), high, low, self.now)
