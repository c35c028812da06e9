"""The rolling window of candles: what a refresh needs, kept so that only what is new is asked for."""

import logging
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from growfolio.domain.activity import counts_of, newest
from growfolio.domain.adjustment import OVERLAP, common_ratio, contradicts
from growfolio.domain.alignment import REACH
from growfolio.domain.assets import Asset
from growfolio.domain.bars import Bars, IntArray, OpenTimes, SessionCount, among
from growfolio.domain.calendar import Session
from growfolio.domain.caveats import RECENT
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, sound, untraded
from growfolio.domain.times import BAR, HOUR

Counts = Mapping[Asset, tuple[SessionCount, ...]]

log = logging.getLogger(__name__)

ASKED_AGAIN = 24
"""The newest bars are asked for again: providers revise them, their volume above all.

Two hours of them: an answer with bars of another length must not look like a short one.
"""


class CandleWindow:
    """5-minute bars of some assets, all from one source. Holds only bars that a market can have printed."""

    def __init__(
        self, source: str, bars: Mapping[Asset, Bars] | None = None, counts: Counts | None = None
    ) -> None:
        self.source = source
        self._bars = dict(bars or {})
        self._counts = dict(counts or {})
        self._counted_until = 0
        self._doubted: set[Asset] = set()
        self._refused: set[Asset] = set()
        self._rewritten: dict[Asset, int] = {}

    @property
    def bars(self) -> Mapping[Asset, Bars]:
        return self._bars

    @property
    def believed(self) -> Mapping[Asset, Bars]:
        """What may be kept for a later run: without the assets that alignment refused."""
        return {asset: bars for asset, bars in self._bars.items() if asset not in self._refused}

    @property
    def counts(self) -> Counts:
        """How often each asset was traded in past sessions, whether or not the bars still reach them."""
        return self._counts

    def count(self, closed: Sequence[Session]) -> None:
        """Count the last of these closed sessions that have not been counted, and those revised since."""
        if not closed or closed[-1].close <= self._counted_until:
            return
        self._counted_until = closed[-1].close
        for asset, bars in self.believed.items():
            covered = [session for session in closed if len(bars) and session.open >= bars.open_time[0]]
            self._counts[asset] = newest(self._counts.get(asset, ()), counts_of(bars, covered))

    def rewritten(self, now: int) -> frozenset[Asset]:
        """Assets whose source contradicted, RECENT bars ago at most, what it had sent before."""
        return frozenset(a for a, closed in self._rewritten.items() if closed > now - (RECENT + 1) * BAR)

    def doubt(self, refused: Collection[Asset], suspected: Collection[Asset]) -> None:
        """Ask for these anew from the first slot on the next time; of the refused, keep nothing either."""
        self._refused |= set(refused)
        self._doubted |= {*refused, *suspected}

    def start(self, asset: Asset, slots: OpenTimes, reach: int = REACH) -> int:
        """The opening time of the first bar that the asset needs.

        slots are the opening times of all bars that may be needed, oldest first: reach of them only where
        breaks in trading leave too few of the others, whether their slots are missing or say "no trades".
        """
        known = self._bars.get(asset)
        if known is None or not len(known):
            return int(slots[reach])
        traded = np.flatnonzero(among(slots, known.open_time[~untraded(known)]))
        usable = np.ones(len(slots), dtype=np.bool_)
        for at in np.flatnonzero(np.diff(traded) - 1 > MAX_FILLED_IN_A_ROW):
            usable[traded[at] + 1 : traded[at + 1]] = False
        return int(slots[usable][-(len(slots) - reach) :][0])

    def since(self, asset: Asset, slots: OpenTimes, reach: int = REACH) -> int:
        """From which opening time on to ask for an asset's bars.

        All is asked for where the window does not go back far enough, or where it is in doubt; otherwise
        what is new, the bars that the provider may still revise, and slots that no bar has come for.
        """
        start, held = self.start(asset, slots, reach), self._held(asset, slots)
        first = int(np.searchsorted(slots, start))
        if asset in self._doubted or not len(held) or held[0] > first + MAX_FILLED_IN_A_ROW:
            return start
        holes = np.setdiff1d(np.arange(max(first, held[0]), held[-1]), held)
        # Slots that no bar has come for are asked about at each refresh for a day, and hourly after that.
        if (int(slots[-1]) + BAR) % HOUR:
            holes = holes[holes >= len(slots) - REACH]
        oldest = min([_before_session(slots, int(held[-1])), int(held[-1]) + 1 - ASKED_AGAIN, *holes[:1]])
        return int(slots[max(first, oldest)])

    def extend(self, asset: Asset, newer: Bars) -> Bars:
        """The asset's bars with what the source answered; where both have a bar, the newer answer holds.

        Bars that no market prints are given back, for the verdict on them, but not kept, so that the next
        answer can do better; where the window has a good one, that one stays. An answer that contradicts the
        window leaves the asset in doubt: one of the two is wrong, and must not stay beside the other.
        """
        known = self._bars.get(asset)
        good, faults = sound(newer)
        faulty = newer.where(among(newer.open_time, faults))
        doubtful = False
        if known is not None and asset not in self._doubted:
            doubtful = contradicts(known, good)
            ratio = common_ratio(known, good)
            if doubtful and ratio is None:
                self._rewritten[asset] = int(good.open_time.max()) + BAR
            if ratio is None:
                good = known.joined_with(good)
                faulty = faulty.where(~among(faulty.open_time, known.open_time))
            else:
                log.warning("%s: %s rewrote its past by %.4g", asset.symbol, self.source, ratio)
        self._bars[asset] = sound(good)[0]
        self._doubted.discard(asset)
        self._refused.discard(asset)
        if doubtful:
            log.warning("%s: %s sent other bars than before: all are asked for", asset.symbol, self.source)
            self._doubted.add(asset)
        return good.joined_with(faulty) if len(faulty) else good

    def take_later(self, others: Mapping[Asset, Bars]) -> bool:
        """Take another window's bars of each asset that it has later ones of; whether this has any later.

        Bars of the two are never mixed: a split may lie between them. The refused stay as they are.
        """
        later = False
        for asset in self._bars.keys() | others.keys():
            own, theirs = _end(self._bars.get(asset)), _end(others.get(asset))
            if own < theirs and asset not in self._refused:
                self._bars[asset] = others[asset]
                self._counted_until = 0
            later |= own > theirs or asset in self._refused & others.keys()
        return later

    def drop_before(self, oldest: int) -> None:
        """Forget bars that opened before oldest."""
        for asset, bars in self._bars.items():
            self._bars[asset] = bars.where(bars.open_time >= oldest)

    def _held(self, asset: Asset, slots: OpenTimes) -> IntArray:
        """The positions of the slots that the window has a bar for."""
        known = self._bars.get(asset)
        return np.flatnonzero(among(slots, known.open_time if known is not None else ()))


def _end(bars: Bars | None) -> int:
    """When the newest bar opened; 0 without any."""
    return int(bars.open_time[-1]) if bars is not None and len(bars) else 0


def _before_session(slots: OpenTimes, newest: int) -> int:
    """Shortly before the session of the newest bar: a split that is worked in late changes these bars."""
    opens = np.flatnonzero(np.diff(slots[: newest + 1]) > BAR) + 1
    return int(opens[-1]) - OVERLAP if len(opens) else newest
