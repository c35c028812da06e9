"""Metrics against values worked out by hand, and beside those of no model."""

import numpy as np
import pytest
from growfolio.domain.forecast import BUY, HOLD, SELL
from growfolio.record.metrics import direction, log_loss, matthews, most_decided, score, split_losses

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


def test_a_loss_is_that_of_whether_it_moves_and_of_which_way() -> None:
    given = np.array([[0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.3, 0.4, 0.3]])
    move, side = split_losses(given, np.array([BUY, SELL, HOLD]))
    assert move == pytest.approx(-np.log([0.5, 0.8, 0.4]))
    assert side == pytest.approx(-np.log([0.3 / 0.5, 0.1 / 0.8, 1.0]))


def test_a_model_that_knows_when_but_not_which_way_shows_it() -> None:
    rng = np.random.default_rng(0)
    hold = rng.uniform(0.1, 0.9, 20_000)
    labels = np.where(rng.random(20_000) < hold, HOLD, rng.choice([SELL, BUY], 20_000))
    given = np.stack([(1 - hold) / 2, hold, (1 - hold) / 2], axis=1)
    scores = score(given, labels, np.full(3, 1 / 3))
    assert scores.move_log_loss < scores.best_constant_move_log_loss - 0.1
    assert scores.side_log_loss == pytest.approx(np.log(2))
    moves = 1 - scores.class_shares[1]
    assert scores.log_loss == pytest.approx(scores.move_log_loss + moves * scores.side_log_loss)
    # The probabilities are right, so what they lead one to expect is what happens.
    assert scores.move_expected == pytest.approx(scores.move_log_loss, abs=0.01)
    assert scores.direction_expected == 0.5


def test_the_most_decided_tenth_is_where_sell_and_buy_lie_furthest_apart() -> None:
    rng = np.random.default_rng(1)
    lead = rng.uniform(-0.3, 0.3, 30_000)
    given = np.stack([(0.6 - lead) / 2, np.full(30_000, 0.4), (0.6 + lead) / 2], axis=1)
    labels = (rng.random((30_000, 1)) > given.cumsum(axis=1)).sum(axis=1)
    top = most_decided(given)
    assert top.sum() == 3000
    assert np.abs(lead[top]).min() >= np.abs(lead[~top]).max()
    scores = score(given, labels, np.full(3, 1 / 3))
    assert scores.direction_of_most_decided > scores.direction
    assert scores.direction_of_most_decided == pytest.approx(
        scores.direction_of_most_decided_expected, abs=0.03
    )
    assert scores.direction == pytest.approx(scores.direction_expected, abs=0.02)
    too_sure = score(given**2 / (given**2).sum(axis=1, keepdims=True), labels, np.full(3, 1 / 3))
    assert too_sure.direction_of_most_decided_expected > scores.direction_of_most_decided + 0.05


def test_a_row_without_moves_and_certain_answers_have_finite_scores() -> None:
    given = np.array([[0.0, 1.0, 0.0]])
    scores = score(given, np.array([HOLD]), np.full(3, 1 / 3))
    assert log_loss(given, np.array([SELL])) < 40
    assert all(np.isfinite(value).all() for value in scores.to_json().values())  # type: ignore[call-overload]
