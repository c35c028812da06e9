"""One refresh of one market: new candles in, stored signals out. Time is passed in.

The same code serves live, replays a past day and backtests: it sees only bars that had closed by now.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from growfolio.domain.assets import assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.calendar import calendar_notice, market_hours
from growfolio.domain.freshness_budget import BUDGET
from growfolio.domain.signals import Status
from growfolio.errors import NoSession
from growfolio.limits import NO_DEADLINE, Deadline
from growfolio.market.ports import Fetched
from growfolio.refresh.asking import ask_for_quotes, confirmed_closure, works_and_candles
from growfolio.refresh.market_snapshot import market_record
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.timeframe import refresh_timeframe
from growfolio.refresh.under_way import Run, note
from growfolio.refresh.work import Work
from growfolio.refresh.writing import Write, Writing
from growfolio.storage.records import Completion

log = logging.getLogger(__name__)

WRITING_SECONDS = BUDGET["writing"]
"""What computing and writing take at most: fetching ends so long before the deadline."""
SETTLING_SECONDS = 12
"""What settling may take: it does not begin with less before the deadline."""


def refresh(ports: Ports, now: int, deadline: Deadline = NO_DEADLINE) -> RefreshReport:
    """Make and store the signal of every bar that had closed by now (seconds since the epoch) and has none.

    One asset's trouble is noted on that asset and stops no other. Running it twice changes nothing, and a
    run that was cut off is finished by the next. Raises what the store raises when it cannot be read at all.
    """
    run = Run(ports, now, RefreshReport(ports.market), Writing(ports.writers, deadline))
    asking = deadline.before(WRITING_SECONDS)
    works, fetched = works_and_candles(run, asking)
    served = [a for a, own in fetched.items() if isinstance(own, Bars) and a not in run.background]
    ask_for_quotes(run, served, asking)
    run.closure = confirmed_closure(run, fetched, asking)
    for work in works:
        _mend_history(run, work)
        run.report.unchanged += len(assets_of(ports.market)) - len(work.unhandled)
        if run.closure:
            for asset in work.unhandled:
                note(run, asset, work.timeframe, work.newest, NoSession(run.closure.reason))
        elif work.unhandled:
            refresh_timeframe(run, work, fetched)
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


def _settle(run: Run, fetched: Fetched) -> None:
    """Settle earlier signals. It is optional: whatever it raises is a note, and the next run does it."""
    if run.ports.settlement is None or not fetched:
        return
    try:
        run.ports.settlement.settle(run.known, fetched, run.now)
    except Exception as fault:  # readers have their signals, whatever this step meets
        log.warning("signals were not settled", exc_info=True)
        run.report.notes.append(f"signals were not settled: {type(fault).__name__}: {fault}"[:200])


def _mend_history(run: Run, work: Work) -> None:
    """Write the history entry of each signal whose run did not end: it may have ended before that write."""
    for asset, signal in work.unrecorded.items():
        run.chains[asset, work.timeframe].append(partial(run.ports.store.put_history, signal, shown=True))


def _market_writes(run: Run, fetched: Fetched) -> Iterator[Write]:
    """The last prices of all assets that have candles worth showing, and the market's hours."""
    left_out = run.background | {
        asset for (asset, _), trouble in run.report.troubles.items() if trouble.status is Status.BAD_DATA
    }
    for asset, own in fetched.items():
        if isinstance(own, Bars) and len(own) and asset not in left_out:
            record = market_record(asset, own, run.ports.feed.source, run.quotes.get(asset), run.now)
            yield partial(run.ports.store.put_market, record)
    yield partial(run.ports.store.put_hours, market_hours(run.ports.market, run.now))


def _completion_writes(run: Run, works: Sequence[Work]) -> Iterator[Write]:
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
