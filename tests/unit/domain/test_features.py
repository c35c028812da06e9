"""Windows are cut from the table of features where models need them."""

import numpy as np
import pytest
from growfolio.domain.assets import ASSETS
from growfolio.domain.features import windows
from growfolio.domain.forecast import WINDOW
from growfolio.indicators.standard import features

from tests.synthetic import synthetic_candles


def test_a_window_is_the_sixty_bars_up_to_and_with_its_end() -> None:
    table = features(synthetic_candles(ASSETS[:3], 100))
    picked = windows(table, [2, 0], [99, 59])
    np.testing.assert_array_equal(picked[0], table[2, 40:100])
    np.testing.assert_array_equal(picked[1], table[0, 0:60])


def test_one_row_stands_for_all_ends() -> None:
    table = features(synthetic_candles(ASSETS[:3], 100))
    picked = windows(table, 1, np.arange(59, 100))
    assert picked.shape == (41, 60, 16)
    np.testing.assert_array_equal(picked[7], table[1, 7:67])


@pytest.mark.parametrize("end", [-1, 0, 58, 100])
def test_a_window_with_too_few_bars_before_its_end_is_refused(end: int) -> None:
    table = features(synthetic_candles(ASSETS[:1], 100))
    with pytest.raises(ValueError, match="windows end at bars 59 to 99"):
        windows(table, 0, [70, end])


def test_no_ends_have_no_windows() -> None:
    table = np.zeros((2, WINDOW + 3, 4), dtype=np.float32)
    assert windows(table, [], []).shape == (0, WINDOW, 4)
