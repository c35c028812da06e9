"""From a provider's bars to candles on the session grid: what is filled, left out, refused."""

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import PRICES, Bars, BoolArray, Candles, CloseTimes, FloatArray, among, closes_of
from growfolio.domain.forecast import WINDOW
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW, untraded
from growfolio.domain.refusals import TooOld, check_newest, check_quarantine, check_shares, seldom_still
from growfolio.domain.slots import SETTLED, AssetSlots, five_minute_slots, place
from growfolio.domain.times import BAR
from growfolio.errors import BadCandles, GrowfolioError, MissingCandles

LEAST_REAL = 0.7
"""Share of the bars a model sees (the newest WINDOW) in which something must have been traded."""
REACH = 288
"""5-minute slots that an asset whose trading broke off may reach further back: a day of crypto."""
FURTHEST_REACH = 2016
"""The same where breaks took more than REACH: 25 sessions, a week of crypto. Yahoo has 41 sessions in all."""


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
    fine = five_minute_slots(grid, timeframe)
    for asset, own in bars.items():
        try:
            settled = 0 if asset in believed else SETTLED
            slots, faults = place(own.with_quarters(timeframe.seconds), fine, asset.market, settled)
            check_newest(slots, faults)
            check_quarantine(slots, faults)
            check_shares(slots)
            rows[asset] = _newest(_merged(slots, grid, timeframe), needed)
        except (BadCandles, MissingCandles) as reason:
            refused[asset] = reason
    if len(bars) > 1 and all(isinstance(refused.get(asset), TooOld) for asset in bars):
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
    slots, _ = place(bars, five_minute_slots(grid, timeframe), asset.market)
    row = _merged(slots, grid, timeframe)
    return _stack({asset: row}, timeframe, len(row["times"]))


def _merged(slots: AssetSlots, grid: CloseTimes, timeframe: Timeframe) -> dict[str, np.ndarray]:
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
        "unmoved": slots.still.reshape(-1, each).all(axis=1) & seldom_still(slots),
    }
    return {name: column[left] for name, column in columns.items()}


def _open_after_breaks(values: FloatArray, slots: AssetSlots, each: int) -> None:
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
