"""A timeframe's candles made into signals: aligned, decided, and put into the chains of writes."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from growfolio.domain.alignment import FURTHEST_REACH, align, reaching
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, Candles, CloseTimes
from growfolio.domain.calendar import sessions_between
from growfolio.domain.caveats import REWRITTEN
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.forecast import WINDOW
from growfolio.domain.freshness_budget import passed
from growfolio.domain.grid import last_slots
from growfolio.domain.live_price import bears_out
from growfolio.domain.signals import Signal
from growfolio.domain.times import BAR, DAY
from growfolio.errors import BadCandles, MarketError
from growfolio.market.ports import Fetched, PreviousCloses
from growfolio.refresh.signals import Prices, decided_signals
from growfolio.refresh.under_way import Run, moment, note
from growfolio.refresh.work import BACKLOG, Work


def refresh_timeframe(run: Run, work: Work, fetched: Fetched) -> None:
    """Chain the writes of each bar that lacks a signal: the signal, or why the newest bar has none."""
    timeframe, todo = work.timeframe, work.unhandled
    wanted = BARS_NEEDED[timeframe] + BACKLOG
    seen = fetched if run.ports.forecaster.inputs.context else todo
    answers = {asset: fetched[asset] for asset in seen}
    bars = {asset: answer for asset, answer in answers.items() if isinstance(answer, Bars)}
    each = timeframe.seconds // BAR
    slots = last_slots(run.ports.market, run.now, Timeframe.M5, wanted * each + FURTHEST_REACH)
    further = len(reaching(bars.values(), slots)) - wanted * each
    grid = last_slots(run.ports.market, run.now, timeframe, wanted + further // each)
    candles, refused = align(bars, grid, timeframe, wanted, _borne_out(run, bars))
    silent = {asset: answer for asset, answer in answers.items() if isinstance(answer, MarketError)}
    for asset, reason in (silent | refused).items():
        if asset in todo:
            note(run, asset, timeframe, int(grid[-1]), reason)
    if timeframe is Timeframe.M5:
        run.report.notes.extend(_quarantine_notes(candles))
        run.report.notes.extend(f"{asset.symbol}: {REWRITTEN}" for asset in run.ports.feed.rewritten)
    run.refused.update(asset for asset, reason in refused.items() if isinstance(reason, BadCandles))
    odd = (candles.after_step | candles.doubtful)[:, -WINDOW:]
    run.suspected.update(asset for asset, row in zip(candles.assets, odd, strict=True) if row.any())
    if candles.assets:
        _decide(run, candles, todo)


def _borne_out(run: Run, bars: Mapping[Asset, Bars]) -> set[Asset]:
    """The assets whose last night the quotes know as the candles do."""
    quotes, market = run.ports.quotes, run.ports.market
    if market is not Market.STOCKS or not isinstance(quotes, PreviousCloses):
        return set()
    opened = sessions_between(market, run.now - 10 * DAY, run.now)[-1].open
    closes = {asset: close for asset, close in quotes.previous_closes.items() if asset in run.quotes}
    return {asset for asset, own in bars.items() if asset in closes and bears_out(closes[asset], own, opened)}


def _quarantine_notes(candles: Candles) -> list[str]:
    counts = (candles.quarantined & (candles.times > candles.times[:, -1:] - DAY)).sum(axis=1).tolist()
    return [
        f"{asset.symbol}: {count} impossible candles within a day are left out"
        for asset, count in zip(candles.assets, counts, strict=True)
        if count
    ] + [
        f"{asset.symbol}: its price stands still"
        for asset, unmoved in zip(candles.assets, candles.unmoved[:, -1], strict=True)
        if unmoved
    ]


def _decide(run: Run, candles: Candles, lacking: Mapping[Asset, CloseTimes]) -> None:
    """Put the signals of these bars into the chains of writes, or note why the newest bar has none."""
    feed = run.ports.feed
    prices = Prices(feed.source, feed.simulated, run.quotes, feed.caveats, feed.rewritten)
    others: defaultdict[str, list[str]] = defaultdict(list)
    for made in decided_signals(candles, lacking, run.ports.forecaster, prices, run.now):
        if made.newest and made.by_other_model:
            others[made.by_other_model].append(made.asset.symbol)
        disputed = [f"{made.asset.symbol}: {caveat}" for caveat in made.disputes]
        run.report.notes.extend(note for note in disputed if note not in run.report.notes)
        if isinstance(made.outcome, Signal):
            _put(run, made.outcome, newest=made.newest)
        elif made.newest:
            note(run, made.asset, candles.timeframe, made.bar_close, made.outcome)
    run.report.by_other_models += sum(map(len, others.values()))
    run.report.notes.extend(
        f"{', '.join(symbols)} {candles.timeframe}: {why}" for why, symbols in others.items()
    )


def _put(run: Run, signal: Signal, *, newest: bool) -> None:
    chain = run.chains[signal.asset, signal.timeframe]
    if newest:
        chain.append(partial(_store, run, signal))
    else:
        chain.append(lambda: run.ports.store.put_history(replace(signal, stored_at=moment(run))))
        run.report.late += 1


def _store(run: Run, signal: Signal) -> None:
    """Store the signal of the newest bar, and count it where it comes after its budget."""
    at = moment(run)
    changed = run.ports.store.put_signal(replace(signal, stored_at=at))
    run.report.count(changed)
    # What is made up for at a later bar was late for a reason that is counted already.
    if changed and run.now < signal.bar_close + BAR and passed(signal.bar_close, at):
        run.report.count_late()
