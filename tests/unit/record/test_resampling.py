"""Intervals of metrics when whole days are drawn again."""

import numpy as np
import pytest
from growfolio.domain.bars import CloseTimes
from growfolio.domain.times import DAY
from growfolio.record.metrics import confusion, log_loss, matthews, score
from growfolio.record.resampling import BLOCK_DAYS, LEAST_BLOCKS, blocks, intervals, paired_differences


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


@pytest.mark.parametrize(
    ("days", "count"), [(8, 8), (15, 15), (16, 8), (31, 10), (60, 8), (62, 8), (184, 26), (365, 52)]
)
def test_blocks_are_whole_days_up_to_a_week_where_that_leaves_enough_of_them(days: int, count: int) -> None:
    one = (np.arange(days)[:, None] * DAY + np.arange(1, 289) * 300).ravel()
    block, found = blocks(CloseTimes(np.tile(one, 2)))
    assert found == count >= LEAST_BLOCKS
    assert (np.diff(block[: len(one)]) >= 0).all()
    assert (block[: len(one)] == block[len(one) :]).all()
    of_day = block[: len(one)].reshape(days, 288)
    assert (of_day == of_day[:, :1]).all()
    lengths = np.bincount(of_day[:, 0])
    assert lengths.max() <= BLOCK_DAYS + 1
    assert lengths.max() - lengths.min() <= 1


def test_sessions_make_blocks_whatever_lies_between_them() -> None:
    opens = np.array([day for day in range(90) if day % 7 < 5]) * DAY + 52_200
    block, count = blocks(CloseTimes((opens[:, None] + np.arange(1, 79) * 300).ravel()))
    assert count == len(opens) // BLOCK_DAYS
    assert (np.bincount(block) % 78 == 0).all()


def test_less_than_the_least_days_are_cut_into_pieces_and_one_bar_is_one() -> None:
    block, count = blocks(CloseTimes(np.arange(1, 3 * 288) * 300))
    assert count == LEAST_BLOCKS
    assert set(block) == set(range(count))
    assert blocks(CloseTimes(np.array([300])))[1] == 1


def test_weeks_that_hang_together_make_wider_intervals_than_their_days_would() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 12_000)
    bar_close = CloseTimes(np.repeat(np.arange(120), 100) * DAY + 300)
    good = np.repeat(rng.random(120 // 5) < 0.5, 5 * 100)
    given = np.where(good[:, None], 0.4 * np.eye(3)[labels] + 0.2, np.full((12_000, 3), 1 / 3))
    mixed = rng.permutation(120).repeat(100) * DAY + 300
    prior = np.full(3, 1 / 3)
    weeks, days = (
        intervals(given, labels, CloseTimes(when), prior)["log_loss"] for when in (bar_close, mixed)
    )
    assert weeks[1] - weeks[0] > 1.4 * (days[1] - days[0])


def test_intervals_hold_the_metrics_themselves() -> None:
    rng = np.random.default_rng(2)
    given = rng.dirichlet([2.0, 4.0, 2.0], 6000)
    labels = (rng.random((6000, 1)) > given.cumsum(axis=1)).sum(axis=1)
    bar_close = CloseTimes(np.repeat(np.arange(60), 100) * DAY + 300)
    found = intervals(given, labels, bar_close, np.full(3, 1 / 3))
    scores = score(given, labels, np.full(3, 1 / 3)).to_json()
    for name in (
        "mcc",
        "log_loss",
        "move_log_loss",
        "side_log_loss",
        "direction",
        "direction_of_most_decided",
    ):
        low, high = found[name]
        assert low <= scores[name] <= high  # type: ignore[operator]
