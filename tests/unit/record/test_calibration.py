"""Calibration, over all rows and within groups, beside what a calibrated model would show."""

import numpy as np
import pytest
from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.forecast import HOLD
from growfolio.domain.times import BAR, DAY
from growfolio.record.calibration import (
    calibration,
    calibration_by,
    calibration_error,
    reliability,
    slot_of_hour,
)

BARS, DAYS, ASSETS = 96, 60, 3
"""A third of each day's bars."""


def moments() -> CloseTimes:
    """Closes (rows,) of ASSETS assets, one after another, on DAYS days."""
    one = (np.arange(DAYS)[:, None] * DAY + np.arange(1, BARS + 1) * BAR).ravel()
    return CloseTimes(np.tile(one, ASSETS))


def happened(shares: FloatArray, seed: int) -> IntArray:
    """Classes (rows,) drawn from the true probabilities (rows, 3)."""
    u = np.random.default_rng(1000 + seed).random((len(shares), 1))
    return np.asarray((u > shares.cumsum(axis=1)).sum(axis=1), dtype=np.int64)


def with_hold(hold: FloatArray) -> FloatArray:
    return np.stack([(1 - hold) / 2, hold, (1 - hold) / 2], axis=1)


def known(seed: int) -> FloatArray:
    """True probabilities whose hold is far from one third, so that the top class is plain."""
    return with_hold(np.random.default_rng(seed).uniform(0.45, 0.85, len(moments())))


def test_the_error_is_how_far_confidence_lies_from_accuracy() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.5])
    right = np.array([True, True, True, False, True, False])
    assert calibration_error(confidence, right) == pytest.approx((4 * 0.15 + 2 * 0.0) / 6)
    assert reliability(confidence, right) == ((0.5, 0.5, 2), (0.9, 0.75, 4))


def test_groups_that_err_to_opposite_sides_do_not_cancel() -> None:
    confidence, right = np.full(4, 0.5), np.array([True, True, False, False])
    assert calibration_error(confidence, right) == 0
    assert calibration_error(confidence, right, np.array([0, 0, 1, 1])) == 0.5


def test_a_model_that_is_blind_to_the_clock_is_right_on_the_whole_and_wrong_in_slots() -> None:
    bar_close = moments()
    slot = slot_of_hour(bar_close)
    true = with_hold(0.6 + 0.12 * np.cos(slot * np.pi / 6))
    labels = happened(true, 1)
    blind = with_hold(np.full(len(labels), 0.6))
    whole, in_slots = (calibration(blind, labels, bar_close, group) for group in (None, slot))
    assert whole.error <= whole.calibrated_90[1]
    assert in_slots.error == pytest.approx(0.12 * 2 / np.pi, abs=0.015)
    assert in_slots.error > 2 * in_slots.calibrated_90[1]
    seeing = calibration(true, labels, bar_close, slot)
    assert seeing.error <= seeing.calibrated_90[1]


@pytest.mark.parametrize("grouped", [False, True])
def test_nine_of_ten_calibrated_models_lie_within_the_band_and_one_that_is_too_sure_beyond(
    grouped: bool,
) -> None:
    bar_close = moments()
    group = slot_of_hour(bar_close) if grouped else None
    true = known(0)
    below = 0
    for seed in range(30):
        found = calibration(true, happened(true, seed), bar_close, group)
        below += found.error <= found.calibrated_90[1]
    assert below >= 27
    rash = with_hold(np.minimum(true[:, HOLD] + 0.06, 0.97))
    found = calibration(rash, happened(true, 0), bar_close, group)
    assert found.error > found.calibrated_90[1]
    assert found.gap_90[0] > 0
    assert found.gap == pytest.approx(0.06, abs=0.01)


def test_markets_that_turn_from_week_to_week_widen_the_band() -> None:
    """A model that is right on average over wild and calm weeks is not said to be wrong."""
    bar_close, true = moments(), known(0)
    below = 0
    plain = calibration(true, happened(true, 0), bar_close).calibrated_90[1]
    for seed in range(20):
        week = np.random.default_rng(seed).normal(0, 0.04, DAYS // 7 + 1)[bar_close // DAY // 7]
        labels = happened(with_hold(np.clip(true[:, HOLD] + week, 0.02, 0.98)), seed)
        found = calibration(true, labels, bar_close)
        below += found.error <= found.calibrated_90[1]
        assert found.calibrated_90[1] > 1.3 * plain
    assert below >= 16


def test_fewer_rows_have_a_wider_band_and_one_row_has_one_too() -> None:
    bar_close, true = moments(), known(0)
    labels = happened(true, 0)
    few = np.arange(0, len(labels), 50)
    wide = calibration(true[few], labels[few], CloseTimes(bar_close[few]))
    assert wide.calibrated_90[0] > calibration(true, labels, bar_close).calibrated_90[1]
    one = calibration(true[:1], labels[:1], CloseTimes(bar_close[:1]))
    assert one.rows == 1
    assert np.isfinite([one.error, *one.calibrated_90, *one.gap_90]).all()


def test_each_name_has_its_own_calibration() -> None:
    bar_close, true = moments(), known(0)
    labels = happened(true, 0)
    names = np.repeat(["BTC", "ETH", "SOL"], len(labels) // ASSETS)
    rash = np.where((names == "ETH")[:, None], with_hold(np.minimum(true[:, HOLD] + 0.1, 0.97)), true)
    found = calibration_by(names, rash, labels, bar_close)
    assert list(found) == ["BTC", "ETH", "SOL"]
    beyond = [name for name, own in found.items() if own.error > own.calibrated_90[1]]
    assert beyond == ["ETH"]
    assert sum(own.rows for own in found.values()) == len(labels)
    assert {name: own.to_json()["left_band"] for name, own in found.items()} == {
        "BTC": False,
        "ETH": True,
        "SOL": False,
    }
