"""The rolling window of one market, fed by a source and kept between refreshes."""

import logging
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from growfolio.domain.alignment import MAX_FILLED_IN_A_ROW, REACH
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, OpenTimes, opens_of
from growfolio.domain.calendar import Session, sessions_between
from growfolio.domain.grid import last_slots, slots_between
from growfolio.domain.times import day_of
from growfolio.errors import ArchiveError, MarketError
from growfolio.market.ports import Fetched, MarketSource
from growfolio.refresh.candle_window import CandleWindow
from growfolio.storage.candle_archive import CandleArchive, KeptCandles

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
        self._window: CandleWindow | None = None
        self._archived_until = 0

    @property
    def source(self) -> str:
        return self._source.name

    @property
    def simulated(self) -> bool:
        return self._source.simulated

    def update(self, assets: Sequence[Asset], first_open: int, now: int) -> Fetched:
        """The window of each asset from first_open on, extended by what is new; or why there is none.

        An asset that could not be asked for is answered from the window where that is up to date.
        """
        if self._window is None:
            self._window = self._kept(now)
        window, slots = self._window, self._slots(first_open, now)
        window.drop_before(int(slots[0]))
        fresh = CandleWindow()
        known = window if window.source == self.source else fresh
        asked = {asset: known.since(asset, slots) for asset in assets}
        answers = self._extend(window, slots, self._source.fetch(asked, now))
        incomplete = {
            asset: window.start(asset, slots)
            for asset, answer in answers.items()
            if isinstance(answer, Bars)
            and asked[asset] > window.start(asset, slots) == window.since(asset, slots)
        }
        if incomplete:
            # Another source took over, the provider rewrote the past (a split), or trading broke off in it.
            answers |= self._extend(window, slots, self._source.fetch(incomplete, now))
        return {
            asset: _answer(answer, window.bars.get(asset), slots, window.start(asset, slots))
            for asset, answer in answers.items()
        }

    def doubt(self, refused: Collection[Asset], suspected: Collection[Asset]) -> None:
        """Ask for these assets anew the next time; of the refused, keep nothing."""
        if self._window is not None:
            self._window.doubt(refused, suspected)

    def save(self, now: int) -> tuple[str, ...]:
        """Keep the window for the next refresh, and closed sessions for training; notes on what failed.

        Call it when the signals are stored: they do not wait for it, nor for its faults.
        """
        if self._archive is None or self._window is None or not self._window.believed:
            return ()
        try:
            self._archive_sessions(self._archive, self._window, now)
            kept = KeptCandles(self._window.believed, self._window.source, self._archived_until)
            self._archive.write_window(kept)
        except ArchiveError as fault:
            return (f"candles were not kept: {fault}",)
        return ()

    def _kept(self, now: int) -> CandleWindow:
        """What the last refresh kept. Missing or damaged, all is fetched again."""
        try:
            kept = self._archive.read_window(now) if self._archive else None
        except ArchiveError as fault:
            log.warning("the candle window starts empty: %s", fault)
            kept = None
        if kept is None:
            return CandleWindow()
        self._archived_until = kept.archived_until
        return CandleWindow(kept.source, kept.bars)

    def _slots(self, first_open: int, now: int) -> OpenTimes:
        """The opening times of all bars wanted, a few before, which untraded slots repeat, and REACH."""
        wanted = len(slots_between(self._market, first_open, now, Timeframe.M5))
        held = wanted + MAX_FILLED_IN_A_ROW + 1 + REACH
        return opens_of(last_slots(self._market, now, Timeframe.M5, held))

    def _extend(self, window: CandleWindow, slots: OpenTimes, answers: Fetched) -> Fetched:
        if window.source != self.source:
            window.restart(self.source)
        extended: Fetched = {}
        for asset, answer in answers.items():
            if isinstance(answer, MarketError):
                extended[asset] = answer
            else:
                in_session = answer.where(np.isin(answer.open_time, slots))
                extended[asset] = window.extend(asset, in_session)
        return extended

    def _archive_sessions(self, archive: CandleArchive, window: CandleWindow, now: int) -> None:
        oldest = min((int(bars.open_time[0]) for bars in window.believed.values() if len(bars)), default=now)
        closed = [s for s in sessions_between(self._market, oldest, now) if s.close <= now]
        if not closed or closed[-1].close <= self._archived_until:
            return
        for session in closed[-ARCHIVED_AGAIN:]:
            archive.add_to_day(
                day_of(session.open), KeptCandles(_within(session, window.believed), window.source)
            )
        self._archived_until = closed[-1].close


def _answer(
    answer: Bars | MarketError, kept: Bars | None, slots: OpenTimes, start: int
) -> Bars | MarketError:
    """The answer from start on, whatever else the window holds; the window itself where it is up to date."""
    if isinstance(answer, MarketError):
        if kept is None or not len(kept) or kept.open_time[-1] != slots[-1]:
            return answer
        answer = kept
    return answer.where(answer.open_time >= start)


def _within(session: Session, bars: Mapping[Asset, Bars]) -> dict[Asset, Bars]:
    inside = {
        a: b.where((b.open_time >= session.open) & (b.open_time < session.close)) for a, b in bars.items()
    }
    return {asset: own for asset, own in inside.items() if len(own)}
