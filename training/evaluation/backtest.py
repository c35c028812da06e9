"""Backtest: what following the signals would have earned, by the product's own refresh, net of costs."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.bars import CloseTimes
from growfolio.domain.costs import COST_EACH_WAY
from growfolio.domain.freshness_budget import GRACE_SECONDS
from growfolio.domain.grid import session_number, slots_between
from growfolio.domain.signals import Action, Signal
from growfolio.refresh.candle_feed import WindowedFeed
from growfolio.refresh.ports import Ports
from growfolio.refresh.run import refresh

from training.evaluation.replayed import ReplayedCandles, ReplayedSignals, TrainedModels

DRAWN = 400
"""Points of a curve that the report draws."""
SIDE = {Action.SELL: -1, Action.HOLD: 0, Action.BUY: 1}


@dataclass(frozen=True, slots=True)
class Equity:
    """Growth of one unit spread over the assets; points are (seconds, gross, net) after each bar."""

    market: Market
    timeframe: Timeframe
    points: tuple[tuple[int, float, float], ...]
    trades: int
    signals: int

    def to_json(self) -> dict[str, object]:
        _, gross, net = self.points[-1]
        return {
            "market": self.market.value,
            "timeframe": self.timeframe.value,
            "from": self.points[0][0],
            "until": self.points[-1][0],
            "signals": self.signals,
            "trades": self.trades,
            "cost_each_way": COST_EACH_WAY[self.market],
            "gross": round(gross, 6),
            "net": round(net, 6),
            "points": [
                (moment, round(gross, 5), round(net, 5))
                for moment, gross, net in (self.points[at] for at in self._drawn())
            ],
        }

    def _drawn(self) -> list[int]:
        """Positions of at most DRAWN points, evenly spaced, the first and last among them."""
        last = len(self.points) - 1
        return sorted({round(share * last) for share in np.linspace(0, 1, DRAWN)})


def backtest(
    candles: ReplayedCandles,
    market: Market,
    timeframe: Timeframe,
    models: TrainedModels,
    start: int,
    end: int,
) -> Equity:
    """Refresh at every bar of [start, end), in seconds, and hold each action until the next bar's close.

    BUY is long, SELL short, HOLD flat; a stock is flat overnight. A position is taken at the close that the
    signal was made from. Signals that are in_sample count nothing.
    """
    store = ReplayedSignals()
    ports = Ports(market, WindowedFeed(candles, None, market), models, store)
    moments = slots_between(market, start, end, timeframe)
    for moment in moments:
        refresh(ports, int(moment) + GRACE_SECONDS // 10)
    return _equity(market, timeframe, store, int(moments[0]) if len(moments) else start)


def _equity(market: Market, timeframe: Timeframe, store: ReplayedSignals, start: int) -> Equity:
    gross: defaultdict[int, list[float]] = defaultdict(list)
    net: defaultdict[int, list[float]] = defaultdict(list)
    trades = count = 0
    for (_, of), past in store.past.items():
        if of is timeframe:
            used = [past[bar] for bar in sorted(past) if not past[bar].in_sample]
            count += len(used)
            for moment, earned, paid in _earned(used):
                gross[moment].append(earned)
                net[moment].append(earned - paid)
                trades += paid > 0
    points = [(start, 1.0, 1.0)]
    for moment in sorted(gross):
        _, before, paid = points[-1]
        grown = float(np.mean(gross[moment])), float(np.mean(net[moment]))
        points.append((moment, before * (1 + grown[0]), paid * (1 + grown[1])))
    return Equity(market, timeframe, tuple(points), trades, count)


def _earned(signals: list[Signal]) -> list[tuple[int, float, float]]:
    """Return (close, return, cost) of each bar after a signal; flat where no bar of its session follows."""
    if len(signals) < 2:
        return []
    market, step = signals[0].asset.market, signals[0].timeframe.seconds
    closes = CloseTimes(np.array([signal.bar_close for signal in signals], dtype=np.int64))
    sessions = session_number(closes, market)
    found, held = [], 0
    for at, (one, following) in enumerate(pairwise(signals)):
        joined = following.bar_close - one.bar_close == step and sessions[at] == sessions[at + 1]
        side = SIDE[one.action] if joined else 0
        paid = COST_EACH_WAY[market] * abs(side - held)
        change = float(following.price.value / one.price.value) - 1 if joined else 0.0
        found.append((following.bar_close, side * change, paid))
        held = side
    return found
