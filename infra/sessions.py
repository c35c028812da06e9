"""Writes the stock calendar that the package carries: `make sessions`."""

import json
from datetime import date
from pathlib import Path

import exchange_calendars
import pandas as pd

TARGET = Path(__file__).parents[1] / "layers" / "core" / "growfolio" / "domain" / "sessions.json"
FIRST = date(2016, 1, 1)


def stock_calendar(first: date, last: date) -> dict[str, object]:
    """Holidays and half days of the New York Stock Exchange between two days, both included."""
    exchange = exchange_calendars.get_calendar("XNYS", start=str(first), end=str(last))
    weekdays = pd.bdate_range(first, last)
    holidays = weekdays.difference(exchange.sessions)
    return {
        "source": f"exchange_calendars {exchange_calendars.__version__}, XNYS",
        "from": str(first),
        "until": str(last),
        "holidays": [str(day.date()) for day in holidays],
        "half_days": [str(day.date()) for day in exchange.early_closes],
    }


if __name__ == "__main__":
    until = date(date.today().year + 3, 12, 31)
    TARGET.write_text(json.dumps(stock_calendar(FIRST, until), indent=1) + "\n")
