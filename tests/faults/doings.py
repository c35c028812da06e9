"""What servers do on bad days, as functions of the good bars and the moment."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from growfolio.domain.bars import PRICES, Bars, OpenTimes
from growfolio.domain.times import BAR

from tests.bars import changed, in_order, scaled
from tests.fakes.exchange import BinanceServer
from tests.fakes.yahoo import YahooServer
from tests.faults.fault import Doing, Moment


def _within(moment: Moment, bars: int, first: int = 0) -> np.ndarray:
    opened = moment.bars.open_time
    return (opened >= moment.start + first * BAR) & (opened < moment.start + (first + bars) * BAR)


def gap(bars: int) -> Doing:
    """The bars never come."""
    return lambda moment: moment.bars.where(~_within(moment, bars))


def nulls(bars: int, volume: float = 0.0) -> Doing:
    """The bars come without prices."""

    def does(moment: Moment) -> Bars:
        at = np.flatnonzero(_within(moment, bars))
        return changed(moment.bars, at, open=np.nan, high=np.nan, low=np.nan, close=np.nan, volume=volume)  # type: ignore[arg-type]

    return does


def frozen(bars: int, volume: float = 0.0) -> Doing:
    """The last price is repeated, with volume 0 or some that changes from bar to bar."""

    def does(moment: Moment) -> Bars:
        shown = moment.bars
        last = float(shown.close[shown.open_time < moment.start][-1])
        for nth, at in enumerate(np.flatnonzero(_within(moment, bars)).tolist()):
            shown = changed(shown, at, open=last, high=last, low=last, close=last, volume=volume * (nth + 1))
        return shown

    return does


def late(bars: int) -> Doing:
    """The bars come together, so many refreshes late."""
    return lambda moment: moment.bars.where(
        ~(_within(moment, bars + 1) & np.full(len(moment.bars), moment.lasts(bars + 1)))
    )


def an_hour_old(bars: int) -> Doing:
    """For so many refreshes the answer is that of an hour ago."""
    return lambda moment: (
        moment.bars.closed_by(moment.now - 3600) if moment.begun and moment.lasts(bars + 1) else moment.bars
    )


def spoiled(spoil: Callable[[Bars, int], Bars], corrected: float = np.inf) -> Doing:
    """The first bar is one that no market prints, until so many bars later."""

    def does(moment: Moment) -> Bars:
        if not moment.begun or not moment.lasts(corrected):
            return moment.bars
        return spoil(moment.bars, int(np.flatnonzero(moment.bars.open_time == moment.start)[0]))

    return does


IMPOSSIBLE: dict[str, Callable[[Bars, int], Bars]] = {
    "close 0": lambda bars, at: changed(bars, at, close=0.0),
    "close not a number": lambda bars, at: changed(bars, at, close=np.nan),
    "high below low": lambda bars, at: changed(bars, at, high=float(bars.low[at]) * 0.9),
    "negative volume": lambda bars, at: changed(bars, at, volume=-1.0),
    "twice, and different": lambda bars, at: _twice(bars, at),
    "wick of 6 times": lambda bars, at: changed(bars, at, high=float(bars.high[at]) * 6),
    "6 times its price": lambda bars, at: changed(
        bars, at, **{name: float(getattr(bars, name)[at]) * 6 for name in PRICES[:4]}
    ),
    "1.5 times its price": lambda bars, at: changed(
        bars, at, **{name: float(getattr(bars, name)[at]) * 1.5 for name in PRICES[:4]}
    ),
}


def _twice(bars: Bars, at: int) -> Bars:
    positions = np.insert(np.arange(len(bars)), at, at)
    doubled = in_order(bars, positions)
    return changed(doubled, at, close=float(bars.close[at]) * 1.01, high=float(bars.high[at]) * 1.02)


def split(ratio: float, worked_in: int, *, events: bool) -> Doing:
    """Older prices are divided so many bars after the open, or before it. Good bars are in new prices."""

    def does(moment: Moment) -> Bars:
        server = moment.provider.server
        if events and isinstance(server, YahooServer) and moment.now >= moment.start:
            server.splits[moment.symbol] = [(moment.start, round(ratio * 1000), 1000)]
        if not moment.lasts(worked_in):
            return moment.bars
        old = moment.bars.open_time < moment.start
        before, since = scaled(moment.bars.where(old), ratio), moment.bars.where(~old)
        return replace(before, volume=before.volume / ratio).followed_by(since)

    return does


def other_symbol(bars: int, other: str) -> Doing:
    """Requests are answered with another symbol's candles."""

    def does(moment: Moment) -> Bars:
        swapped = moment.provider.server.swapped
        if moment.begun and moment.lasts(bars + 1):
            swapped[moment.symbol] = other if moment.provider.market == "stocks" else f"{other}USDT"
        else:
            swapped.pop(moment.symbol, None)
        return moment.bars

    return does


def quarters_in_place(bars: int) -> Doing:
    """Bars of 15 minutes are sent in place of those of 5."""
    return lambda moment: _quarters(moment.bars) if moment.begun and moment.lasts(bars + 1) else moment.bars


def _quarters(bars: Bars) -> Bars:
    """Bars of 15 minutes, the running one included."""
    first = np.flatnonzero(np.diff(bars.open_time // 900, prepend=0))
    last = np.append(first[1:], len(bars)) - 1
    highs, lows = np.maximum.reduceat(bars.high, first), np.minimum.reduceat(bars.low, first)
    opened = bars.open_time[first] // 900 * 900
    return Bars(
        OpenTimes(opened),
        bars.open[first],
        highs,
        lows,
        bars.close[last],
        np.add.reduceat(bars.volume, first),
    )


def clock_off(bars: int, seconds: int) -> Doing:
    """All answers bear the Date of another moment."""

    def does(moment: Moment) -> Bars:
        moment.provider.server.clock_off = seconds if moment.begun and moment.lasts(bars + 1) else 0
        return moment.bars

    return does


def in_break(bars: int) -> Doing:
    """The exchange does not trade the pair, nor list it."""

    def does(moment: Moment) -> Bars:
        server = moment.provider.server
        assert isinstance(server, BinanceServer)
        if moment.lasts(bars):
            server.not_trading.add(moment.symbol)
        else:
            server.not_trading.discard(moment.symbol)
        return moment.bars.where(~_within(moment, bars))

    return does
