"""One refresh under way: what it has found so far, and the writes that it will make."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.signals import Attempt, Price, Signal, Status
from growfolio.errors import BadCandles, GrowfolioError, ModelError, NoSession
from growfolio.refresh.closure import Closure
from growfolio.refresh.ports import Ports
from growfolio.refresh.report import RefreshReport
from growfolio.refresh.writing import Write, Writing


@dataclass(slots=True)
class Run:
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


def moment(run: Run) -> int:
    """What time it is now, in seconds: while a refresh goes on, where there is a clock."""
    return run.ports.clock() if run.ports.clock else run.now


def note(run: Run, asset: Asset, timeframe: Timeframe, bar_close: int, reason: GrowfolioError) -> None:
    """Chain the write that says why this bar has no signal."""
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
