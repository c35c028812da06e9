"""Labels: the class of each bar, from where the price is some bars later or what it reaches first."""

import numpy as np
import numpy.typing as npt

from growfolio.domain.bars import BoolArray, Candles, CloseTimes, FloatArray
from growfolio.domain.forecast import BUY, HOLD, SELL
from growfolio.domain.grid import session_number
from growfolio.domain.indicators import indicators
from growfolio.domain.label import VOLATILITY_BARS, Label
from growfolio.domain.rolling import moving_mean
from growfolio.domain.signals import Action
from growfolio.domain.targets import levels

UNKNOWN = -1
"""No label: the bar that would decide it lies past the end, or on the other side of a close."""

Labels = npt.NDArray[np.int64]


def labels_of(candles: Candles, label: Label) -> tuple[Labels, CloseTimes]:
    """Return classes (bars,) of one asset's unbroken candles, and when each is decided, in seconds.

    SELL where the later close is more than threshold below, BUY where it is more than threshold
    above, else HOLD; with barriers, see _first_reached. UNKNOWN where the deciding bar is of another
    session than the bar itself: what happens overnight is no part of the next bars. Crypto has no such
    closes. Raises ValueError for a kind that there is not.
    """
    return labels_at(candles, label.kind, label.horizon_bars, label.threshold_for(candles.assets[0]))


def labels_at(candles: Candles, kind: str, horizon: int, threshold: float) -> tuple[Labels, CloseTimes]:
    """As labels_of, with the asset's own threshold: a stored signal carries it."""
    session = session_number(candles.close_time, candles.assets[0].market)
    labels = np.full(len(session), UNKNOWN, dtype=np.int64)
    decided = candles.close_time.copy()
    if horizon < len(session):
        same = session[horizon:] == session[:-horizon]
        labels[:-horizon] = np.where(same, _classes(candles, kind, horizon, threshold), UNKNOWN)
        decided[:-horizon] = candles.close_time[horizon:]
    return labels, CloseTimes(decided)


def _classes(candles: Candles, kind: str, horizon: int, threshold: float) -> Labels:
    """(bars - horizon,)."""
    close = candles.close[0]
    if kind == "triple_barrier":
        return _first_reached(candles, horizon, threshold)
    change = close[horizon:] / close[:-horizon] - 1
    if kind == "volatility":
        needed = threshold * (_volatility(candles) * np.sqrt(horizon))[:-horizon]
    elif kind == "fixed":
        needed = np.full(len(change), threshold)
    else:
        raise ValueError(f"there is no label {kind!r}")
    return np.where(change > needed, BUY, np.where(change < -needed, SELL, HOLD)).astype(np.int64)


def _volatility(candles: Candles) -> FloatArray:
    """Root mean square of the last 60 one-bar returns (bars,), the bar's own among them."""
    returns = indicators(candles).price_change
    return np.asarray(np.sqrt(moving_mean(returns**2, VOLATILITY_BARS))[0])


def _first_reached(candles: Candles, horizon: int, scale: float) -> Labels:
    """The triple barrier (López de Prado, 2018, chapter 3), its barriers the targets that readers are shown.

    BUY where one who bought at the close reaches the sell target of a BUY before its stop, SELL where one
    who sold reaches the buy target of a SELL before its stop, each within the horizon; else HOLD. A bar that
    reaches both counts as stopped.
    """
    close = candles.close[0]
    atr = scale * indicators(candles).atr_14[0]
    count = len(close) - horizon
    open_long, open_short = np.ones(count, dtype=bool), np.ones(count, dtype=bool)
    labels = np.full(count, HOLD, dtype=np.int64)
    long, short = (levels(action, close[:count], atr[:count]) for action in (Action.BUY, Action.SELL))
    for ahead in range(1, horizon + 1):
        high, low = candles.high[0][ahead : count + ahead], candles.low[0][ahead : count + ahead]
        open_long &= low > long.stop
        open_short &= high < short.stop
        won: BoolArray = open_long & (high >= long.sell)
        lost: BoolArray = open_short & (low <= short.buy)
        labels[won], labels[lost] = BUY, SELL
        open_long &= ~won
        open_short &= ~lost
    return labels
