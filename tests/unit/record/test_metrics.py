"""Metrics against values worked out by hand, and beside those of no model."""

import numpy as np
import pytest
from growfolio.domain.forecast import BUY, HOLD, SELL
from growfolio.record.metrics import calibrated_band, calibration_error, direction, matthews, score

CONFUSION = np.array([[2, 1, 0], [1, 4, 1], [0, 2, 3]])


def test_mcc_of_three_classes_is_gorodkins() -> None:
    # c = 9 right of s = 14; rows 3 6 5, columns 3 7 4: (9·14 - 71) / sqrt((196 - 70)(196 - 74))
    assert matthews(CONFUSION) == pytest.approx(55 / np.sqrt(126 * 122))


def test_a_model_that_always_answers_the_same_has_no_correlation() -> None:
    assert matthews(np.array([[0, 5, 0], [0, 9, 0], [0, 3, 0]])) == 0.0


def test_direction_counts_moves_only() -> None:
    probabilities = np.array([[0.3, 0.6, 0.1], [0.1, 0.6, 0.3], [0.4, 0.3, 0.3]])
    assert direction(probabilities, np.array([SELL, BUY, HOLD])) == 1.0
    assert direction(probabilities, np.array([SELL, SELL, BUY])) == pytest.approx(1 / 3)
    assert direction(probabilities, np.array([HOLD, HOLD, HOLD])) == 0.5


def test_the_calibration_error_is_how_far_confidence_lies_from_accuracy() -> None:
    confidence = np.array([0.9, 0.9, 0.9, 0.9, 0.5, 0.5])
    right = np.array([True, True, True, False, True, False])
    assert calibration_error(confidence, right) == pytest.approx((4 * 0.15 + 2 * 0.0) / 6)


def test_a_calibrated_model_lies_in_the_band_of_its_number_of_rows_and_an_overconfident_one_does_not() -> (
    None
):
    rng = np.random.default_rng(3)
    confidence = rng.uniform(0.4, 0.9, 5000)
    low, high = calibrated_band(confidence)
    right = rng.random(5000) < confidence
    assert low < calibration_error(confidence, right) < high
    assert calibration_error(np.minimum(confidence + 0.05, 1), right) > high
    assert calibrated_band(confidence[:200])[0] > high


def test_scores_stand_beside_those_of_answering_without_a_model() -> None:
    labels = np.array([HOLD] * 6 + [BUY] * 3 + [SELL])
    prior = np.array([0.25, 0.5, 0.25])
    scores = score(np.tile(prior, (10, 1)), labels, prior)
    assert scores.accuracy == scores.base_rate == 0.6
    assert scores.log_loss == scores.prior_log_loss == pytest.approx(-np.log([0.5] * 6 + [0.25] * 4).mean())
    assert scores.best_constant_log_loss == pytest.approx(
        -(0.6 * np.log(0.6) + 0.3 * np.log(0.3) + 0.1 * np.log(0.1))
    )
    assert scores.best_constant_log_loss < scores.prior_log_loss
    assert scores.class_shares == pytest.approx((0.1, 0.6, 0.3))
