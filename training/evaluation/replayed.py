"""The ports of a refresh over history: candles and signals in memory, models as training leaves them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars
from growfolio.domain.calendar import MarketHours
from growfolio.domain.forecast import Forecast, Inputs, Views
from growfolio.domain.label import Label
from growfolio.domain.signals import Attempt, Signal, SignalRecord
from growfolio.errors import ModelError, PermanentMarketError, PermanentModelError
from growfolio.indicators.views import STANDARD
from growfolio.market.ports import Fetched
from growfolio.storage.records import Completion, MarketRecord

from training.networks.architectures import Served

Key = tuple[Asset, Timeframe]


@dataclass(frozen=True, slots=True)
class ReplayedCandles:
    """A MarketSource of candles that were read before, as if they were being printed."""

    bars: Mapping[Asset, Bars]
    name: str = "replay"
    simulated: bool = False
    live: bool = False
    longest_past: int | None = None
    caveats: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        """As MarketSource.fetch."""
        return {asset: self._answer(asset, first, now) for asset, first in since.items()}

    def _answer(self, asset: Asset, first: int, now: int) -> Bars | PermanentMarketError:
        bars = self.bars.get(asset)
        wanted = None if bars is None else bars.where(bars.open_time >= first).closed_by(now)
        if wanted is None or not len(wanted):
            return PermanentMarketError("no candles of this time")
        return wanted


@dataclass(slots=True)
class ReplayedSignals:
    """A RefreshStore that one refresh after another writes, in the order of time."""

    newest: dict[Key, Signal] = field(default_factory=dict)
    past: dict[Key, dict[int, Signal]] = field(default_factory=dict)
    attempts: dict[Key, Attempt] = field(default_factory=dict)

    def put_signal(self, signal: Signal) -> bool:
        key = signal.asset, signal.timeframe
        held = self.newest.get(key)
        if held is not None and held.bar_close >= signal.bar_close:
            return False
        self.newest[key] = signal
        self.put_history(signal, shown=True)
        return True

    def put_history(self, signal: Signal, *, shown: bool = False) -> None:
        self.past.setdefault((signal.asset, signal.timeframe), {}).setdefault(signal.bar_close, signal)

    def note_attempt(self, asset: Asset, timeframe: Timeframe, attempt: Attempt) -> bool:
        self.attempts[asset, timeframe] = attempt
        return True

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        return [
            SignalRecord(*key, signal, None) for key, signal in self.newest.items() if key[1] is timeframe
        ]

    def put_market(self, record: MarketRecord) -> None:
        """Prices are not read here."""

    def put_hours(self, hours: MarketHours) -> None:
        """Hours are not read here."""

    def completions(self, market: Market, timeframe: Timeframe, limit: int) -> list[Completion]:
        return []

    def put_completion(self, completion: Completion) -> bool:
        """Every run of a replay ends."""
        return True


@dataclass(frozen=True, slots=True)
class TrainedModels:
    """A Forecaster of models that are not yet files, by market and timeframe."""

    models: Mapping[tuple[Market, Timeframe], Served]
    label: Label
    trained_until: int
    revision: str = "evaluation"
    inputs: Inputs = STANDARD

    def forecast(
        self, requests: Sequence[tuple[Asset, Timeframe]], views: Views, now: int
    ) -> list[Forecast | ModelError]:
        answers: list[Forecast | ModelError] = []
        windows, context = map(torch.from_numpy, views.of(self.inputs))
        for row, (asset, timeframe) in enumerate(requests):
            model = self.models.get((asset.market, timeframe))
            if model is None:
                answers.append(PermanentModelError(f"no model of {asset.market} {timeframe}"))
                continue
            with torch.no_grad():
                known = context[row : row + 1] if self.inputs.context else None
                given = model(windows[row : row + 1], known)[0].double().numpy()
            answers.append(
                Forecast(
                    given,
                    f"{asset.market}_{timeframe}",
                    self.revision,
                    self.label,
                    0,
                    self.trained_until,
                )
            )
        return answers
