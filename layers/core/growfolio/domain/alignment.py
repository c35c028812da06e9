"""From a provider's bars to candles on the session grid: what is filled, left out, refused."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from growfolio.domain.adjustment import like_a_split, remarkable
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import (
    PRICES,
    Bars,
    BoolArray,
    Candles,
    CloseTimes,
    FloatArray,
    IntArray,
    SessionCount,
    among,
    closes_of,
    opens_of,
)
from growfolio.domain.forecast import WINDOW
from growfolio.domain.moves import doubtful
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW as MAX_FILLED_IN_A_ROW
from growfolio.domain.quarantine import NOT_A_NUMBER, Faults, sound, still, untraded
from growfolio.domain.quarantine import THIN as THIN
from growfolio.domain.times import BAR, DAY, utc_minute
from growfolio.errors import BadCandles, GrowfolioError, MissingCandles

LATE_SLOTS = 3
"""Up to this many missing slots at the end are a provider publishing late; beyond, the data is too old."""
LEAST_REAL = 0.7
"""Share of the bars a model sees (the newest WINDOW) in which something must have been traded."""
SELDOM = 0.005
"""A newest bar in which the price stands still is a caveat for an asset with fewer such bars than this share.

Of 600,000 real bars of 16 stocks and coins none stood still.
"""
FEWEST_TICKS = 8
"""Its bars must span so many ticks, too: a price of few ticks stands still by chance."""
MAX_QUARANTINED_A_DAY = 6
"""Quarantined bars within 24 hours, beyond which nothing of the answer is believed."""
REACH = 288
"""5-minute slots that an asset whose trading broke off may reach further back: a day of crypto."""
FURTHEST_REACH = 2016
"""The same where breaks took more than REACH: 25 sessions, a week of crypto. Yahoo has 41 sessions in all."""
SETTLED = 78
"""Slots of a session, in which a split that explains a night's step would be reported or worked in."""
SHARES = (12, 60)
"""Newest slots in which untraded ones are counted against the asset's own share before them."""


class _TooOld(BadCandles):
    """The newest bars never came: the asset's fault, unless no asset of its market has any."""


@dataclass(frozen=True, slots=True, eq=False)
class _Slots:
    """One asset on the 5-minute slots (slots,) of a grid; values (5, slots): open to volume."""

    times: CloseTimes
    values: FloatArray
    traded: BoolArray
    broken: BoolArray
    """Slots of breaks in trading, and those before the first bar."""
    quarantined: BoolArray
    after_step: BoolArray
    doubtful: BoolArray
    still: BoolArray
    """Slots whose trades left the price where it was."""
    counts: tuple[SessionCount, ...]
    """Of sessions before these slots, and of some of these."""


def align(
    bars: Mapping[Asset, Bars],
    grid: CloseTimes,
    timeframe: Timeframe,
    wanted: int | None = None,
    believed: Collection[Asset] = (),
) -> tuple[Candles, dict[Asset, GrowfolioError]]:
    """The newest wanted candles of each asset, and for each other asset the reason there are none.

    grid holds the close times of all bars that may be used, oldest first, all of one market's sessions;
    wanted is how many each asset must have, all of the grid by default. An asset whose trading broke off
    has bars from further back in the grid. Bars longer than 5 minutes are made of 5-minute slots of one
    session. Slots without trades are filled flat. A night's step of believed ones was traded, whatever its
    size: somebody else says so.
    """
    needed = len(grid) if wanted is None else wanted
    rows: dict[Asset, dict[str, np.ndarray]] = {}
    refused: dict[Asset, GrowfolioError] = {}
    fine = _five_minute_slots(grid, timeframe)
    for asset, own in bars.items():
        try:
            settled = 0 if asset in believed else SETTLED
            slots, faults = _slots(own.with_quarters(timeframe.seconds), fine, asset.market, settled)
            _check_newest(slots, faults)
            _check_quarantine(slots, faults)
            _check_shares(slots)
            rows[asset] = _newest(_merged(slots, grid, timeframe), needed)
        except (BadCandles, MissingCandles) as reason:
            refused[asset] = reason
    if len(bars) > 1 and all(isinstance(refused.get(asset), _TooOld) for asset in bars):
        quiet = f"nothing of this market is traded: {next(iter(refused.values()))}"
        refused = {asset: MissingCandles(quiet) for asset in bars}
    return _stack(rows, timeframe, needed), refused


def reaching(bars: Iterable[Bars], slots: CloseTimes) -> CloseTimes:
    """Of 5-minute slots, FURTHEST_REACH more than are needed, those that windows may reach back to.

    They go REACH further back than is needed, or by what breaks took of any asset's bars: so a closure of
    many sessions, or an exchange that was down for days, costs no more than its own bars.
    """
    lost = REACH
    for own in bars:
        traded = np.flatnonzero(among(slots, closes_of(own.where(~untraded(own)).open_time)))
        gaps = np.diff(traded) - 1
        lost = max(lost, int(gaps[gaps > MAX_FILLED_IN_A_ROW].sum()))
    needed = len(slots) - FURTHEST_REACH
    return CloseTimes(slots[-(needed + min(lost, FURTHEST_REACH)) :])


def history(asset: Asset, bars: Bars, grid: CloseTimes, timeframe: Timeframe) -> Candles:
    """All candles of one asset's past on the grid, as serving would have made them: breaks are left out.

    Nothing is refused for what touches the newest bars. Raises MissingCandles where there are no bars.
    """
    slots, _ = _slots(bars, _five_minute_slots(grid, timeframe), asset.market)
    row = _merged(slots, grid, timeframe)
    return _stack({asset: row}, timeframe, len(row["times"]))


def _five_minute_slots(grid: CloseTimes, timeframe: Timeframe) -> CloseTimes:
    steps = np.arange(timeframe.seconds - BAR, -1, -BAR, dtype=np.int64)
    return CloseTimes((grid[:, None] - steps).ravel())


def _slots(bars: Bars, slots: CloseTimes, market: Market, settled: float = np.inf) -> tuple[_Slots, Faults]:
    """The bars on these slots, and the quarantined among them. Raises BadCandles or MissingCandles.

    settled is how many slots after a night's step that is like a split it is believed to be none.
    """
    start = int(slots[0]) - BAR
    # Bars outside the regular session (pre-market, after hours) are no part of the grid.
    known, faults = sound(bars.where((bars.open_time < start) | among(closes_of(bars.open_time), slots)))
    within = known.where(known.open_time >= start)
    within = within.where(~untraded(known)[len(known) - len(within) :])
    if not len(within) and faults:
        newest = max(faults)
        raise BadCandles(f"{faults[newest]} in the candle of {utc_minute(newest)}, and no good one")
    if not len(within):
        raise MissingCandles(f"no candles between {utc_minute(start)} and {utc_minute(int(slots[-1]))}")
    at = np.searchsorted(slots, closes_of(within.open_time))
    before = known.close[known.open_time < start][-1:]
    traded = np.zeros(len(slots), dtype=np.bool_)
    traded[at] = True
    # A slot without trades repeats the close before it, never one after it.
    last_close = np.concatenate([before if len(before) else within.open[:1], within.close])
    values = np.concatenate([np.tile(last_close[np.cumsum(traded)], (4, 1)), np.zeros((1, len(slots)))])
    values[:, at] = [getattr(within, name) for name in PRICES]
    broken = _breaks(at, len(slots), known_before=bool(len(before)))
    quarantined = among(opens_of(slots), faults)
    steps = _night_steps(within, at, slots, settled) if market is Market.STOCKS else np.zeros_like(traded)
    unusual = np.zeros_like(traded)
    unusual[at] = doubtful(within)
    unmoved = np.zeros_like(traded)
    unmoved[at] = still(within)
    return _Slots(slots, values, traded, broken, quarantined, steps, unusual, unmoved, bars.counts), faults


def _breaks(at: IntArray, slots: int, *, known_before: bool) -> BoolArray:
    """Which slots lie in runs of more than MAX_FILLED_IN_A_ROW without trades; at are those with trades."""
    broken = np.zeros(slots, dtype=np.bool_)
    before = np.concatenate([[-1], at[:-1]])
    for last, following in zip(before, at, strict=True) if (np.diff(at) > 1).any() or at[0] else ():
        if following - last - 1 > (MAX_FILLED_IN_A_ROW if known_before or last >= 0 else 0):
            broken[last + 1 : following] = True
    return broken


def _night_steps(within: Bars, at: IntArray, slots: CloseTimes, settled: float) -> BoolArray:
    """Slots after nights of a step beyond the asset's range; BadCandles where it may yet be a split."""
    marks = np.zeros(len(slots), dtype=np.bool_)
    session = np.cumsum(np.diff(slots, prepend=slots[0]) > BAR)[at]
    nights = np.flatnonzero(np.diff(session)) + 1
    if not len(nights):
        return marks
    opened, close = within.open[nights], within.close[nights - 1]
    steps = np.log(opened / close)
    splits = np.flatnonzero(like_a_split(steps) & (len(slots) - at[nights] < settled))
    if len(splits):
        newest = int(splits[-1])
        raise BadCandles(
            f"{close[newest]:g} became {opened[newest]:g} in the night before "
            f"{utc_minute(int(slots[at[nights[newest]]]))}: "
            "a split that the provider has not worked into the candles before it?"
        )
    marks[at[nights[remarkable(steps)]]] = True
    return marks


def _check_newest(slots: _Slots, faults: Faults) -> None:
    """Raises MissingCandles or BadCandles where the newest slots are not traded, unless the asset is thin."""
    newest = int(np.flatnonzero(slots.traded)[-1])
    missing = len(slots.traded) - 1 - newest
    closed = int(slots.times[-1])
    fault = faults.get(closed - BAR)
    if fault and fault != NOT_A_NUMBER:
        raise BadCandles(f"{fault} in the candle of {utc_minute(closed - BAR)}")
    if missing > LATE_SLOTS:
        last = utc_minute(int(slots.times[newest]))
        raise _TooOld(f"too old: the newest candle closed {last}, {missing} bars ago")
    if missing and (fault or _own_share(slots, missing) < THIN):
        raise MissingCandles(f"the candle that closed {utc_minute(closed)} is not published yet")


def _own_share(slots: _Slots, newest: int) -> float:
    """The asset's own share of untraded slots, 0 to 1, without the newest ones and without breaks.

    It is of the slots, and of the sessions before them that were counted.
    """
    traded = slots.traded[~slots.broken]
    within = traded[: len(traded) - newest]
    before = [count for count in slots.counts if count.close < slots.times[0]]
    total = len(within) + sum(count.slots for count in before)
    untraded_slots = int((~within).sum()) + sum(count.untraded for count in before)
    return untraded_slots / total if total else 0.0


def _check_shares(slots: _Slots) -> None:
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


def _still_share(slots: _Slots) -> float:
    """The asset's own share of slots in which its price does not move, 0 to 1, before the newest."""
    before = slots.still[~slots.broken][: -SHARES[-1]]
    return float(before.mean()) if len(before) else 0.0


def _seldom_still(slots: _Slots) -> bool:
    """Whether the asset's price stands still so seldom that a newest bar in which it does is worth a word."""
    spans = (slots.values[1] - slots.values[2])[slots.traded]
    moved = spans[spans > 0]
    fine = len(moved) > 0 and float(np.median(spans)) >= FEWEST_TICKS * float(moved.min()) * (1 - 1e-9)
    return fine and _still_share(slots) < SELDOM


def _check_quarantine(slots: _Slots, faults: Faults) -> None:
    """Raises BadCandles where more bars were quarantined within a day than a provider's slips are."""
    times = np.sort(np.fromiter(faults, np.int64, len(faults)))
    recent = times[times > slots.times[-1] - DAY]
    if len(recent) > MAX_QUARANTINED_A_DAY:
        raise BadCandles(
            f"{len(recent)} impossible candles within a day, at most {MAX_QUARANTINED_A_DAY} are left out: "
            f"{faults[int(recent[-1])]} in the candle of {utc_minute(int(recent[-1]))}"
        )


def _merged(slots: _Slots, grid: CloseTimes, timeframe: Timeframe) -> dict[str, np.ndarray]:
    """The columns of Candles (bars,), by name: bars of the timeframe, without those that lie in breaks."""
    each = timeframe.seconds // BAR
    values = slots.values.copy() if each > 1 and slots.broken.any() else slots.values
    if values is not slots.values:
        _open_after_breaks(values, slots, each)
    opened, high, low, close, volume = values.reshape(5, len(grid), each)
    traded, broken = (mask.reshape(-1, each) for mask in (slots.traded, slots.broken))
    left: BoolArray = np.asarray(traded.any(axis=1) | ~broken.any(axis=1))
    # It holds slots of a break, or bars before it were left out.
    within = np.asarray((broken & left[:, None]).any(axis=1))
    after = np.concatenate([[False], ~left[:-1]]) | within
    first = int(np.argmax(left))
    columns = {
        "times": grid,
        "open": opened[:, 0],
        "high": high.max(axis=1),
        "low": low.min(axis=1),
        "close": close[:, -1],
        "volume": volume.sum(axis=1),
        "filled": ~traded.any(axis=1),
        "quarantined": slots.quarantined.reshape(-1, each).any(axis=1),
        "after_break": after & (np.arange(len(grid)) > first),
        "after_step": slots.after_step.reshape(-1, each).any(axis=1),
        "doubtful": slots.doubtful.reshape(-1, each).any(axis=1),
        "unmoved": slots.still.reshape(-1, each).all(axis=1) & _seldom_still(slots),
    }
    return {name: column[left] for name, column in columns.items()}


def _open_after_breaks(values: FloatArray, slots: _Slots, each: int) -> None:
    """Let a longer bar in which trading begins again open there, not at the price from before the break."""
    begins = np.flatnonzero(slots.broken[:-1] & ~slots.broken[1:]) + 1
    for at in begins:
        values[:4, at - at % each : at] = values[0, at]


def _newest(row: dict[str, np.ndarray], needed: int) -> dict[str, np.ndarray]:
    """The newest bars. Raises MissingCandles or BadCandles where there are too few, or too few are real."""
    known = len(row["times"])
    if known < needed:
        raise MissingCandles(f"too few candles: {known} of {needed} needed")
    seen = row["filled"][-WINDOW:]
    if seen.mean() > 1 - LEAST_REAL:
        raise BadCandles(
            f"{seen.mean():.0%} of the bars that the model sees are without trades; "
            f"at most {1 - LEAST_REAL:.0%} may be"
        )
    return {name: column[known - needed :] for name, column in row.items()}


def _stack(rows: Mapping[Asset, dict[str, np.ndarray]], timeframe: Timeframe, bars: int) -> Candles:
    def column(name: str, kind: type = np.float64) -> np.ndarray:
        return np.array([row[name] for row in rows.values()], dtype=kind).reshape(len(rows), bars)

    marks = ("filled", "quarantined", "after_break", "after_step", "doubtful", "unmoved")
    return Candles(
        tuple(rows),
        timeframe,
        CloseTimes(column("times", np.int64)),
        *(column(name) for name in PRICES),
        **{name: column(name, np.bool_) for name in marks},
    )
