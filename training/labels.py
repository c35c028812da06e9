"""What a model learns to foresee: how far the close some bars later lies from this one."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from growfolio.candles import Candles, IntArray
from growfolio.grid import session_number

SELL, HOLD, BUY = 0, 1, 2
UNKNOWN = -1
"""No label: the bar that would decide it lies past the end, or on the other side of a close."""

Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelRule:
    """The class of a bar, from its close and the close horizon_bars later."""

    horizon_bars: int = 1
    threshold: float = 0.001
    """A fraction of the close, the same for all bars: 0.001 is 0.1 %."""

    def labels(self, candles: Candles) -> tuple[Labels, IntArray]:
        """Classes (bars,) of one asset's unbroken candles, and when each is decided, in seconds.

        SELL where the later close is more than threshold below, BUY where it is more than threshold
        above, else HOLD. UNKNOWN where the deciding bar is of another session than the bar itself:
        what happens overnight is no part of the next bars. Crypto has no such closes.
        """
        close, horizon = candles.close[0], self.horizon_bars
        session = session_number(candles.close_time, candles.assets[0].market)
        labels = np.full(len(close), UNKNOWN, dtype=np.int64)
        decided = candles.close_time.copy()
        change = close[horizon:] / close[:-horizon] - 1
        classes = np.where(change > self.threshold, BUY, np.where(change < -self.threshold, SELL, HOLD))
        same = session[horizon:] == session[:-horizon]
        labels[:-horizon] = np.where(same, classes, UNKNOWN)
        decided[:-horizon] = candles.close_time[horizon:]
        return labels, decided
