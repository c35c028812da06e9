"""The calendar that the package carries, against the library that it was written from."""

import json
from datetime import UTC, date, datetime
from importlib.resources import files

import exchange_calendars
import pytest
from growfolio.domain.assets import Market
from growfolio.domain.calendar import Session, sessions_between

from infra.sessions import stock_calendar

# exchange_calendars reads pandas in a way that pandas will change one day.
pytestmark = pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")

CARRIED = json.loads(files("growfolio.domain").joinpath("sessions.json").read_text())
FIRST, LAST = date.fromisoformat(CARRIED["from"]), date.fromisoformat(CARRIED["until"])


def test_the_carried_calendar_is_what_the_library_says_today() -> None:
    written = stock_calendar(FIRST, LAST)
    assert {**written, "source": ""} == {**CARRIED, "source": ""}


def test_every_session_opens_and_closes_to_the_second_as_in_the_library() -> None:
    exchange = exchange_calendars.get_calendar("XNYS", start=str(FIRST), end=str(LAST))
    opens, closes = (
        column.astype("datetime64[s, UTC]").astype("int64") for column in (exchange.opens, exchange.closes)
    )
    expected = [Session(*pair) for pair in zip(opens.tolist(), closes.tolist(), strict=True)]
    start, end = (int(datetime(d.year, d.month, d.day, 12, tzinfo=UTC).timestamp()) for d in (FIRST, LAST))
    assert sessions_between(Market.STOCKS, start, end + 43_000) == expected


def test_the_calendar_reaches_well_into_the_future() -> None:
    if (LAST - datetime.now(UTC).date()).days < 180:
        pytest.fail("the stock calendar ends in less than half a year: run `make sessions`")
