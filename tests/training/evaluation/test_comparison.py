"""A model beside others on the same bars: who is better, by how much, and whether that may be chance."""

import numpy as np
import pytest
from growfolio.domain.bars import CloseTimes, FloatArray
from growfolio.domain.times import DAY
from growfolio.record.metrics import log_loss

from training.evaluation.comparison import Answered, Comparison, compared

ROWS, DAYS = 4000, 40
RANDOM = np.random.default_rng(0)
LABELS = RANDOM.integers(3, size=ROWS)
BAR_CLOSE = CloseTimes(np.sort(RANDOM.integers(DAYS * DAY, size=ROWS)))
CONSTANT = np.full((ROWS, 3), 1 / 3)


def knowing(share: float, seed: int) -> FloatArray:
    """Answers that give this much more to what happened, with noise of their own."""
    given = CONSTANT + share * np.eye(3)[LABELS] + 0.05 * np.random.default_rng(seed).random((ROWS, 3))
    return np.asarray(given / given.sum(axis=1, keepdims=True))


def one_fold(**given: FloatArray) -> Answered:
    return Answered(given, LABELS, BAR_CLOSE)


def test_a_model_that_knows_more_is_better_beyond_chance_in_both_scores() -> None:
    (better,) = compared("crypto 5m", "last part", [one_fold(model=knowing(0.3, 1), other=knowing(0.1, 2))])
    assert better.log_loss_between[0] < better.log_loss < better.log_loss_between[1] < 0
    assert better.mcc >= 0
    assert (better.against, better.rows) == ("other", ROWS)
    (worse,) = compared("crypto 5m", "last part", [one_fold(model=knowing(0.1, 2), other=knowing(0.3, 1))])
    assert worse.log_loss == pytest.approx(-better.log_loss)
    assert worse.log_loss_between == pytest.approx((-better.log_loss_between[1], -better.log_loss_between[0]))


def test_models_that_know_as_much_cannot_be_told_apart() -> None:
    (found,) = compared("crypto 5m", "last part", [one_fold(model=knowing(0.2, 1), other=knowing(0.2, 2))])
    assert found.log_loss_between[0] < 0 < found.log_loss_between[1]


def test_folds_are_compared_as_one_and_each_of_the_others_on_the_same_bars() -> None:
    model, other = knowing(0.3, 1), knowing(0.1, 2)
    half = ROWS // 2
    parts = [slice(0, half), slice(half, ROWS)]
    folds = [
        Answered(
            {"model": model[part], "other": other[part], "constant": CONSTANT[part]},
            LABELS[part],
            CloseTimes(BAR_CLOSE[part]),
        )
        for part in parts
    ]
    found = {one.against: one for one in compared("stocks 5m", "walk-forward", folds)}
    (whole,) = compared("stocks 5m", "walk-forward", [one_fold(model=model, other=other)])
    assert found["other"] == whole
    assert found["constant"].log_loss == pytest.approx(log_loss(model, LABELS) - np.log(3))


def test_a_comparison_is_json_with_its_intervals() -> None:
    found = Comparison("p", "last part", "o", 3, -0.1234567, (-0.2, -0.1), 0.01, (0.0, 0.02)).to_json()
    assert found["log_loss"] == -0.123457
    assert found["mcc_90"] == [0.0, 0.02]
