"""The question that a model answers: when two models answer the same one, and how it is said."""

from dataclasses import replace

import pytest
from growfolio.domain.label import LABEL_KINDS, Label

LABEL = Label("fixed", 1, 0.001, (0.2, 0.6, 0.2))


def test_labels_ask_the_same_question_whatever_the_class_shares_were() -> None:
    assert LABEL.asks_as(replace(LABEL, class_shares=None))
    assert LABEL.asks_as(replace(LABEL, class_shares=(0.1, 0.8, 0.1)))


@pytest.mark.parametrize("other", [Label("volatility"), Label(horizon_bars=2), Label(threshold=0.002)])
def test_labels_that_differ_in_anything_else_ask_another_question(other: Label) -> None:
    assert not LABEL.asks_as(other)


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_the_question_says_the_horizon_and_all_three_classes(kind: str) -> None:
    question = Label(kind, 12, 0.5).question()
    assert "12 bar(s)" in question
    assert all(name in question for name in ("sell", "hold", "buy"))


def test_only_a_fixed_threshold_is_said_as_a_share_of_the_price() -> None:
    assert "0.10%" in Label().question()
    assert [kind for kind in LABEL_KINDS if "%" in Label(kind, 1, 0.5).question()] == ["fixed"]
