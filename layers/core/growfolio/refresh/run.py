"""One refresh of one market: new candles in, stored signals out. Time is passed in.

The same code serves live, replays a past day and backtests: it sees only bars that had closed by now.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from growfolio.domain.alignment import FURTHEST_REACH, align, reaching
from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.domain.bars import Bars, Candles, CloseTimes
from growfolio.domain.calendar import calendar_notice, market_hours, sessions_between
from growfolio.domain.features import BARS_NEEDED
from growfolio.domain.forecast import WINDOW
from growfolio.domain.freshness_budget import BUDGET, passed
from growfolio.domain.grid import last_slots
from growfolio.domain.live_price import bears_out
from growfolio.domain.signals import Attempt, Price, Signal, Status
from growfolio.domain.times import BAR, DAY
from growfolio.errors import (
    BadCandles,
    GrowfolioError,
    MarketError,
    ModelError,
    NoSession,
    TemporaryMarketError,
)
from growfolio.limits import NO_DEADLINE, Deadline
from growfolio.market.ports import Fetched, PreviousCloses
from growfolio.refresh.closure import Closure, closure
from growfolio.refresh.market_snapshot import market_record
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.signals import Prices, decided_signals
from growfolio.refresh.work import BACKLOG, Work, first_open, stored, work_of
from growfolio.refresh.writing import Write, Writing
from growfolio.storage.records import Completion

log = logging.getLogger(__name__)

WRITING_SECONDS = BUDGET["writing"]
"""What computing and writing take at most: fetching ends so long before the deadline."""
SETTLING_SECONDS = 12
"""What settling may take: it does not begin with less before the deadline."""


@dataclass(slots=True)
class _Run:
    """One refresh under way."""

    ports: Ports
    now: int
    report: RefreshReport
    writing: Writing
    quotes: dict[Asset, Price] = field(default_factory=dict)
    chains: dict[tuple[Asset, Timeframe], list[Write]] = field(default_factory=lambda: defaultdict(list))
    """The writes about each asset and timeframe, in the order in which they must be made."""
    known: dict[Timeframe, Mapping[Asset, Signal]] = field(default_factory=dict)
    """The stored signals that the run found."""
    refused: set[Asset] = field(default_factory=set)
    """Whose bars were judged bad: they are asked for anew."""
    suspected: set[Asset] = field(default_factory=set)
    """Whose bars are believed for now, and asked for anew all the same."""
    background: set[Asset] = field(default_factory=set)
    """Looked at only because models of other assets see the whole market."""
    closure: Closure | None = None
    """Since when the market is closed against the calendar."""


def refresh(ports: Ports, now: int, deadline: Deadline = NO_DEADLINE) -> RefreshReport:
    """Make and store the signal of every bar that had closed by now (seconds since the epoch) and has none.

    One asset's trouble is noted on that asset and stops no other. Running it twice changes nothing, and a
    run that was cut off is finished by the next. Raises what the store raises when it cannot be read at all.
    """
    run = _Run(ports, now, RefreshReport(ports.market), Writing(ports.writers, deadline))
    asking = deadline.before(WRITING_SECONDS)
    works, fetched = _works_and_candles(run, asking)
    served = [a for a, own in fetched.items() if isinstance(own, Bars) and a not in run.background]
    _ask_for_quotes(run, served, asking)
    run.closure = _closure(run, fetched, asking)
    for work in works:
        _mend_history(run, work)
        run.report.unchanged += len(assets_of(ports.market)) - len(work.unhandled)
        if run.closure:
            for asset in work.unhandled:
                _note(run, asset, work.timeframe, work.newest, NoSession(run.closure.reason))
        elif work.unhandled:
            _refresh_timeframe(run, work, fetched)
    if fetched:
        ports.feed.doubt(run.refused, run.suspected)
    ending = calendar_notice(ports.market, now)
    if ending:
        run.report.notes.append(ending)
    run.writing.write(run.chains.values())
    run.writing.write([[write] for write in _market_writes(run, fetched)])
    # Of a session that there is not, no bar is ever complete.
    if run.writing.complete and run.closure is None:
        run.writing.write([[write] for write in _completion_writes(run, works)])
    run.report.store_faults.extend(run.writing.faults)
    run.report.stopped = run.writing.stopped
    if not run.report.stopped and deadline.left() > SETTLING_SECONDS:
        _settle(run, fetched)
    return run.report


def _works_and_candles(run: _Run, deadline: Deadline) -> tuple[list[Work], Fetched]:
    """What is to be done on each timeframe, and the candles for it.

    Models take a cold start some time to load: what must be asked for whichever serve is under way by then.
    """
    ports, market = run.ports, run.ports.market
    known = [stored(ports.store, market, timeframe, run.now) for timeframe in Timeframe]
    run.known.update((one.timeframe, one.signals) for one in known)
    due = {asset for one in known for asset in one.due(market)}
    fetching = _begin_fetching(run, due, deadline)
    works = [work_of(one, market, ports.forecaster.revision) for one in known]
    # Until a bar is complete, prices and bars for readers may be missing too, whatever signals there are.
    interrupted = not all(work.completion for work in works)
    needed = {asset for work in works for asset in work.unhandled}
    if interrupted:
        needed = set(assets_of(market))
    if needed and ports.forecaster.inputs.context:
        run.background = set(assets_of(market)) - needed
    others = (needed | run.background) - due
    return works, fetching() | _begin_fetching(run, others, deadline)()


def _begin_fetching(run: _Run, assets: Collection[Asset], deadline: Deadline) -> Callable[[], Fetched]:
    """Ask for candles; what is returned waits for those of each asset, or why there are none.

    It waits until the deadline, whatever the feed does.
    """
    ports, now = run.ports, run.now
    if not assets:
        return dict
    asked = [asset for asset in assets_of(ports.market) if asset in assets]
    awaited = ports.fetching.begin(
        lambda: ports.feed.update(asked, first_open(ports.market, now), now), deadline
    )

    def candles() -> Fetched:
        try:
            return awaited()
        except TimeoutError:
            late = TemporaryMarketError(
                f"no candles from {ports.feed.source} before the refresh had to go on"
            )
        except Exception as fault:  # whatever a library raises, readers are told why there is no signal
            log.exception("no candles")
            late = TemporaryMarketError(f"no candles: {type(fault).__name__}: {fault}"[:200])
        run.report.notes.append(str(late))
        return dict.fromkeys(asked, late)

    return candles


def _settle(run: _Run, fetched: Fetched) -> None:
    """Settle earlier signals. It is optional: whatever it raises is a note, and the next run does it."""
    if run.ports.settlement is None or not fetched:
        return
    try:
        run.ports.settlement.settle(run.known, fetched, run.now)
    except Exception as fault:  # readers have their signals, whatever this step meets
        log.warning("signals were not settled", exc_info=True)
        run.report.notes.append(f"signals were not settled: {type(fault).__name__}: {fault}"[:200])


def _ask_for_quotes(run: _Run, served: Sequence[Asset], deadline: Deadline) -> None:
    """Live prices are optional: whatever their provider does is a note, and signals show the close."""
    quotes = run.ports.quotes
    if quotes is None or not served:
        return
    try:
        run.quotes.update(run.ports.quoting.call(lambda: quotes.latest(served, run.now), deadline))
        run.report.notes.extend(quotes.notes)
    except TimeoutError:
        run.report.notes.append("no live prices before the refresh had to go on")
    except Exception as fault:  # a provider's library may raise anything
        log.warning("no live prices", exc_info=True)
        run.report.notes.append(f"no live prices: {type(fault).__name__}: {fault}"[:200])


def _closure(run: _Run, fetched: Fetched, deadline: Deadline) -> Closure | None:
    """The closure that its witness confirms by the deadline, which is noted."""
    ports = run.ports
    try:
        found = ports.quoting.call(
            lambda: closure(ports.market, fetched, run.quotes, ports.index, run.now), deadline
        )
    except TimeoutError:
        return None
    if found:
        run.report.notes.append(found.reason)
    return found


def _mend_history(run: _Run, work: Work) -> None:
    """Write the history entry of each signal whose run did not end: it may have ended before that write."""
    for asset, signal in work.unrecorded.items():
        run.chains[asset, work.timeframe].append(partial(run.ports.store.put_history, signal, shown=True))


def _market_writes(run: _Run, fetched: Fetched) -> Iterator[Write]:
    """The last prices of all assets that have candles worth showing, and the market's hours."""
    spoiled = {
        asset for (asset, _), trouble in run.report.troubles.items() if trouble.status is Status.BAD_DATA
    }
    for asset, own in fetched.items():
        if isinstance(own, Bars) and len(own) and asset not in spoiled | run.background:
            record = market_record(asset, own, run.ports.feed.source, run.quotes.get(asset), run.now)
            yield partial(run.ports.store.put_market, record)
    yield partial(run.ports.store.put_hours, market_hours(run.ports.market, run.now))


def _completion_writes(run: _Run, works: Sequence[Work]) -> Iterator[Write]:
    """What says that a bar is done; nothing where a run has said the same already."""
    for work in works:
        failed = sum(timeframe is work.timeframe for _, timeframe in run.report.troubles)
        completion = Completion(
            run.ports.market,
            work.timeframe,
            work.newest,
            run.ports.forecaster.revision,
            signals=len(assets_of(run.ports.market)) - failed,
            failures=failed,
            at=run.now,
        )
        known = work.completion
        if known is None or replace(known, at=run.now) != completion:
            yield partial(run.ports.store.put_completion, completion)


def _refresh_timeframe(run: _Run, work: Work, fetched: Fetched) -> None:
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
            _note(run, asset, timeframe, int(grid[-1]), reason)
    if timeframe is Timeframe.M5:
        run.report.notes.extend(_quarantine_notes(candles))
    run.refused.update(asset for asset, reason in refused.items() if isinstance(reason, BadCandles))
    odd = (candles.after_step | candles.doubtful)[:, -WINDOW:]
    run.suspected.update(asset for asset, row in zip(candles.assets, odd, strict=True) if row.any())
    if candles.assets:
        _decide(run, candles, todo)


def _borne_out(run: _Run, bars: Mapping[Asset, Bars]) -> set[Asset]:
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


def _decide(run: _Run, candles: Candles, lacking: Mapping[Asset, CloseTimes]) -> None:
    """Put the signals of these bars into the chains of writes, or note why the newest bar has none."""
    prices = Prices(run.ports.feed.source, run.ports.feed.simulated, run.quotes, run.ports.feed.caveats)
    others: defaultdict[str, list[str]] = defaultdict(list)
    for made in decided_signals(candles, lacking, run.ports.forecaster, prices, run.now):
        if made.newest and made.by_other_model:
            others[made.by_other_model].append(made.asset.symbol)
        disputed = [f"{made.asset.symbol}: {caveat}" for caveat in made.disputes]
        run.report.notes.extend(note for note in disputed if note not in run.report.notes)
        if isinstance(made.outcome, Signal):
            _put(run, made.outcome, newest=made.newest)
        elif made.newest:
            _note(run, made.asset, candles.timeframe, made.bar_close, made.outcome)
    run.report.by_other_models += sum(map(len, others.values()))
    run.report.notes.extend(
        f"{', '.join(symbols)} {candles.timeframe}: {why}" for why, symbols in others.items()
    )


def _put(run: _Run, signal: Signal, *, newest: bool) -> None:
    chain = run.chains[signal.asset, signal.timeframe]
    if newest:
        chain.append(partial(_store, run, signal))
    else:
        chain.append(lambda: run.ports.store.put_history(replace(signal, stored_at=_moment(run))))
        run.report.late += 1


def _store(run: _Run, signal: Signal) -> None:
    """Store the signal of the newest bar, and count it where it comes after its budget."""
    at = _moment(run)
    changed = run.ports.store.put_signal(replace(signal, stored_at=at))
    run.report.count(changed)
    # What is made up for at a later bar was late for a reason that is counted already.
    if changed and run.now < signal.bar_close + BAR and passed(signal.bar_close, at):
        run.report.count_late()


def _moment(run: _Run) -> int:
    return run.ports.clock() if run.ports.clock else run.now


def _note(run: _Run, asset: Asset, timeframe: Timeframe, bar_close: int, reason: GrowfolioError) -> None:
    attempt = Attempt(bar_close, run.now, _status_of(reason), (str(reason),))
    if not isinstance(reason, NoSession):
        run.report.troubles[asset, timeframe] = attempt
    store = run.ports.store
    run.chains[asset, timeframe].append(
        lambda: run.report.count(store.note_attempt(asset, timeframe, attempt))
    )


def _status_of(reason: GrowfolioError) -> Status:
    if isinstance(reason, NoSession):
        return Status.MARKET_CLOSED
    if isinstance(reason, BadCandles):
        return Status.BAD_DATA
    return Status.NO_MODEL if isinstance(reason, ModelError) else Status.NO_DATA
