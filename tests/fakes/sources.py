"""A source of candles that does as it is told, for tests of what stands above sources."""

from collections.abc import Mapping

import numpy as np
from growfolio.domain.assets import Asset
from growfolio.domain.bars import Bars
from growfolio.errors import MarketError, PermanentMarketError
from growfolio.market.ports import Fetched


class ScriptedSource:
    """Serves bars that are set by asset, and remembers what it was asked for."""

    simulated = False
    live = True
    longest_past = None
    caveats: tuple[str, ...] = ()
    notes = ()

    def __init__(self, bars: Mapping[Asset, Bars | MarketError], name: str = "scripted") -> None:
        self.name = name
        self.bars: dict[Asset, Bars | MarketError] = dict(bars)
        self.asked: list[dict[Asset, int]] = []
        self.late: dict[Asset, int] = {}
        """For how many more answers an asset's newest bar is not published yet."""

    def fetch(self, since: Mapping[Asset, int], now: int) -> Fetched:
        self.asked.append(dict(since))
        return {asset: self._answer(asset, first, now) for asset, first in since.items()}

    def _answer(self, asset: Asset, first: int, now: int) -> Bars | MarketError:
        bars = self.bars.get(asset, PermanentMarketError(f"no {asset.symbol} here"))
        if isinstance(bars, MarketError):
            return bars
        answer = bars.where(bars.open_time >= first).closed_by(now)
        if self.late.get(asset, 0) > 0:
            self.late[asset] -= 1
            answer = answer.where(np.arange(len(answer)) < len(answer) - 1)
        return answer
