"""What makes an asset's candles unusable: late or odd newest bars, a frozen feed, too many quarantined."""

import numpy as np

from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, NOT_A_NUMBER, THIN, Faults
from growfolio.domain.slots import AssetSlots
from growfolio.domain.times import BAR, DAY, utc_minute
from growfolio.errors import BadCandles, MissingCandles

LATE_SLOTS = 3
"""Up to this many missing slots at the end are a provider publishing late; beyond, the data is too old."""
SELDOM = 0.005
"""A newest bar in which the price stands still is a caveat for an asset with fewer such bars than this share.

Of 600,000 real bars of 16 stocks and coins none stood still.
"""
FEWEST_TICKS = 8
"""Its bars must span so many ticks, too: a price of few ticks stands still by chance."""
MAX_QUARANTINED_A_DAY = 6
"""Quarantined bars within 24 hours, beyond which nothing of the answer is believed."""
SHARES = (12, 60)
"""Newest slots in which untraded ones are counted against the asset's own share before them."""


class TooOld(BadCandles):
    """The newest bars never came: the asset's fault, unless no asset of its market has any."""


def check_newest(slots: AssetSlots, faults: Faults) -> None:
    """Raises MissingCandles or BadCandles where the newest slots are not traded, unless the asset is thin."""
    newest = int(np.flatnonzero(slots.traded)[-1])
    missing = len(slots.traded) - 1 - newest
    closed = int(slots.times[-1])
    fault = faults.get(closed - BAR)
    if fault and fault != NOT_A_NUMBER:
        raise BadCandles(f"{fault} in the candle of {utc_minute(closed - BAR)}")
    if missing > LATE_SLOTS:
        last = utc_minute(int(slots.times[newest]))
        raise TooOld(f"too old: the newest candle closed {last}, {missing} bars ago")
    if missing and (fault or _own_share(slots, missing) < THIN):
        raise MissingCandles(f"the candle that closed {utc_minute(closed)} is not published yet")


def _own_share(slots: AssetSlots, newest: int) -> float:
    """The asset's own share of untraded slots, 0 to 1, without the newest ones and without breaks.

    It is of the slots, and of the sessions before them that were counted.
    """
    traded = slots.traded[~slots.broken]
    within = traded[: len(traded) - newest]
    before = [count for count in slots.counts if count.close < slots.times[0]]
    total = len(within) + sum(count.slots for count in before)
    untraded_slots = int((~within).sum()) + sum(count.untraded for count in before)
    return untraded_slots / total if total else 0.0


def check_shares(slots: AssetSlots) -> None:
    """Raises BadCandles where far more of the newest slots are untraded than before: a frozen feed.

    The same holds for slots in which the price does not move: some feeds go on with volumes.
    """
    kinds = (
        ("are without trades", ~slots.traded, _own_share(slots, SHARES[-1])),
        ("do not move", slots.still, _still_share(slots)),
    )
    for count in SHARES:
        for what, idle, usual in kinds:
            found = int(idle[~slots.broken][-count:].sum())
            chance = 3 * (count * usual * (1 - usual)) ** 0.5
            if found > count * usual + chance + max(MAX_FILLED_IN_A_ROW, count / 10):
                raise BadCandles(
                    f"{found} of the last {count} bars {what}, {usual:.0%} before them: the feed is frozen?"
                )


def _still_share(slots: AssetSlots) -> float:
    """The asset's own share of slots in which its price does not move, 0 to 1, before the newest."""
    before = slots.still[~slots.broken][: -SHARES[-1]]
    return float(before.mean()) if len(before) else 0.0


def seldom_still(slots: AssetSlots) -> bool:
    """Whether the asset's price stands still so seldom that a newest bar in which it does is worth a word."""
    spans = (slots.values[1] - slots.values[2])[slots.traded]
    moved = spans[spans > 0]
    fine = len(moved) > 0 and float(np.median(spans)) >= FEWEST_TICKS * float(moved.min()) * (1 - 1e-9)
    return fine and _still_share(slots) < SELDOM


def check_quarantine(slots: AssetSlots, faults: Faults) -> None:
    """Raises BadCandles where more bars were quarantined within a day than a provider's slips are."""
    times = np.sort(np.fromiter(faults, np.int64, len(faults)))
    recent = times[times > slots.times[-1] - DAY]
    if len(recent) > MAX_QUARANTINED_A_DAY:
        raise BadCandles(
            f"{len(recent)} impossible candles within a day, at most {MAX_QUARANTINED_A_DAY} are left out: "
            f"{faults[int(recent[-1])]} in the candle of {utc_minute(int(recent[-1]))}"
        )
