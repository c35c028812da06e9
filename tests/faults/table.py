"""Prints the table of faults."""

from collections.abc import Mapping, Sequence

from growfolio.domain.assets import Timeframe

from tests.faults.judging import Row
from tests.faults.storage import Checked


def print_table(rows: Sequence[Row], checked: Sequence[Checked], seconds: float) -> None:
    """One line a fault and source; beneath a row that breaks its bar, why."""
    width = max(len(row.fault) for row in rows)
    frames = "/".join(tf.value for tf in Timeframe)
    counts = f"{frames:>7} not ok  at most  wrong  caveat"
    print(f"{'fault':{width}}  {'source':14}  {counts}  plain apart  mean apart  healed after")
    for row in rows:
        healed = "not yet" if row.healed is None else f"{row.healed} bars"
        mark = "BROKEN" if row.breaches else ""
        print(
            f"{row.fault:{width}}  {row.source:14}  {_counts(row.not_ok):>14}  {_counts(row.at_most):>7}"
            f"  {row.wrong:>5}  {row.with_caveat:>6}  {row.plain_apart:>11.3f}  {row.mean_apart:>10.3f}"
            f"  {healed:>12}  {mark}"
        )
        for breach in row.breaches:
            print(f"    {breach}")
    for name, tried, breaches in checked:
        print(f"{name:{width}}  {tried:14}  {'BROKEN' if breaches else 'nothing lost or wrong, all served'}")
        for breach in breaches:
            print(f"    {breach}")
    broken = sum(bool(row.breaches) for row in rows) + sum(bool(breaches) for _, _, breaches in checked)
    print(f"{len(rows) + len(checked)} rows, {broken} break their bar; {seconds:.0f} s")


def _counts(by_timeframe: Mapping[Timeframe, int]) -> str:
    return "/".join(str(by_timeframe[tf]) for tf in Timeframe)
