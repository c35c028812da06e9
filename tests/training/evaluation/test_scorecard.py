"""The scorecard of a model on one set of rows."""

import numpy as np
import numpy.typing as npt
import pytest
from growfolio.domain.bars import CloseTimes
from growfolio.domain.times import DAY

from training.evaluation.scorecard import scorecard


def days(count: int) -> CloseTimes:
    return CloseTimes(np.arange(count) * DAY)


def named(count: int) -> npt.NDArray[np.str_]:
    return np.array(["BTC", "ETH"])[np.arange(count) % 2]


def test_the_most_decided_rows_are_those_it_is_surest_of() -> None:
    labels = np.array([2, 2, 0, 0, 1, 1, 2, 0, 1, 1])
    given = np.full((10, 3), 1 / 3)
    given[0], given[1] = (0.05, 0.05, 0.9), (0.1, 0.1, 0.8)
    card = scorecard("m", given, given, labels, days(10), np.full(3, 1 / 3), named(10))
    fifth = next(c for c in card.coverage if c.share == 0.2)
    assert (fifth.accuracy, fifth.direction) == (1.0, 1.0)
    assert sum(map(sum, card.confusion)) == 10


def test_f1_is_the_mean_over_classes_and_weighted_by_how_often_each_happened() -> None:
    counts = np.array([[2, 1, 0], [1, 4, 1], [0, 2, 3]])
    labels, chosen = (np.repeat(side.ravel(), counts.ravel()) for side in np.indices((3, 3)))
    given = 0.7 * np.eye(3)[chosen] + 0.1
    card = scorecard("m", given, given, labels, days(14), np.full(3, 1 / 3), named(14))
    assert card.confusion == tuple(map(tuple, counts.tolist()))
    assert card.macro_f1 == pytest.approx((4 / 6 + 8 / 13 + 6 / 9) / 3)
    assert card.weighted_f1 == pytest.approx((3 * 4 / 6 + 6 * 8 / 13 + 5 * 6 / 9) / 14)


def test_a_class_neither_seen_nor_chosen_counts_0() -> None:
    given = np.tile([0.1, 0.8, 0.1], (4, 1))
    card = scorecard("m", given, given, np.ones(4, dtype=np.int64), days(4), np.full(3, 1 / 3), named(4))
    assert card.macro_f1 == pytest.approx(1 / 3)
    assert card.weighted_f1 == 1.0


def test_calibration_is_shown_over_all_within_slots_and_of_each_slot_asset_and_month() -> None:
    rng = np.random.default_rng(0)
    given = rng.dirichlet([2.0, 4.0, 2.0], 4000)
    labels = (rng.random((4000, 1)) > given.cumsum(axis=1)).sum(axis=1)
    bar_close = CloseTimes(1_704_067_200 + 900 * np.arange(1, 4001))
    found = scorecard("m", given, given, labels, bar_close, np.full(3, 1 / 3), named(4000)).to_json()
    shown = found["calibration"]
    assert isinstance(shown, dict)
    assert list(shown) == ["all", "in_slots", "slot", "asset", "month"]
    assert list(shown["slot"]) == [":00", ":15", ":30", ":45"]
    assert list(shown["asset"]) == ["BTC", "ETH"]
    assert list(shown["month"]) == ["2024-01", "2024-02"]
    for one in (shown["all"], shown["in_slots"], *shown["slot"].values(), *shown["month"].values()):
        assert one["calibrated_90"][0] < one["calibrated_90"][1]
    assert found["ece"] == shown["all"]["error"]
    assert found["ece_in_slots"] == shown["in_slots"]["error"]
