"""Moving averages without a loop give what the loop gives."""

from collections.abc import Callable

import numpy as np
import pytest
from growfolio.domain.bars import FloatArray
from growfolio.domain.rolling import ema, moving_deviation, moving_mean, moving_sum, wilder

LENGTHS = [1, 2, 31, 32, 33, 64, 65, 1023, 1024, 1025, 1057]
"""Around the lengths at which blocks, and blocks of blocks, begin."""


def walks(bars: int) -> FloatArray:
    prices: FloatArray = np.exp(np.random.default_rng(bars).normal(0, 1e-3, (3, bars)).cumsum(axis=1))
    return prices


@pytest.mark.parametrize("bars", LENGTHS)
@pytest.mark.parametrize(
    ("average", "weight"), [(lambda x: ema(x, 9), 0.2), (lambda x: wilder(x, 14), 1 / 14)]
)
def test_an_exponential_average_is_its_recursion_from_the_first_bar(
    average: Callable[[FloatArray], FloatArray], weight: float, bars: int
) -> None:
    values = walks(bars)
    expected = values.copy()
    for bar in range(1, bars):
        expected[:, bar] = (1 - weight) * expected[:, bar - 1] + weight * values[:, bar]
    np.testing.assert_allclose(average(values), expected, rtol=1e-13)


@pytest.mark.parametrize("bars", LENGTHS)
@pytest.mark.parametrize("width", [1, 2, 14, 20, 100])
def test_moving_statistics_are_those_of_each_window_or_of_the_bars_there_are(bars: int, width: int) -> None:
    values = walks(bars)
    pasts = [values[:, max(0, bar + 1 - width) : bar + 1] for bar in range(bars)]
    for moving, plain in ((moving_sum, np.sum), (moving_mean, np.mean), (moving_deviation, np.std)):
        expected = np.stack([plain(past, axis=1) for past in pasts], axis=1)
        np.testing.assert_allclose(moving(values, width), expected, rtol=1e-9, atol=1e-15)


def test_a_sum_forgets_a_huge_value_that_left_its_window() -> None:
    values = np.array([[1e20, 0.1, 0.2, 0.3, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(moving_sum(values, 3)[0, 3:], [0.6, 0.5, 0.3, 0.0], rtol=1e-15)


def test_averages_leave_their_input_as_it_was() -> None:
    values = walks(100)
    before = values.copy()
    ema(values, 9), wilder(values, 14), moving_sum(values, 1), moving_deviation(values, 20)
    np.testing.assert_array_equal(values, before)
