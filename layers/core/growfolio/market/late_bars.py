"""Waiting a little for bars that a provider publishes late."""

import time
from collections.abc import Callable, Mapping

from growfolio.domain.alignment import LATE_SLOTS
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars
from growfolio.domain.grid import last_slots
from growfolio.domain.times import BAR
from growfolio.market.ports import Fetched, Patience

Fetch = Callable[[Mapping[Asset, int], int], Fetched]
"""As MarketSource.fetch."""


def fetch_published(
    fetch: Fetch,
    since: Mapping[Asset, int],
    now: int,
    patience: Patience,
    wait: Callable[[float], object] = time.sleep,
) -> Fetched:
    """fetch's answers; assets whose newest closed bar is not among them are asked for again.

    Every patience.publication_step seconds, for patience.publication seconds at most. An asset that has
    been silent for longer than a provider is late is not waited for, nor one without any answer: its
    tries are over. now stays what it was: waiting lets nothing in that had not closed by then.
    """
    answers = fetch(since, now)
    end = time.monotonic() + patience.publication
    for _ in range(int(patience.publication // patience.publication_step)):
        late = _late(answers, now)
        if not late or time.monotonic() + patience.publication_step > end:
            break
        wait(patience.publication_step)
        for asset, again in fetch(late, now).items():
            known = answers[asset]
            if isinstance(again, Bars) and isinstance(known, Bars):
                answers[asset] = known.followed_by(again)
    return answers


def _late(answers: Fetched, now: int) -> dict[Asset, int]:
    """The assets that lack only the newest closed bars, and since when to ask for them."""
    late = {}
    for asset, bars in answers.items():
        if isinstance(bars, Bars) and len(bars):
            newest = int(bars.open_time[-1])
            slots = last_slots(asset.market, now, Timeframe.M5, LATE_SLOTS + 1) - BAR
            if slots[0] <= newest < slots[-1]:
                late[asset] = newest
    return late
