"""The shipped models in a market that stands still, so that a fault is seen in its own asset alone."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.forecast import Forecast, Forecaster, Inputs, Views
from growfolio.errors import ModelError

MARKET_INPUTS = ("market_moves", "leader_moves", "moves_against_market")
"""Context that is made of other assets' candles too: several assets meet a fault in one run."""


@dataclass(frozen=True)
class StillMarket:
    """A Forecaster whose models see no move of the market, and all else as it is."""

    models: Forecaster

    @property
    def revision(self) -> str:
        return self.models.revision

    @property
    def inputs(self) -> Inputs:
        return self.models.inputs

    def forecast(
        self, requests: Sequence[tuple[Asset, Timeframe]], views: Views, now: int
    ) -> list[Forecast | ModelError]:
        """As Forecaster.forecast."""
        context = {
            name: np.zeros_like(columns) if name in MARKET_INPUTS else columns
            for name, columns in views.context.items()
        }
        return self.models.forecast(requests, replace(views, context=context), now)
