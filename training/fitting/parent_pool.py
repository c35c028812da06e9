"""Who goes on from whom: a pool with little history begins where one with much has ended.

A window of coins and one of stocks, of 5 minutes and of 15, have much in common when they are seen without
units, and a coin has ten times the bars of a stock, 5 minutes three times those of 15. An asset's own model
goes on from its pool's for the same reason.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from training.data.dataset import Part, Samples

T = TypeVar("T")


def forebear(samples: Samples, others: Iterable[T], pool: Callable[[T], Samples]) -> T | None:
    """Of others, whose samples are pool(other), the one whose model a model of these samples goes on from.

    It has more to learn from, differs in market or timeframe but not in both, and has learned and chosen from
    nothing later than the model itself will: nothing that it knows lies in the future. Of several, one of the
    same timeframe, and then the one that ends last. None where there is none.
    """
    end, rows = samples.split.validate_until, len(samples.rows(Part.TRAIN))

    def may(other: Samples) -> bool:
        same = (other.timeframe is samples.timeframe) + (other.market is samples.market)
        return same == 1 and other.split.validate_until <= end and len(other.rows(Part.TRAIN)) > rows

    def nearness(other: Samples) -> tuple[bool, int]:
        return other.timeframe is samples.timeframe, other.split.validate_until

    found = [other for other in others if may(pool(other))]
    return max(found, key=lambda other: nearness(pool(other)), default=None)
