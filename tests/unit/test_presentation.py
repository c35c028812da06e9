"""Numbers and times as readers see them; what the API does with them is told in tests/unit/api."""

import json
from decimal import Decimal

import pytest
from growfolio.domain.times import utc_text
from growfolio.presentation import to_json
from hypothesis import given
from hypothesis import strategies as st

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def test_times_are_in_utc_to_the_second() -> None:
    assert utc_text(1725559200) == "2024-09-05T18:00:00Z"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (float(Decimal("0.0000134500")), "0.00001345"),
        (1e-12, "0.000000000001"),
        (-2.5e-7, "-0.00000025"),
        (222.55, "222.55"),
        (0.0, "0.0"),
        (7, "7"),
    ],
)
def test_small_numbers_are_plain_decimals(number: float, text: str) -> None:
    assert to_json({"price": number}) == f'{{"price":{text}}}'


@given(JSON)
def test_any_json_reads_back_as_it_was(value: object) -> None:
    assert json.loads(to_json(value)) == value


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_is_no_number_never_reaches_a_reader(number: float) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json([number])
