"""The report's page and pictures: drawn from numbers alone, the same bytes for the same numbers."""

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import training
from training.evaluation.charts import BAD, GOOD, UNDECIDED, Interval, interval_chart, model_picture
from training.evaluation.page import LEAST_TRADES, page_of, verdict

SHIPPED = Path(training.__file__).parent / "starter_report"
MOST_CHARACTERS = 500_000
"""Of the shipped page, which everybody clones: its 84 charts are written as short as they can be."""


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    """Two folds of one pool of the shipped report."""
    whole = json.loads((SHIPPED / "evaluation.json").read_text())
    pool = [fold for fold in whole["folds"] if fold["pool"] == "stocks 15m"][-2:]
    compared = [one for one in whole["comparisons"] if one["pool"] == "stocks 15m"]
    return dict(whole) | {"folds": pool, "comparisons": compared}


class Reader(HTMLParser):
    """Collects what a page would load, and its cells."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.cells: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [tag] if tag in ("script", "link", "img", "iframe") else []
        self.loaded += [value or "" for name, value in attrs if name in ("src", "srcset")]
        self.loaded += [value for name, value in attrs if value and "href" in name and value[:1] != "#"]
        self.cells += [""] if tag == "td" else []

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data


def test_the_page_leads_with_a_verdict_and_needs_nothing_from_outside(found: dict[str, Any]) -> None:
    page = page_of(found)
    reader = Reader()
    reader.feed(page)
    assert reader.loaded == []
    assert not re.search(r"url\((?!#)|@import|https?://(?!www\.w3\.org/)", page)
    assert page.index(verdict(found)) < page.index("fitted for this report alone") < page.index("<h2>")
    # Of each fold its scores, and its model's calibration by slot, asset and month.
    assert page.count('<div class="scroll">') == 1 + 2 * len(found["folds"])
    assert {"slot :00", "slot :45", "asset AAPL", "month 2025-02"} <= set(reader.cells)
    assert page_of(copy.deepcopy(found)) == page


@pytest.mark.parametrize("trades", [LEAST_TRADES - 1, LEAST_TRADES])
def test_a_backtest_shows_a_result_only_where_there_are_enough_trades(
    found: dict[str, Any], trades: int
) -> None:
    (run, *_) = found["backtest"]
    points = [[run["from"], 1.0, 1.0], [run["until"], 1.0213, 1.0082]]
    few = run | {"trades": trades, "gross": 1.0213, "net": 1.0082, "points": points}
    page = page_of(found | {"backtest": [few]})
    assert ("+0.82%" in page) is (trades >= LEAST_TRADES)
    assert ("no result: fewer than" in page) is (trades < LEAST_TRADES)
    assert (">equity<" in page) is (trades >= LEAST_TRADES)


def test_the_verdict_counts_only_what_chance_does_not_explain(found: dict[str, Any]) -> None:
    other = copy.deepcopy(found)
    (last,) = [fold for fold in other["folds"] if fold["fold"] == "last part"]
    intervals = last["models"][0]["intervals_90"]
    intervals |= {"gain": [0.01, 0.02], "direction": [0.49, 0.53]}
    assert "in 1 of 1 pools, and foresees the direction of moves beyond chance in 0." in verdict(other)
    intervals |= {"gain": [-0.01, 0.02], "direction": [0.501, 0.53]}
    assert "in 0 of 1 pools, and foresees the direction of moves beyond chance in 1." in verdict(other)


def test_names_from_outside_cannot_become_markup(found: dict[str, Any]) -> None:
    page = page_of(found | {"about": dict(found["about"]) | {"assets": "<b>AAPL</b>"}})
    assert "<b>AAPL" not in page
    assert "&lt;b&gt;AAPL" in page


@pytest.mark.parametrize(
    ("low", "high", "better_below", "colour"),
    [
        (-2.0, -1.0, True, GOOD),
        (1.0, 2.0, True, BAD),
        (1.0, 2.0, False, GOOD),
        (-2.0, -1.0, False, BAD),
        (-1.0, 1.0, True, UNDECIDED),
    ],
)
def test_a_chart_colours_only_what_chance_does_not_explain(
    low: float, high: float, better_below: bool, colour: str
) -> None:
    drawn = interval_chart(
        "t", [Interval("a<b", (low + high) / 2, low, high)], "nats", better_below=better_below
    )
    assert f"stroke:{colour};stroke-width:2" in drawn
    assert "a&lt;b" in drawn


def test_a_models_picture_is_a_file_of_its_own_with_three_charts(found: dict[str, Any]) -> None:
    model = found["folds"][0]["models"][0] | {"name": "stocks_15m_ensemble"}
    drawn = model_picture(model)
    texts = {text.text for text in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= {"stocks_15m_ensemble", "Reliability", "The most decided", "Confusion", "was hold"}
    assert drawn == model_picture(model)


def test_the_shipped_page_shows_the_shipped_numbers() -> None:
    found = json.loads((SHIPPED / "evaluation.json").read_text())
    page = (SHIPPED / "report.html").read_text()
    assert verdict(found) in page
    assert len(page) < MOST_CHARACTERS
    reader = Reader()
    reader.feed(page)
    cells = {cell.strip() for cell in reader.cells}
    for fold in found["folds"]:
        for model in fold["models"]:
            between = "{:+.3f} to {:+.3f}".format(*model["intervals_90"]["mcc"])
            assert f"{model['mcc']:+.3f}{between}" in cells
