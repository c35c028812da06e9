"""The gate lets a model through that is as good as the champion, and keeps back one that may not be."""

from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.bars import CloseTimes, FloatArray
from growfolio.domain.labels import Labels

from training.release.gate import Evidence, GateRule, Verdict, differences, judge

RULE = GateRule()
ROWS, STEP = 8000, 1500


def market(skill: float, seed: int = 0, rows: int = ROWS) -> tuple[FloatArray, FloatArray]:
    """Calibrated probabilities of a knower, and the same seen through a fog: its share is 1 - skill."""
    rng = np.random.default_rng(seed)
    known = rng.dirichlet([2.0, 4.0, 2.0], rows)
    return known, skill * known + (1 - skill) * known.mean(axis=0)


def evidence(new: FloatArray, champion: FloatArray, labels: Labels, assets: int = 10) -> Evidence:
    bar_close = CloseTimes(np.repeat(np.arange(len(labels) // assets) * STEP, assets))
    return Evidence(new, champion, labels, bar_close, 1e-7, 1e-5, "stocks_5m_lstm of 0123abc")


def drawn(probabilities: FloatArray, seed: int = 1) -> Labels:
    """What happens, if the probabilities are right."""
    u = np.random.default_rng(seed).random((len(probabilities), 1))
    return np.asarray((u > probabilities.cumsum(axis=1)).sum(axis=1), dtype=np.int64)


def verdict(new: FloatArray, champion: FloatArray, labels: Labels) -> Verdict:
    return judge(evidence(new, champion, labels), RULE)


def test_a_model_that_knows_more_is_let_through() -> None:
    knows, blurred = market(0.5)
    found = verdict(knows, blurred, drawn(knows))
    assert found.accepted
    assert found.reasons == ()
    assert found.figures["log_loss"] < found.figures["log_loss_of_champion"]  # type: ignore[operator]


def test_a_model_that_is_the_champion_again_is_let_through() -> None:
    knows, _ = market(0.5)
    assert verdict(knows, knows, drawn(knows)).accepted


def test_a_model_that_knows_less_is_kept_back_for_its_log_loss_and_its_mcc() -> None:
    knows, blurred = market(0.3)
    found = verdict(blurred, knows, drawn(knows))
    assert not found.accepted
    assert [reason.split(" may be")[0] for reason in found.reasons[:2]] == ["its log-loss", "its MCC"]


def test_a_model_with_better_loss_but_worse_calls_is_kept_back() -> None:
    """Right about how often, wrong about when: low log-loss does not excuse a lost MCC."""
    knows, _ = market(0.5)
    labels = drawn(knows)
    constant = np.broadcast_to(knows.mean(axis=0), knows.shape)
    rash = 0.98 * np.eye(3)[knows.argmax(axis=1)] + 0.02 / 3
    found = verdict(constant, rash, labels)
    assert not found.accepted
    assert [reason.split(" may be")[0] for reason in found.reasons] == ["its MCC"]


def test_a_model_that_is_too_sure_is_kept_back() -> None:
    knows, blurred = market(0.1)
    labels = drawn(knows)
    sure = knows**1.6 / (knows**1.6).sum(axis=1, keepdims=True)
    reasons = verdict(sure, blurred, labels).reasons
    assert reasons
    for reason in reasons:
        assert "calibration error" in reason
        assert "what a calibrated model would show" in reason


def test_a_model_that_is_right_on_the_whole_and_wrong_in_the_slots_of_the_hour_is_kept_back() -> None:
    """It knows more than the champion but not what time it is: the error of its slots counts."""
    knows, blurred = market(0.5, rows=60_000)
    bar_close = evidence(knows, blurred, np.zeros(60_000, dtype=np.int64)).bar_close
    true = knows + 0.1 * np.cos(bar_close % 3600 / 3600 * 2 * np.pi)[:, None] * np.array([-0.5, 1, -0.5])
    true = np.clip(true, 0.01, None)
    labels = drawn(true / true.sum(axis=1, keepdims=True))
    (reason,) = verdict(knows, blurred, labels).reasons
    assert reason.startswith("its calibration error within slots of the hour")


def test_few_bars_decide_nothing() -> None:
    knows, blurred = market(0.5, rows=400)
    found = verdict(knows, blurred, drawn(knows))
    assert found.reasons == ("only 400 bars are later than both models; 500 are needed",)


def test_a_difference_that_chance_explains_is_not_taken_for_an_improvement() -> None:
    """Two models that know nothing, on few bars: the new one may be worse, so the old one stays."""
    rng = np.random.default_rng(5)
    new, champion = (rng.dirichlet([40, 80, 40], 600) for _ in range(2))
    found = verdict(new, champion, drawn(np.full((600, 3), [0.25, 0.5, 0.25]), 7))
    assert not found.accepted


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"onnx_difference": 2e-5}, "its graph differs from torch by 2.0e-05"),
        ({"onnx_difference": float("nan")}, "its graph differs from torch"),
        ({"features_difference": 0.01}, "on features as serving makes them it answers 1.0e-02 differently"),
    ],
)
def test_a_graph_or_features_that_are_others_keep_it_back(fault: dict[str, float], reason: str) -> None:
    knows, blurred = market(0.5)
    found = judge(replace(evidence(knows, blurred, drawn(knows)), **fault), RULE)  # type: ignore[arg-type]
    assert not found.accepted
    assert reason in found.reasons[0]


def test_the_bounds_hold_what_another_sample_would_have_shown() -> None:
    """Of many samples, the bound lies on the far side of the true difference in about 95 of 100."""
    held = 0
    for seed in range(40):
        knows, blurred = market(0.5, seed=0, rows=3000)
        labels = drawn(knows, seed)
        loss, _ = differences(evidence(blurred, knows, labels), replace(RULE, simulations=300), seed)
        everybody = drawn(np.repeat(knows, 40, axis=0), 999)
        repeated = np.repeat(blurred, 40, axis=0), np.repeat(knows, 40, axis=0)
        rows = np.arange(len(everybody))
        true = np.log(repeated[1][rows, everybody] / repeated[0][rows, everybody]).mean()
        held += bool(np.percentile(loss, 95) >= true)
    assert 34 <= held <= 40


def test_bars_of_one_day_are_drawn_together() -> None:
    """If ten assets say the same, there is no more evidence than from one."""
    knows, blurred = market(0.5, rows=3000)
    labels = drawn(knows)
    alone = evidence(blurred, knows, labels, assets=1)
    repeated = {
        name: np.repeat(getattr(alone, name), 10, axis=0)
        for name in ("new", "champion", "labels", "bar_close")
    }
    ten = replace(alone, **repeated)  # type: ignore[arg-type]
    spread, of_ten = (differences(e, RULE, 0)[0].std() for e in (alone, ten))
    assert of_ten == pytest.approx(spread, rel=0.05)


def test_the_verdict_is_the_same_for_the_same_seed() -> None:
    knows, blurred = market(0.9)
    labels = drawn(knows)
    assert verdict(blurred, knows, labels).to_json() == verdict(blurred, knows, labels).to_json()
