"""One refresh of one market: new candles in, stored signals out. Time is passed in.

The same code serves live, replays a past day and backtests: it sees only bars that had closed by now.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from growfolio.domain.alignment import align
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars, Candles, IntArray
from growfolio.domain.calendar import market_hours
from growfolio.domain.decision import decide, facts_at
from growfolio.domain.features import BARS_NEEDED, features, windows
from growfolio.domain.forecast import Forecast, Forecaster
from growfolio.domain.grid import last_slots
from growfolio.domain.indicators import Indicators, indicators
from growfolio.domain.live_price import dispute, live_or_close
from growfolio.domain.signals import Attempt, Price, Signal, Status, in_ticks
from growfolio.errors import BadCandles, GrowfolioError, MarketError, ModelError, StoreError
from growfolio.market.ports import Fetched, Quotes
from growfolio.refresh.market_snapshot import market_record
from growfolio.refresh.report import RefreshReport
from growfolio.storage.ports import SignalStore

BACKLOG = 12
"""Bars that a refresh catches up on: an hour of 5m bars. A signal older than that helps nobody."""


class CandleFeed(Protocol):
    """The rolling window of one market, fed by a source."""

    @property
    def source(self) -> str:
        """Where prices come from, as readers see it."""

    @property
    def simulated(self) -> bool:
        """Whether prices are made up."""

    def update(self, assets: Sequence[Asset], first_open: int, now: int) -> Fetched:
        """The window of each asset from first_open on, extended by what is new; or why there is none."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything of the world that a refresh touches."""

    market: Market
    feed: CandleFeed
    forecaster: Forecaster
    store: SignalStore
    quotes: Quotes | None = None
    """Live prices; None where the candles are not live, whose future a quote would be."""


@dataclass(frozen=True, slots=True)
class _Run:
    """One refresh under way."""

    ports: Ports
    now: int
    report: RefreshReport
    quotes: dict[Asset, Price] = field(default_factory=dict)


def refresh(ports: Ports, now: int) -> RefreshReport:
    """Make and store the signal of every bar that had closed by now (seconds since the epoch) and has none.

    One asset's trouble is noted on that asset and stops no other. Running it twice changes nothing.
    Raises what the store raises when it cannot be read at all.
    """
    run = _Run(ports, now, RefreshReport(ports.market))
    todo = {timeframe: _unhandled(run, timeframe) for timeframe in Timeframe}
    assets = [asset for asset in assets_of(ports.market) if any(asset in bars for bars in todo.values())]
    fetched = ports.feed.update(assets, _first_open(ports.market, now), now) if assets else {}
    served = [asset for asset, own in fetched.items() if isinstance(own, Bars)]
    if ports.quotes and served:
        run.quotes.update(ports.quotes.latest(served, now))
        run.report.notes.extend(ports.quotes.notes)
    for timeframe, bars in todo.items():
        run.report.unchanged += len(assets_of(ports.market)) - len(bars)
        if bars:
            _refresh_timeframe(run, timeframe, bars, fetched)
    spoiled = {
        asset for (asset, _), trouble in run.report.troubles.items() if trouble.status is Status.BAD_DATA
    }
    for asset, own in fetched.items():
        if isinstance(own, Bars) and len(own) and asset not in spoiled:
            record = market_record(asset, own, ports.feed.source, run.quotes.get(asset), now)
            _guard(run, partial(ports.store.put_market, record))
    _guard(run, partial(ports.store.put_hours, market_hours(ports.market, now)))
    return run.report


def _first_open(market: Market, now: int) -> int:
    """When the oldest bar opened that any timeframe's window and backlog needs."""
    grids = (last_slots(market, now, tf, BARS_NEEDED[tf] + BACKLOG)[0] - tf.seconds for tf in Timeframe)
    return int(min(grids))


def _unhandled(run: _Run, timeframe: Timeframe) -> dict[Asset, IntArray]:
    """For each asset that lacks any, the close times of the bars that have no signal yet, oldest first."""
    slots = last_slots(run.ports.market, run.now, timeframe, BACKLOG)
    known = {record.asset: record.signal for record in run.ports.store.signals(timeframe)}
    todo = {}
    for asset in assets_of(run.ports.market):
        signal = known.get(asset)
        if signal is None:
            todo[asset] = slots[-1:]
        elif signal.bar_close < slots[-1]:
            todo[asset] = slots[slots > signal.bar_close]
        elif signal.bar_close == slots[-1] and signal.model.revision != run.ports.forecaster.revision:
            todo[asset] = slots[-1:]
    return todo


def _refresh_timeframe(
    run: _Run, timeframe: Timeframe, todo: Mapping[Asset, IntArray], fetched: Fetched
) -> None:
    grid = last_slots(run.ports.market, run.now, timeframe, BARS_NEEDED[timeframe] + BACKLOG)
    answers = {asset: fetched[asset] for asset in todo}
    candles, refused = align({a: b for a, b in answers.items() if isinstance(b, Bars)}, grid, timeframe)
    silent = {asset: answer for asset, answer in answers.items() if isinstance(answer, MarketError)}
    for asset, reason in (silent | refused).items():
        _note(run, asset, timeframe, int(grid[-1]), reason)
    if candles.assets:
        _forecast(run, candles, todo)


def _forecast(run: _Run, candles: Candles, todo: Mapping[Asset, IntArray]) -> None:
    """One batch for all assets and all their bars that lack a signal."""
    values = indicators(candles)
    picks = [
        (row, asset, int(bar))
        for row, asset in enumerate(candles.assets)
        for bar in np.searchsorted(candles.close_time, todo[asset])
    ]
    batch = windows(features(candles, values), [row for row, _, _ in picks], [bar for _, _, bar in picks])
    requests = [(asset, candles.timeframe) for _, asset, _ in picks]
    for (row, asset, bar), forecast in zip(
        picks, run.ports.forecaster.forecast(requests, batch, run.now), strict=True
    ):
        newest = bar == len(candles.close_time) - 1
        decided = _decided(run, candles, values, row, bar, forecast)
        if isinstance(decided, Signal):
            _put(run, decided, newest=newest)
        elif newest:
            _note(run, asset, candles.timeframe, int(candles.close_time[-1]), decided)


def _decided(
    run: _Run, candles: Candles, values: Indicators, row: int, bar: int, forecast: Forecast | ModelError
) -> Signal | GrowfolioError:
    """The signal, or why there is none: numbers that arithmetic refuses stop this asset alone."""
    if isinstance(forecast, ModelError):
        return forecast
    try:
        return _signal(run, candles, values, row, bar, forecast)
    except ArithmeticError as fault:
        return BadCandles(f"candles that cannot be computed with ({type(fault).__name__})")


def _signal(
    run: _Run, candles: Candles, values: Indicators, row: int, bar: int, forecast: Forecast
) -> Signal:
    bar_close = int(candles.close_time[bar])
    return decide(
        candles.assets[row],
        candles.timeframe,
        forecast,
        _price(run, candles, row, bar),
        facts_at(candles, values, row, bar),
        bar_close=bar_close,
        now=run.now,
        simulated=run.ports.feed.simulated,
        caveats=_disputes(run, candles, row, bar),
    )


def _price(run: _Run, candles: Candles, row: int, bar: int) -> Price:
    """The live price beside the newest bar, where there is one; beside an earlier bar, its close."""
    close = _close(run, candles, row, bar)
    newest = bar == candles.close.shape[1] - 1
    return live_or_close(run.quotes.get(candles.assets[row]), close, run.now) if newest else close


def _close(run: _Run, candles: Candles, row: int, bar: int) -> Price:
    bar_close = int(candles.close_time[bar])
    return Price(in_ticks(candles.close[row, bar]), bar_close, f"{run.ports.feed.source} close")


def _disputes(run: _Run, candles: Candles, row: int, bar: int) -> tuple[str, ...]:
    """The caveat of the newest bar's price where its quote disputes it; it is noted for the operator too."""
    if bar < candles.close.shape[1] - 1:
        return ()
    asset = candles.assets[row]
    close = _close(run, candles, row, bar)
    found = dispute(run.quotes.get(asset), close, candles.high[row], candles.low[row], run.now)
    notes = [f"{asset.symbol}: {caveat}" for caveat in found]
    run.report.notes.extend(note for note in notes if note not in run.report.notes)
    return found


def _put(run: _Run, signal: Signal, *, newest: bool) -> None:
    if not newest:
        _guard(run, partial(run.ports.store.put_history, signal))
        run.report.late += 1
    elif _guard(run, partial(run.ports.store.put_signal, signal)):
        run.report.written += 1
    else:
        run.report.unchanged += 1


def _note(run: _Run, asset: Asset, timeframe: Timeframe, bar_close: int, reason: GrowfolioError) -> None:
    attempt = Attempt(bar_close, run.now, _status_of(reason), (str(reason),))
    run.report.troubles[asset, timeframe] = attempt
    if _guard(run, partial(run.ports.store.note_attempt, asset, timeframe, attempt)):
        run.report.written += 1
    else:
        run.report.unchanged += 1


def _status_of(reason: GrowfolioError) -> Status:
    if isinstance(reason, BadCandles):
        return Status.BAD_DATA
    return Status.NO_MODEL if isinstance(reason, ModelError) else Status.NO_DATA


def _guard(run: _Run, write: Callable[[], bool | None]) -> bool:
    """Whether the write changed anything; a fault of the store is reported and stops no other write."""
    try:
        return bool(write())
    except StoreError as fault:
        run.report.store_faults.append(str(fault))
        return False
