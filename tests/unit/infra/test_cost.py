"""The bill of a month, reckoned from measurements and prices."""

import json
from typing import Any

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.domain.catalogue import OWN, parse
from growfolio.domain.timeframes import GRID
from signals_api.parameters import HistoryQuery

from infra.cost import (
    CRYPTO_RUNS,
    EXPLAINED_SHARE,
    HOURS,
    LARGEST_PAGE,
    READERS,
    ROOT,
    SESSION_BARS,
    SESSIONS,
    Line,
    Runs,
    bill,
    seconds,
    table,
)
from infra.template import Template, load

PRICES = json.loads((ROOT / "infra/prices.json").read_text())
MEASURED = json.loads((ROOT / "infra/measured.json").read_text())
STACK, MONITORING = load(ROOT / "template.yaml"), load(ROOT / "infra/monitoring.yaml")


OWN_TIMEFRAMES = parse(OWN.read_text(), OWN.name).timeframes
"""Those of the package: an owner's list may have more, and cost more."""


def lines(measured: dict[str, Any] = MEASURED, prices: dict[str, Any] = PRICES) -> dict[str, Line]:
    return {line.what: line for line in bill(measured, prices, STACK, MONITORING)}


def own_lines() -> dict[str, Line]:
    return {line.what: line for line in bill(MEASURED, PRICES, STACK, MONITORING, OWN_TIMEFRAMES)}


def test_a_gigabyte_second_and_a_request_cost_what_the_price_list_says() -> None:
    runs = Runs(count=1_000_000, seconds=2.0)
    expected = 1_000_000 * 2.0 * 0.5 * PRICES["lambda_arm64_gb_second"] + PRICES["lambda_million_requests"]
    assert runs.dollars(512, PRICES) == pytest.approx(expected)


def test_a_function_with_less_memory_has_less_of_a_core_but_waits_no_longer() -> None:
    work = {"cpu": 0.5, "aws_calls": 10}
    whole, half = seconds(work, 1769, waits=1.0), seconds(work, 884, waits=1.0)
    assert whole == pytest.approx(0.5 + 0.08 + 1.0)
    assert half - whole == pytest.approx(0.5, rel=0.01)
    assert seconds(work, 3538, waits=1.0) == whole, "one thread has no use for a second core"


@pytest.mark.parametrize(
    ("written", "units"),
    [
        ({timeframe: 10 * timeframe.minutes for timeframe in Timeframe}, 50 * len(Timeframe)),
        ({GRID: 10}, sum(50 / timeframe.minutes for timeframe in Timeframe)),
    ],
    ids=["all timeframes measured", "the shortest alone"],
)
def test_writes_are_billed_by_the_bars_that_close(written: dict[str, int], units: float) -> None:
    measured = json.loads(json.dumps(MEASURED))
    measured["refresh"]["crypto"]["write_units"] = {**written, "both": 1}
    measured["refresh"]["stocks"]["write_units"] = dict.fromkeys((*Timeframe, "both"), 0)
    measured["refresh"]["stocks"]["idle"]["write_units"] = 0
    dollars = CRYPTO_RUNS * (units + 1) / 1e6 * PRICES["dynamodb_million_write_units"]
    assert lines(measured)["table, writes of refreshes"].dollars == pytest.approx(dollars)


def test_every_metric_that_an_alarm_reads_is_billed() -> None:
    watched = Template({"Resources": {
        "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Errors"}},
        "Sum": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [
            {"Id": "a", "MetricStat": {}}, {"Id": "b", "MetricStat": {}}, {"Id": "c", "Expression": "a + b"},
        ]}},
    }})  # fmt: skip
    found = {line.what: line for line in bill(MEASURED, PRICES, STACK, watched)}
    assert found["alarms"].dollars == pytest.approx(3 * PRICES["alarm_metric_month"])
    assert found["dashboard"].dollars == 0


def test_twice_the_prices_are_twice_the_bill() -> None:
    twice = {name: 2 * price if isinstance(price, float) else price for name, price in PRICES.items()}
    once = sum(line.dollars for line in lines().values())
    assert sum(line.dollars for line in lines(prices=twice).values()) == pytest.approx(2 * once)


def test_what_runs_by_itself_costs_sixty_cents_a_month_at_most_and_the_record_twenty() -> None:
    own = {name: line.dollars for name, line in own_lines().items() if not line.apart}
    record = own.pop("record")
    assert 0.1 < sum(own.values()) <= 0.60
    assert 0 < record <= 0.20


def test_no_two_lines_have_one_name() -> None:
    assert len(lines()) == len(bill(MEASURED, PRICES, STACK, MONITORING))


def test_explanations_are_written_when_the_action_changes_and_every_hour() -> None:
    runs = MEASURED["assets"]["crypto"] * CRYPTO_RUNS + MEASURED["assets"]["stocks"] * SESSIONS * SESSION_BARS
    units = runs * (EXPLAINED_SHARE["5m"] + EXPLAINED_SHARE["15m"] / 3)
    dollars = units / 1e6 * PRICES["dynamodb_million_write_units"]
    assert own_lines()["table, explanations"].dollars == pytest.approx(dollars)


def test_a_hostile_reader_is_held_by_the_throttle_and_pays_for_the_largest_answers() -> None:
    most = lines()["a hostile reader, at most"].dollars
    requests = STACK.properties("Api")["DefaultRouteSettings"]["ThrottlingRateLimit"] * HOURS * 3600
    assert most > requests / READERS * lines()["readers"].dollars
    assert most > requests * LARGEST_PAGE * MEASURED["answered_signal_bytes"] / 1e9 * PRICES["data_out_gb"]


def test_the_largest_answer_is_the_largest_page_of_the_history() -> None:
    rules = HistoryQuery.model_fields["limit"].metadata
    assert [rule.le for rule in rules if hasattr(rule, "le")] == [LARGEST_PAGE]


def test_nothing_that_aws_bills_is_forgotten() -> None:
    named = " ".join(lines())
    for part in ("refresh", "watch", "explain", "table", "bucket", "logs", "metrics", "schedules", "secrets"):
        assert part in named
    assert {name for name, line in lines().items() if line.apart} == {
        "Gemini, at most",
        "alarms",
        "dashboard",
        "readers",
        "a hostile reader, at most",
        "training image",
        "training, one GPU hour on spot",
        "training, one GPU hour on demand",
    }


def test_the_table_sums_up_what_runs_by_itself_and_nothing_else() -> None:
    text = table([Line("a", "", 0.25), Line("b", "", 0.5), Line("c", "", 9.0, apart=True)])
    assert "| **all that runs by itself** | | **0.75** |" in text
    assert text.splitlines()[-1] == "| c (apart) |  | 9.00 |"


def test_the_readme_shows_the_bill_of_the_packages_own_timeframes() -> None:
    shown = table(bill(MEASURED, PRICES, STACK, MONITORING, OWN_TIMEFRAMES))
    assert shown in (ROOT / "README.md").read_text()
