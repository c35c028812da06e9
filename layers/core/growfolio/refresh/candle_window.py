"""The rolling window of candles: what a refresh needs, kept so that only what is new is asked for."""

from collections.abc import Mapping

import numpy as np

from growfolio.domain.alignment import MAX_FILLED_IN_A_ROW, check
from growfolio.domain.assets import Asset
from growfolio.domain.bars import Bars, IntArray
from growfolio.errors import BadCandles

ASKED_AGAIN = 6
"""The newest bars are asked for again: providers revise them, their volume above all."""
REWRITTEN = 0.2
"""Where a bar's close comes back different by this share, the provider has rewritten the past: a split."""


class CandleWindow:
    """5-minute bars of some assets, all from one source. Holds only bars that a market can have printed."""

    def __init__(self, source: str = "", bars: Mapping[Asset, Bars] | None = None) -> None:
        self.source = source
        self._bars = dict(bars or {})

    @property
    def bars(self) -> Mapping[Asset, Bars]:
        return self._bars

    def restart(self, source: str) -> None:
        """Forget everything: what comes is another source's, whose volumes do not compare."""
        self.source = source
        self._bars.clear()

    def since(self, asset: Asset, slots: IntArray) -> int:
        """From which opening time on to ask for an asset's bars.

        slots are the opening times of all bars wanted, oldest first. All is asked for where the window
        does not go back far enough, or has a gap that the provider may have closed by now.
        """
        known = self._bars.get(asset)
        if known is None or not len(known):
            return int(slots[0])
        held = np.flatnonzero(np.isin(slots, known.open_time))
        # Slots that the window lacks before the first it holds, and between those it holds.
        lacking = np.diff(held, prepend=-1).max(initial=0) - 1
        if not len(held) or lacking > MAX_FILLED_IN_A_ROW:
            return int(slots[0])
        return int(slots[max(0, held[-1] + 1 - ASKED_AGAIN)])

    def extend(self, asset: Asset, newer: Bars) -> Bars:
        """The asset's bars with what the source answered; where both have a bar, the newer answer holds.

        Bars that no market prints are given back but not kept, so that the next answer can do better.
        """
        known = self._bars.get(asset)
        bars = newer if known is None or _rewritten(known, newer) else known.joined_with(newer)
        try:
            check(newer)
        except BadCandles:
            return known.followed_by(newer) if known is not None else newer
        self._bars[asset] = bars
        return bars

    def drop_before(self, oldest: int) -> None:
        """Forget bars that opened before oldest."""
        for asset, bars in self._bars.items():
            self._bars[asset] = bars.where(bars.open_time >= oldest)


def _rewritten(known: Bars, newer: Bars) -> bool:
    _, before, after = np.intersect1d(known.open_time, newer.open_time, return_indices=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.abs(np.log(newer.close[after] / known.close[before]))
    return bool((change > np.log(1 + REWRITTEN)).any())
