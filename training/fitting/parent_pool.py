"""Transfer learning between pools: which pool's trained model initialises another's.

Windows of coins and of stocks, of 5 minutes and of 15, have much in common once units are gone, and a coin
has ten times the bars of a stock, 5 minutes three times those of 15. An asset's own model starts from its
pool's for the same reason.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from training.data.dataset import Part, Samples

T = TypeVar("T")


def parent_pool(samples: Samples, others: Iterable[T], pool: Callable[[T], Samples]) -> T | None:
    """Return the pool whose trained model initialises this one, or None.

    pool(other) gives the samples of each of others. A parent has more training samples, differs in market or
    timeframe but not in both, and sees the same inputs, to which its weights belong. Its validation part ends
    no later than this pool's, so that it knows nothing of this pool's future. Of several, one of the same
    timeframe is taken, and then the latest.
    """
    end, rows = samples.split.validate_until, len(samples.rows(Part.TRAIN))

    def may(other: Samples) -> bool:
        same = (other.timeframe is samples.timeframe) + (other.market is samples.market)
        return (
            same == 1
            and other.inputs == samples.inputs
            and other.split.validate_until <= end
            and len(other.rows(Part.TRAIN)) > rows
        )

    def nearness(other: Samples) -> tuple[bool, int]:
        return other.timeframe is samples.timeframe, other.split.validate_until

    found = [other for other in others if may(pool(other))]
    return max(found, key=lambda other: nearness(pool(other)), default=None)
