"""History from the product's own sources and its candle archive, merged into files that grow.

Only sessions that the files lack are asked for, the newest first, and each answer is written at once: an
interrupted download goes on where it was, and so does next month's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from growfolio.domain.assets import Asset, Market, assets_of
from growfolio.domain.bars import Bars
from growfolio.domain.calendar import Session, sessions_between
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW
from growfolio.domain.times import BAR, DAY, day_of
from growfolio.errors import ArchiveError, BadCandles, GrowfolioError, MarketError
from growfolio.market.ports import MarketSource
from growfolio.storage.candle_archive import CandleArchive, KeptCandles

from training.data.candle_files import CandleFiles
from training.progress import Progress, Say

STEP = 30 * DAY
"""How much of the past is asked for at once."""
OVERLAP = {Market.STOCKS: 4 * DAY, Market.CRYPTO: 0}
"""Asked for beside what is missing, so that a split since the last download is noticed; coins have none."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one market's history comes from."""

    market: Market
    source: MarketSource
    reach: int | None = None
    """Seconds before now that the source serves at most; None: all that there is."""
    archive: CandleArchive | None = None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why an asset has less history than was asked for."""

    asset: Asset | None
    """None: the whole archive is out of reach."""
    reason: str
    fault: GrowfolioError

    def __str__(self) -> str:
        return f"{self.asset.id}: {self.reason}" if self.asset else f"archive: {self.reason}"


@dataclass(frozen=True, slots=True)
class Step:
    """Assets of one market that lack sessions between two moments, and since when each does."""

    origin: Origin
    since: Mapping[Asset, int]
    until: int

    @property
    def bars(self) -> float:
        return sum((self.until - first) / BAR for first in self.since.values())


def download(
    origins: list[Origin],
    files: CandleFiles,
    assets: tuple[Asset, ...],
    start: int,
    now: int,
    clock: Callable[[], float],
    say: Say,
) -> list[Shortfall]:
    """Fill the files with bars of these assets from start to now (seconds since the epoch).

    Raises BadCandles for a file that is damaged, or of another source than the market's.
    """
    short: list[Shortfall] = []
    for origin in origins:
        own = [asset for asset in assets_of(origin.market) if asset in assets]
        if origin.archive is not None and own:
            added, troubles = _from_archive(origin.archive, files, own, start, now)
            short += troubles
            say(f"archive: {added:,} new bars of {origin.market}")
    plan = [step for origin in origins for step in plan_of(origin, files, assets, start, now)]
    progress = Progress(sum(step.bars for step in plan) or 1.0, clock, say)
    silent: set[Market] = set()
    for step in plan:
        if step.origin.market in silent:
            progress.skip(step.bars)
            continue
        added, troubles = _take(step, files)
        short += troubles
        served = len(step.since) - len(troubles)
        if not served:
            # A source without bars of this time, or out of reach, has none of an earlier time either.
            silent.add(step.origin.market)
        first = min(step.since.values())
        progress.advance(
            step.bars,
            f"{step.origin.source.name} {day_of(first)} to {day_of(step.until)}: "
            f"{added:,} new bars of {served} of {len(step.since)} {step.origin.market}",
        )
    return short


def plan_of(
    origin: Origin, files: CandleFiles, assets: tuple[Asset, ...], start: int, now: int
) -> list[Step]:
    """Plan what to ask for to have all sessions from start to now, newest step first."""
    if origin.reach is not None:
        start = max(start, now - origin.reach)
    own = [asset for asset in assets_of(origin.market) if asset in assets]
    missing = {asset: missing_sessions(files.read(asset), asset.market, start, now) for asset in own}
    steps = []
    for end in range(now, start, -STEP):
        since, until = {}, 0
        for asset, sessions in missing.items():
            within = [s for s in sessions if end - STEP <= max(s.open, start) < end]
            if within:
                since[asset] = max(start, within[0].open - OVERLAP[origin.market])
                until = max(until, min(now, within[-1].close))
        if since:
            steps.append(Step(origin, since, until))
    return steps


def missing_sessions(bars: Bars, market: Market, start: int, now: int) -> list[Session]:
    """Return the sessions between start and now with a gap that serving would not fill, at their ends too."""
    times = np.sort(bars.open_time)
    missing = []
    for session in sessions_between(market, start, now):
        opened, closed = max(session.open, start), min(session.close, now)
        own = times[np.searchsorted(times, opened) : np.searchsorted(times, closed)]
        steps = np.diff(own, prepend=opened - BAR, append=closed)
        if steps.max() > (MAX_FILLED_IN_A_ROW + 1) * BAR:
            missing.append(session)
    return missing


def _take(step: Step, files: CandleFiles) -> tuple[int, list[Shortfall]]:
    """Fetch and write one step; return the number of new bars, and the shortfalls."""
    answers = step.origin.source.fetch(step.since, step.until)
    # Known only now: after an exchange that served no asset, the next one answers.
    source = step.origin.source.name
    came, short = {}, []
    for asset, answer in answers.items():
        if isinstance(answer, MarketError):
            when = f"{day_of(step.since[asset])} to {day_of(step.until)}"
            short.append(Shortfall(asset, f"{when}: {answer}", answer))
        else:
            came[asset, source] = answer
    added, refused = _add(files, came)
    return added, short + refused


def _add(files: CandleFiles, bars: Mapping[tuple[Asset, str], Bars]) -> tuple[int, list[Shortfall]]:
    """Merge bars, by asset and source, into the files; return how many these lacked, and what was refused."""
    added, refused = 0, []
    for (asset, source), own in bars.items():
        try:
            added += files.add(asset, own, source)
        except BadCandles as reason:
            refused.append(Shortfall(asset, str(reason), reason))
    return added, refused


def _from_archive(
    archive: CandleArchive,
    files: CandleFiles,
    assets: Sequence[Asset],
    start: int,
    now: int,
) -> tuple[int, list[Shortfall]]:
    """Add the archived days that the files lack. An archive out of reach does not stop the source."""
    kept: dict[tuple[Asset, str], Bars] = {}
    try:
        days = archive.days()
        lacking = {asset: _days_lacking(files, asset, start, now) for asset in assets}
        for day in days:
            if not any(day in missing for missing in lacking.values()):
                continue
            candles = archive.read_day(day) or KeptCandles({}, "")
            for asset in candles.bars.keys() & lacking.keys():
                own = (asset, candles.source)
                kept[own] = kept.get(own, Bars.of([])).joined_with(candles.bars[asset])
    except ArchiveError as reason:
        return 0, [Shortfall(None, str(reason), reason)]
    return _add(files, kept)


def _days_lacking(files: CandleFiles, asset: Asset, start: int, now: int) -> set[date]:
    return {day_of(s.open) for s in missing_sessions(files.read(asset), asset.market, start, now)}
