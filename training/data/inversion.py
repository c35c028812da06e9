"""Data augmentation by the mirrored market: each price becomes its inverse, so that what rose falls.

The size of a move looks the same in both markets, and its direction only changes its name. A model that
learns from both takes no trend of its training months for a rule. Validation, test and serving see the market
as it was.
"""

from dataclasses import replace

import numpy as np
from growfolio.domain.bars import Candles
from growfolio.domain.forecast import BUY, SELL
from growfolio.domain.labels import Labels


def inverted(candles: Candles) -> Candles:
    """Return the candles with each price p as 1 / p; a bar's high becomes the inverse of its low."""
    return replace(
        candles,
        open=1 / candles.open,
        high=1 / candles.low,
        low=1 / candles.high,
        close=1 / candles.close,
    )


def inverted_labels(labels: Labels) -> Labels:
    """Exchange sell and buy; HOLD and UNKNOWN stay."""
    moved = (labels == SELL) | (labels == BUY)
    return np.where(moved, SELL + BUY - labels, labels)
