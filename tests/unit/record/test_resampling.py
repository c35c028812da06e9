"""Intervals of metrics when whole days are drawn again."""

import numpy as np
import pytest
from growfolio.domain.bars import CloseTimes
from growfolio.domain.times import DAY
from growfolio.record.metrics import confusion, log_loss, matthews
from growfolio.record.resampling import intervals, paired_differences


def test_a_bootstrap_of_days_is_wide_where_days_hang_together_and_holds_the_truth() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 4000)
    right = np.eye(3)[labels] * 0.7 + 0.1
    days = CloseTimes(np.repeat(np.arange(20), 200) * DAY)
    found = intervals(right, labels, days, np.full(3, 1 / 3))
    assert found["mcc"] == (1.0, 1.0)
    assert found["gain"][0] == pytest.approx(np.log(0.8 * 3), abs=1e-6)
    by_day = np.repeat(rng.random(20) < 0.5, 200)
    mixed = np.where(by_day[:, None], right, np.eye(3)[(labels + 1) % 3] * 0.7 + 0.1)
    low, high = intervals(mixed, labels, days, np.full(3, 1 / 3))["mcc"]
    shuffled = rng.permutation(20).repeat(200) * DAY
    spread = intervals(mixed, labels, CloseTimes(rng.permutation(shuffled)), np.full(3, 1 / 3))["mcc"]
    assert high - low > 3 * (spread[1] - spread[0])


def test_paired_differences_scatter_around_the_difference_of_the_two_models() -> None:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 3, 3000)
    days = CloseTimes(np.arange(3000) // 100 * DAY)
    one, other = (
        share * np.eye(3)[labels] + (1 - share) * rng.dirichlet([2.0] * 3, 3000) for share in (0.3, 0.1)
    )
    loss, mcc = paired_differences(one, other, labels, days, draws=300)
    assert loss.mean() == pytest.approx(log_loss(one, labels) - log_loss(other, labels), abs=0.01)
    expected = matthews(confusion(one, labels)) - matthews(confusion(other, labels))
    assert mcc.mean() == pytest.approx(expected, abs=0.01)
    assert (loss < 0).all()
