"""README's table of limits on candles is what the code holds to."""

import re
from pathlib import Path

import pytest
from growfolio.domain import adjustment, alignment, moves, quarantine, refusals, slots

README = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
ROWS = re.findall(r"^\| `([A-Z_]+)`: .* \| ([\d.e]+) \|$", README, re.MULTILINE)
MODULES = (moves, quarantine, adjustment, refusals, slots, alignment)


@pytest.mark.parametrize(("name", "value"), ROWS)
def test_a_limit_is_what_readme_says(name: str, value: str) -> None:
    (held,) = {getattr(module, name) for module in MODULES if hasattr(module, name)}
    assert held == float(value)


def test_readme_names_the_limits() -> None:
    assert {name for name, _ in ROWS} == {
        "MAX_FILLED_IN_A_ROW", "LATE_SLOTS", "REACH", "FURTHEST_REACH", "LEAST_REAL", "THIN",
        "MAX_QUARANTINED_A_DAY", "LARGEST_MOVE", "SETTLED", "CLIPPED", "LARGEST_NIGHT", "LARGEST_PRICE",
        "LARGEST_VOLUME", "UNUSUAL_VOLUME",
    }  # fmt: skip
