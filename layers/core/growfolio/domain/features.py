"""The table of features that models' windows are cut from, and how many bars serving holds for it."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Timeframe
from growfolio.domain.bars import IntArray
from growfolio.domain.forecast import WINDOW

MOST_BARS: Final = 320
"""Bars that serving holds for each decided bar, its own among them."""
BARS_NEEDED: Final = dict.fromkeys(Timeframe, MOST_BARS)
"""Bars that a refresh needs so that the probabilities are those of the whole history to 1e-4.

tests/integration/domain/test_bars_needed.py finds 180 for the models shipped; at 320 they differ by 1e-6,
which leaves room for models that are more sensitive.
"""

FeatureArray = npt.NDArray[np.float32]
Indexes = int | Sequence[int] | IntArray


def windows(table: FeatureArray, rows: Indexes, ends: Indexes) -> FeatureArray:
    """Windows of shape (n, WINDOW, features): of asset rows[i] of table, up to and with bar ends[i].

    table has shape (assets, bars, features). One row stands for all ends. Only what is asked
    for is copied. Raises ValueError where an end has too few bars before it.
    """
    at, last = np.asarray(ends, dtype=np.int64), table.shape[1] - 1
    if at.size and not WINDOW - 1 <= at.min() <= at.max() <= last:
        raise ValueError(f"windows end at bars {WINDOW - 1} to {last}, not {at.min()} to {at.max()}")
    of = np.asarray(rows, dtype=np.int64)
    picked: FeatureArray = table[of[..., None], at[..., None] + np.arange(1 - WINDOW, 1)]
    return picked
