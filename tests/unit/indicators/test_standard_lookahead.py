"""No feature knows the future: whatever comes later, what was computed for a bar stays, bit for bit."""

from collections.abc import Callable

import numpy as np
import pytest
from growfolio.domain.assets import find_asset
from growfolio.domain.bars import Candles
from growfolio.domain.decision import facts_at
from growfolio.domain.indicators import indicators
from growfolio.indicators.standard import FEATURES, features
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.synthetic import joined, synthetic_candles

PAIR = (find_asset("AAPL"), find_asset("SHIB"))
BARS = 140

Features = Callable[[Candles], np.ndarray]


def search_for_lookahead(compute: Features, *, explain: bool = True) -> None:
    """Try futures of all kinds after all bars; AssertionError if an earlier feature notices any.

    explain looks for the simplest case, which takes seconds.
    """
    phases = [Phase.generate, Phase.shrink] if explain else [Phase.generate]

    @settings(max_examples=100, phases=phases, deadline=None, database=None)
    @given(
        seed=st.integers(0, 3),
        known=st.integers(1, BARS - 1),
        later_seed=st.integers(4, 1000),
        later_level=st.floats(1e-8, 1e8),
        later_volume=st.sampled_from([0.0, 1.0, 1e12]),
    )
    def the_known_bars_keep_their_features(
        seed: int, known: int, later_seed: int, later_level: float, later_volume: float
    ) -> None:
        past = synthetic_candles(PAIR, BARS, seed=seed)
        future = synthetic_candles(PAIR, BARS, seed=later_seed, level=later_level)
        future.volume[:] *= later_volume
        before, after = compute(past), compute(joined(past, future, known))
        np.testing.assert_array_equal(after[:, :known], before[:, :known])

    the_known_bars_keep_their_features()


def test_changing_any_later_candle_never_changes_an_earlier_feature() -> None:
    search_for_lookahead(features)


def test_nor_in_a_history_as_long_as_training_reads() -> None:
    past, future = (synthetic_candles(PAIR, 2000, seed=seed) for seed in (1, 2))
    before = features(past)
    for known in (1, 31, 32, 33, 1023, 1024, 1025, 1500, 1999):
        after = features(joined(past, future, known))
        np.testing.assert_array_equal(after[:, :known], before[:, :known])


def test_facts_of_a_bar_do_not_change_when_later_candles_do() -> None:
    past, future = (synthetic_candles(PAIR, BARS, seed=seed) for seed in (1, 2))
    mixed = joined(past, future, 100)
    assert facts_at(mixed, indicators(mixed), 1, bar=99) == facts_at(past, indicators(past), 1, bar=99)
    assert facts_at(mixed, indicators(mixed), 1, bar=100) != facts_at(past, indicators(past), 1, bar=100)


def with_column(name: str, column: Callable[[Candles], np.ndarray]) -> Features:
    """The product's features with one of them made another way."""

    def leaky(candles: Candles) -> np.ndarray:
        table = features(candles)
        table[..., FEATURES.index(name)] = column(candles)
        return table

    return leaky


def centred_average(candles: Candles) -> np.ndarray:
    """An average of three bars about each bar instead of up to it."""
    padded = np.pad(candles.close, ((0, 0), (1, 1)), mode="edge")
    return candles.close / ((padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]) / 3) - 1


def scaled_by_the_whole_history(candles: Candles) -> np.ndarray:
    return np.asarray(candles.volume / (1 + candles.volume.mean(axis=1, keepdims=True)))


def change_to_the_next_close(candles: Candles) -> np.ndarray:
    return np.append(candles.close[:, 1:] / candles.close[:, :-1] - 1, [[0], [0]], axis=1)


def filled_backwards(candles: Candles) -> np.ndarray:
    """The first bars take the value of the bar that ends the warm-up, as a careless back-fill does."""
    column = features(candles)[..., FEATURES.index("atr_14")].copy()
    column[:, :13] = column[:, 13:14]
    return column


LEAKS = {
    "close": centred_average,
    "volume": scaled_by_the_whole_history,
    "price_change": change_to_the_next_close,
    "atr_14": filled_backwards,
}


@pytest.mark.parametrize("name", LEAKS)
def test_the_search_catches_a_leak_planted_on_purpose(name: str) -> None:
    leaky = with_column(name, LEAKS[name])
    with pytest.raises(AssertionError, match="not equal"):
        search_for_lookahead(leaky, explain=False)
