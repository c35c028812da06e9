"""The rolling windows of one market, one for each source that serves it, kept between refreshes."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from growfolio.domain.alignment import FURTHEST_REACH, reaching
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, OpenTimes, among, opens_of
from growfolio.domain.calendar import Session, sessions_between
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.moves import doubtful
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW
from growfolio.domain.times import day_of
from growfolio.errors import ArchiveError, MarketError, ObjectChanged
from growfolio.market.ports import Fetched, MarketSource
from growfolio.refresh.candle_window import CandleWindow
from growfolio.storage.candle_archive import RACES, CandleArchive, KeptCandles

log = logging.getLogger(__name__)

ARCHIVED_AGAIN = 3
"""The newest sessions that are added to the archive each time one closes: late and revised bars get there."""


class WindowedFeed:
    """Implements CandleFeed. Make one a function and keep it while the function is warm."""

    def __init__(self, source: MarketSource, archive: CandleArchive | None, market: Market) -> None:
        """Without an archive the window lives in memory only."""
        self._source = source
        self._archive = archive
        self._market = market
        self._windows: dict[str, CandleWindow] = {}
        """By the name of their source: volumes of two do not compare, and going back costs nothing."""
        self._archived_until = 0
        self._rewritten: frozenset[Asset] = frozenset()

    @property
    def source(self) -> str:
        return self._source.name

    @property
    def simulated(self) -> bool:
        return self._source.simulated

    @property
    def caveats(self) -> tuple[str, ...]:
        return self._source.caveats

    @property
    def rewritten(self) -> Collection[Asset]:
        return self._rewritten

    def update(self, assets: Sequence[Asset], first_open: int, now: int) -> Fetched:
        """The window of each asset from first_open on, extended by what is new; or why there is none.

        An asset that could not be asked for is answered from the window where that is up to date.
        """
        window = self._window(now)
        slots, reach = self._slots(window, first_open, now)
        asked = {asset: window.since(asset, slots, reach) for asset in assets}
        fetched = self._source.fetch(asked, now)
        window = self._window(now)  # of the source that answered, which may be another by now
        slots, reach = self._slots(window, first_open, now)
        missing = {asset: window.since(asset, slots, reach) for asset in assets}
        answers = _extend(window, slots, fetched)
        slots, reach = self._slots(window, first_open, now)
        for asset in assets:
            start = window.start(asset, slots, reach)
            if window.since(asset, slots, reach) == start:
                # The provider rewrote the past (a split), or trading broke off in it.
                missing[asset] = min(missing[asset], start)
        incomplete = {
            asset: missing[asset]
            for asset, answer in answers.items()
            if isinstance(answer, Bars) and asked[asset] > missing[asset]
        }
        if incomplete:
            answers |= _extend(window, slots, self._source.fetch(incomplete, now))
        self._rewritten = window.rewritten(now)
        window.drop_before(int(slots[0]))
        window.count([s for s in sessions_between(self._market, int(slots[0]), now) if s.close <= now])
        return {
            asset: _answer(answer, window, asset, slots, window.start(asset, slots, reach))
            for asset, answer in answers.items()
        }

    def doubt(self, refused: Collection[Asset], suspected: Collection[Asset]) -> None:
        """Ask for these assets anew the next time; of the refused, keep nothing."""
        if self.source in self._windows:
            self._windows[self.source].doubt(refused, suspected)

    def save(self, now: int) -> tuple[str, ...]:
        """Keep the window for the next refresh, and closed sessions for training; notes on what failed.

        Call it when the signals are stored: they do not wait for it, nor for its faults.
        """
        window = self._windows.get(self.source)
        if self._archive is None or window is None or not window.believed:
            return ()
        try:
            self._archive_sessions(self._archive, window, now)
            self._write(self._archive, window, now)
        except Exception as fault:  # an optional port: whatever it raises, signals are served
            log.warning("candles were not kept", exc_info=True)
            return (f"candles were not kept: {_in_words(fault)}",)
        return ()

    def _window(self, now: int) -> CandleWindow:
        """The window of the source that serves, with what the last refresh kept of it."""
        if self.source not in self._windows:
            kept = self._read(self._archive, now) if self._archive else None
            made = self._windows[self.source] = CandleWindow(
                self.source, kept.bars if kept else None, kept.counts if kept else None
            )
            made.doubt((), [asset for asset, bars in made.bars.items() if doubtful(bars).any()])
            self._archived_until = max(self._archived_until, kept.archived_until if kept else 0)
        return self._windows[self.source]

    def _read(self, archive: CandleArchive, now: int) -> KeptCandles | None:
        """What the last refresh kept. Missing or damaged, all is fetched again."""
        try:
            return archive.read_window(self.source, now)
        except Exception as fault:  # an optional port: all is fetched again
            log.warning("the candle window starts empty: %s", _in_words(fault), exc_info=True)
            return None

    def _write(self, archive: CandleArchive, window: CandleWindow, now: int) -> None:
        """Write the window; take from another run, which wrote it meanwhile, what that has later bars of."""
        for _ in range(RACES):
            try:
                archive.write_window(
                    KeptCandles(window.believed, window.source, self._archived_until, window.counts)
                )
                return
            except ObjectChanged:
                other = self._read(archive, now)
            if other is not None:
                self._archived_until = max(self._archived_until, other.archived_until)
                if not window.take_later(other.bars):
                    return
        log.info("other runs of this moment write the candle window")

    def _slots(self, window: CandleWindow, first_open: int, now: int) -> tuple[OpenTimes, int]:
        """The opening times of all bars that may be needed, and how many of them only because of breaks.

        The others are all bars wanted, and a few before, which untraded slots repeat.
        """
        wanted = len(slots_between(self._market, first_open, now, Timeframe.M5)) + MAX_FILLED_IN_A_ROW + 1
        slots = last_slots(self._market, now, Timeframe.M5, wanted + FURTHEST_REACH)
        within = reaching(window.bars.values(), slots)
        return opens_of(within), len(within) - wanted

    def _archive_sessions(self, archive: CandleArchive, window: CandleWindow, now: int) -> None:
        oldest = min((int(bars.open_time[0]) for bars in window.believed.values() if len(bars)), default=now)
        closed = [s for s in sessions_between(self._market, oldest, now) if s.close <= now]
        if not closed or closed[-1].close <= self._archived_until:
            return
        for session in closed[-ARCHIVED_AGAIN:]:
            # A day of whole volumes is not given up for one of a source whose candles are limited.
            archive.add_to_day(
                day_of(session.open),
                KeptCandles(_within(session, window.believed), window.source),
                takes_over=not self._source.caveats,
            )
        self._archived_until = closed[-1].close


def _in_words(fault: Exception) -> str:
    return str(fault) if isinstance(fault, ArchiveError) else f"{type(fault).__name__}: {fault}"[:200]


def _extend(window: CandleWindow, slots: OpenTimes, answers: Fetched) -> Fetched:
    """The answers, each asset's bars joined with those of the window, which is extended by them."""
    extended: Fetched = {}
    for asset, answer in answers.items():
        if isinstance(answer, MarketError):
            extended[asset] = answer
        else:
            in_session = answer.where(among(answer.open_time, slots))
            extended[asset] = window.extend(asset, in_session)
    return extended


def _answer(
    answer: Bars | MarketError, window: CandleWindow, asset: Asset, slots: OpenTimes, start: int
) -> Bars | MarketError:
    """The answer from start on, whatever else the window holds; the window itself where it is up to date."""
    kept = window.bars.get(asset)
    if isinstance(answer, MarketError):
        if kept is None or not len(kept) or kept.open_time[-1] != slots[-1]:
            return answer
        answer = kept
    within = answer.where(answer.open_time >= start)
    return replace(within, counts=window.counts.get(asset, ()))


def _within(session: Session, bars: Mapping[Asset, Bars]) -> dict[Asset, Bars]:
    inside = {
        a: b.where((b.open_time >= session.open) & (b.open_time < session.close)) for a, b in bars.items()
    }
    return {asset: own for asset, own in inside.items() if len(own)}
