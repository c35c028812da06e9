"""What a refresh asks for: candles, live prices, and whether the market is closed against the calendar."""

import logging
from collections.abc import Callable, Collection, Sequence

from growfolio.domain.assets import Asset, Timeframe, assets_of
from growfolio.errors import TemporaryMarketError
from growfolio.limits import Deadline
from growfolio.market.ports import Fetched
from growfolio.refresh.closure import Closure, closure
from growfolio.refresh.under_way import Run
from growfolio.refresh.work import Work, first_open, stored, work_of

log = logging.getLogger(__name__)


def works_and_candles(run: Run, deadline: Deadline) -> tuple[list[Work], Fetched]:
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


def _begin_fetching(run: Run, assets: Collection[Asset], deadline: Deadline) -> Callable[[], Fetched]:
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
        except Exception as fault:  # whatever a library raises, readers see why there is no signal
            log.exception("no candles")
            late = TemporaryMarketError(f"no candles: {type(fault).__name__}: {fault}"[:200])
        run.report.notes.append(str(late))
        return dict.fromkeys(asked, late)

    return candles


def ask_for_quotes(run: Run, served: Sequence[Asset], deadline: Deadline) -> None:
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


def confirmed_closure(run: Run, fetched: Fetched, deadline: Deadline) -> Closure | None:
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
