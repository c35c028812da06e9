"""What each part of a refresh may take, and that the parts are those of the code."""

from pathlib import Path

import pytest
from growfolio.domain.freshness_budget import BUDGET, GRACE_SECONDS, MEANING, passed
from growfolio.domain.times import BAR
from growfolio.market.ports import Patience

from tests.samples import BAR as CLOSE

README = Path(__file__).parents[3] / "README.md"


def test_the_parts_are_those_that_the_code_waits_for() -> None:
    assert BUDGET["schedule"] > 59, "EventBridge fires within the minute"
    assert BUDGET["publication"] >= Patience().publication
    assert set(MEANING) == set(BUDGET)


def test_the_grace_ends_before_the_watch_looks_and_the_next_bar_closes() -> None:
    assert sum(BUDGET.values()) == GRACE_SECONDS < 180 < BAR


def test_the_readme_shows_the_budget() -> None:
    rows = [f"| {part} | {seconds} | {MEANING[part]} |" for part, seconds in BUDGET.items()]
    assert "\n".join([*rows, f"| **grace** | **{GRACE_SECONDS}** | |"]) in README.read_text()


@pytest.mark.parametrize(("after", "over"), [(0, False), (GRACE_SECONDS, False), (GRACE_SECONDS + 1, True)])
def test_a_budget_is_passed_from_the_first_second_after_it(after: int, over: bool) -> None:
    assert passed(CLOSE, CLOSE + after) is over
