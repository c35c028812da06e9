"""Who goes on from whom: a pool with little history begins where one with much has ended.

A window of coins and one of stocks, seen without units, have much in common, and stocks have a tenth of the
bars. An asset's own model goes on from its pool's for the same reason.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from training.dataset import Part, Samples

T = TypeVar("T")


def forebear(samples: Samples, others: Iterable[T], pool: Callable[[T], Samples]) -> T | None:
    """Of others, whose samples are pool(other), the one whose model a model of these samples goes on from.

    It is of the same timeframe and another market, has more to learn from, and has learned and chosen from
    nothing later than the model itself will: nothing that it knows lies in the future. Of several, the one
    that ends last. None where there is none.
    """
    own = samples.split.validate_until, len(samples.rows(Part.TRAIN))

    def may(other: Samples) -> bool:
        return (
            other.timeframe is samples.timeframe
            and other.market is not samples.market
            and other.split.validate_until <= own[0]
            and len(other.rows(Part.TRAIN)) > own[1]
        )

    found = [other for other in others if may(pool(other))]
    return max(found, key=lambda other: pool(other).split.validate_until, default=None)
