from datetime import date

import pytest
from growfolio.domain.times import DAY, day_of, from_utc_text, utc_minute, utc_text
from hypothesis import given
from hypothesis import strategies as st

MOMENT = 1_725_559_200


def test_a_moment_is_written_in_utc_whatever_the_zone_of_the_machine() -> None:
    assert utc_text(MOMENT) == "2024-09-05T18:00:00Z"
    assert utc_minute(MOMENT + 59) == "2024-09-05 18:00 UTC"
    assert day_of(MOMENT - MOMENT % DAY) == day_of(MOMENT) == date(2024, 9, 5)


@given(st.integers(0, 4_102_444_800))
def test_what_programs_write_is_read_back(moment: int) -> None:
    assert from_utc_text(utc_text(moment)) == moment


@pytest.mark.parametrize("text", ["", "2024-09-05", "2024-09-05T18:00:00", "2024-09-05 18:00 UTC"])
def test_any_other_text_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not match"):
        from_utc_text(text)
