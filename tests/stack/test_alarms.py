"""Alarms and the dashboard against the metrics that are really there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from growfolio.domain.assets import Market, Timeframe
from growfolio.domain.signals import SignalRecord
from growfolio.refresh.report import RefreshReport
from growfolio.settings import Settings

from functions.watch.app import make_handler
from tests.stack.cloud import Json, Templates
from tests.stack.stories import Played
from tests.stack.world import World

STAGE = "test"
OWN = f"Growfolio/{STAGE}"
NOON = 1_725_552_000
"""2024-09-05 16:00 UTC, when both markets are open."""
AWS_METRICS = {
    "AWS/Lambda": {"Duration", "Errors", "Invocations", "Throttles"},
    "AWS/SQS": {"NumberOfMessagesSent"},
    "AWS/Events": {"FailedInvocations"},
    "AWS/ApiGateway": {"4xx", "5xx", "Count", "Latency"},
}
"""What AWS itself measures of functions, queues and HTTP APIs."""
DIMENSIONS = {
    "AWS/Lambda": {"FunctionName": "AWS::Lambda::Function"},
    "AWS/SQS": {"QueueName": "AWS::SQS::Queue"},
    "AWS/ApiGateway": {"ApiId": "AWS::ApiGatewayV2::Api"},
    "AWS/Events": {"RuleName": "AWS::Events::Rule"},
}

Metric = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, name, and dimensions."""


class Empty:
    """A store before the first refresh."""

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        return []


class Context:
    function_name = "watch"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:watch"
    aws_request_id = "1"


def emitted(lines: list[Json]) -> set[Metric]:
    """The metrics in lines of CloudWatch's embedded format."""
    return {
        (rule["Namespace"], metric["Name"], frozenset((name, line[name]) for name in dimensions))
        for line in lines
        for rule in line["_aws"]["CloudWatchMetrics"]
        for dimensions in rule["Dimensions"]
        for metric in rule["Metrics"]
    }


@pytest.fixture(scope="module")
def troubled(world: World) -> list[Json]:
    """What the built refreshes tell when no provider can be reached."""
    lines: list[Json] = []
    for market in Market:
        function = f"Refresh{market.capitalize()}Function"
        world.forget_signals(market)
        # Without the bucket there are no candles of an earlier refresh either.
        environment = world.environment(function) | {"GROWFOLIO_BUCKET": ""}
        with world.running(function, environment=environment, offline=True) as process:
            process.invoke({})
            lines += process.metrics()
    return lines


@pytest.fixture
def measured(
    played: dict[str, Played], troubled: list[Json], capsys: pytest.CaptureFixture[str]
) -> set[Metric]:
    """All metrics of our own: of good days, of a silent provider, and of stale signals in open markets."""
    make_handler(Empty(), Settings(stage=STAGE), lambda: NOON)({}, Context())
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    good = [line for one in played.values() for line in one.metrics]
    rare = {
        (OWN, name, frozenset({("service", f"refresh-{market}")}))
        for market in Market
        for name in RefreshReport(market, by_other_models=1, stopped="throttled", over_budget=1).metrics()
    }
    return emitted([*printed, *troubled, *good]) | rare


@dataclass(frozen=True)
class Read:
    """A metric that an alarm reads."""

    alarm: str
    namespace: str
    name: str
    dimensions: list[Json]


def alarmed(templates: Templates) -> Iterator[Read]:
    for name, alarm in templates.of_type("AWS::CloudWatch::Alarm").items():
        parts = [part["MetricStat"]["Metric"] for part in alarm.get("Metrics", []) if "MetricStat" in part]
        for metric in parts or [alarm]:
            space = staged(metric["Namespace"])
            yield Read(name, space, metric["MetricName"], metric.get("Dimensions", []))


def shown(templates: Templates) -> list[list[str]]:
    """The lines of the dashboard: namespace, metric, and dimensions one after another."""
    [dashboard] = templates.of_type("AWS::CloudWatch::Dashboard").values()
    body = json.loads(staged(dashboard["DashboardBody"]))
    return [line for widget in body["widgets"] for line in widget["properties"]["metrics"]]


def staged(text: Any) -> Any:
    return text["Fn::Sub"].replace("${Stage}", STAGE) if isinstance(text, dict) else text


def test_every_alarm_on_our_own_metrics_reads_one_that_is_emitted(
    templates: Templates, measured: set[Metric]
) -> None:
    own = {
        (read.namespace, read.name, frozenset((d["Name"], d["Value"]) for d in read.dimensions))
        for read in alarmed(templates)
        if read.namespace not in AWS_METRICS
    }
    assert len(own) == 10
    assert own <= measured


def test_every_metric_of_our_own_is_looked_at(templates: Templates, measured: set[Metric]) -> None:
    looked_at = {read.name for read in alarmed(templates)} | {line[1] for line in shown(templates)}
    assert {name for _, name, _ in measured} <= looked_at


def test_every_other_alarm_reads_a_metric_of_aws_about_something_of_this_stack(templates: Templates) -> None:
    given = templates.resources["Monitoring"]["Properties"]["Parameters"]
    for read in alarmed(templates):
        if read.namespace not in AWS_METRICS:
            continue
        assert read.name in AWS_METRICS[read.namespace], read
        for dimension in read.dimensions:
            name, kind = dimension["Value"]["Ref"], DIMENSIONS[read.namespace][dimension["Name"]]
            about = given.get(name, {"Ref": name})
            resource = about.get("Ref") or about["Fn::GetAtt"][0]
            found = templates.resources.get(resource) or templates.nested["Monitoring"]["Resources"][resource]
            assert found["Type"] == kind, read


def test_the_dashboard_shows_metrics_that_are_there(templates: Templates, measured: set[Metric]) -> None:
    lines = shown(templates)
    assert len(lines) > 10
    for space, name, *dimensions in lines:
        pairs = frozenset(zip(dimensions[::2], dimensions[1::2], strict=True))
        assert name in AWS_METRICS.get(space, ()) or (space, name, pairs) in measured, (name, pairs)


def test_every_alarm_tells_the_one_topic(templates: Templates) -> None:
    alarms = templates.of_type("AWS::CloudWatch::Alarm")
    assert len(alarms) >= 9
    assert {json.dumps(alarm["AlarmActions"]) for alarm in alarms.values()} == {'[{"Ref": "Topic"}]'}
    assert {json.dumps(alarm["OKActions"]) for alarm in alarms.values()} == {'[{"Ref": "Topic"}]'}
    for rule in templates.of_type("AWS::Events::Rule").values():
        assert [target["Arn"] for target in rule["Targets"]] == [{"Ref": "Topic"}]


def test_no_condition_keeps_events_from_the_topic(templates: Templates) -> None:
    """EventBridge supports none in a topic's policy: its messages would be lost without a word."""
    [policy] = templates.of_type("AWS::SNS::TopicPolicy").values()
    [events] = [
        statement
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert "Condition" not in events


def test_every_alarm_says_what_happened_where_to_look_and_what_to_do(templates: Templates) -> None:
    for name, alarm in templates.of_type("AWS::CloudWatch::Alarm").items():
        sentences = alarm["AlarmDescription"].split(". ")
        assert len(sentences) >= 3, name
        assert any("Look at" in one or "names" in one for one in sentences), name


def test_dead_letters_are_counted_as_they_arrive(templates: Templates) -> None:
    """A message that nobody has read yet must not hide the next one."""
    own = templates.of_type("AWS::CloudWatch::Alarm")["DeadLettersWaiting"]
    assert (own["MetricName"], own["Statistic"]) == ("NumberOfMessagesSent", "Sum")


def test_the_budget_mails_the_owner(templates: Templates) -> None:
    [budget] = templates.of_type("AWS::Budgets::Budget").values()
    told = [one["Subscribers"] for one in budget["NotificationsWithSubscribers"]]
    assert told == [[{"SubscriptionType": "EMAIL", "Address": {"Ref": "AlarmEmail"}}]] * 2


@pytest.mark.parametrize(
    ("what", "metric"),
    [
        ("no fresh signal", "FreshShare"),
        ("assets not served", "AssetsNotServed"),
        ("other models", "SignalsByOtherModels"),
        ("refreshes cut short", "RefreshStopped"),
        ("refresh errors", "Errors"),
        ("dead letters", "NumberOfMessagesSent"),
        ("training events", "FailedInvocations"),
        ("API faults", "5xx"),
        ("API latency", "Latency"),
        ("throttles", "Throttles"),
    ],
)
def test_what_matters_has_an_alarm(templates: Templates, what: str, metric: str) -> None:
    assert metric in {read.name for read in alarmed(templates)}, what


@pytest.mark.parametrize("alarm", ["StocksNotFresh", "CryptoNotFresh"])
def test_no_fresh_signal_for_fifteen_minutes_is_an_alarm_and_silence_is_none(
    templates: Templates, alarm: str
) -> None:
    own = templates.of_type("AWS::CloudWatch::Alarm")[alarm]
    assert own["Period"] * own["EvaluationPeriods"] == 15 * 60
    assert own["ComparisonOperator"] == "LessThanThreshold"
    assert own["TreatMissingData"] == "notBreaching"


def test_a_watch_that_is_silent_because_it_has_stopped_is_an_alarm(templates: Templates) -> None:
    own = templates.of_type("AWS::CloudWatch::Alarm")["WatchStopped"]
    assert own["Metrics"][0]["MetricStat"]["Period"] == 15 * 60
    assert own["TreatMissingData"] == "breaching"


def test_no_metric_is_paid_for_while_all_is_well(played: dict[str, Played]) -> None:
    for function in ("RefreshStocksFunction", "RefreshCryptoFunction", "ExplainFunction", "WatchFunction"):
        told = emitted(list(played[function].metrics))
        assert not {metric for metric in told if ("market", "stocks") not in metric[2]}, function


def test_freshness_is_measured_by_a_function_that_does_not_refresh(measured: set[Metric]) -> None:
    by = {dict(dimensions)["service"] for _, name, dimensions in measured if name == "FreshShare"}
    assert by == {"watch"}


def test_training_jobs_that_fail_or_cannot_start_are_reported_with_their_reason(templates: Templates) -> None:
    rules = templates.of_type("AWS::Events::Rule")
    failed, blocked = rules["TrainingFailed"]["EventPattern"], rules["TrainingBlocked"]["EventPattern"]
    assert failed["detail"] == {"status": ["FAILED"], "jobQueue": [{"Ref": "JobQueue"}]}
    assert blocked["detail-type"] == ["Batch Job Queue Blocked"]
    assert blocked["resources"] == [{"Ref": "JobQueue"}]
    for rule in rules.values():
        assert rule["Targets"][0]["InputTransformer"]["InputPathsMap"]["reason"] == "$.detail.statusReason"
