"""What the expanded template says where no emulator can: schedules, the stream, the table, the API, logs."""

import json
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.grid import slots_between
from growfolio.domain.times import BAR, DAY
from growfolio.settings import Settings
from growfolio.storage import items

from infra.build_layer import requirements
from infra.layers import EXCHANGES, LAYERS
from infra.sizes import BUDGETS, BuiltFunction
from tests.samples import a_signal
from tests.stack.cloud import Json, Templates

SCHEDULED = ("RefreshStocksFunction", "RefreshCryptoFunction", "TrainFunction", "WatchFunction")
PERIOD = BAR
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
TAKEN_BY_SAM = {"Release"}
"""Parameters that are gone when the template is expanded: they become the name of the API's version."""
FOREIGN_SETTINGS = ("POWERTOOLS_", "ORT_", "HF_")
"""Settings of libraries; all others are the product's own."""


def firings(schedule: Json, start: int, end: int) -> Iterator[int]:
    """The moments in [start, end] at which a schedule fires, in seconds since the epoch."""
    expression = schedule["ScheduleExpression"].removeprefix("cron(").removesuffix(")")
    minutes, hours, _, _, days, _ = expression.split()
    zone = ZoneInfo(schedule["ScheduleExpressionTimezone"])
    for moment in range(start - start % 60, end + 1, 60):
        local = datetime.fromtimestamp(moment, zone)
        day = local.isoweekday() % 7
        if local.minute in among(minutes, 59) and local.hour in among(hours, 23) and day in among(days, 6):
            yield moment


def among(field: str, last: int) -> range:
    """The values of one field of a cron expression."""
    for number, day in enumerate(DAYS):
        field = field.replace(day, str(number))
    body, _, step = field.partition("/")
    first, _, until = body.partition("-")
    if first in ("*", "?"):
        return range(0, last + 1, int(step or 1))
    return range(int(first), int(until or (last if step else first)) + 1, int(step or 1))


def schedule_of(templates: Templates, function: str) -> Json:
    """The schedule that calls a function; both are joined by a parameter of the nested stack."""
    given = templates.resources["Schedules"]["Properties"]["Parameters"]
    arn = {"Fn::GetAtt": [function, "Arn"]}
    parameter = next(name for name, value in given.items() if arn in (value, *_listed(value)))
    found = templates.of_type("AWS::Scheduler::Schedule").values()
    return next(one for one in found if one["Target"]["Arn"] == {"Ref": parameter})


def _listed(value: Json) -> list[Any]:
    """The branches of an Fn::If."""
    return list(value.get("Fn::If", [])) if isinstance(value, dict) else []


# A spring day, a winter day, a half day, and both days on which clocks change.
@pytest.mark.parametrize("day", ["2026-06-10", "2026-12-09", "2026-11-27", "2026-03-09", "2026-11-02"])
@pytest.mark.parametrize(
    ("function", "market"),
    [("RefreshStocksFunction", Market.STOCKS), ("RefreshCryptoFunction", Market.CRYPTO)],
)
def test_a_refresh_fires_at_every_close_of_a_bar(
    templates: Templates, function: str, market: Market, day: str
) -> None:
    start = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    end = start + int(timedelta(days=1).total_seconds())
    closes = {int(close) for close in slots_between(market, start, end, Timeframe.M5)}
    assert closes, "the day has no session"
    assert closes <= set(firings(schedule_of(templates, function), start, end))


def test_stocks_are_not_refreshed_at_night_or_on_weekends(templates: Templates) -> None:
    saturday = int(datetime(2026, 6, 13, tzinfo=UTC).timestamp())
    schedule = schedule_of(templates, "RefreshStocksFunction")
    assert not list(firings(schedule, saturday + 5 * 3600, saturday + 52 * 3600))
    assert len(list(firings(schedule, saturday - DAY, saturday))) <= 96


def test_the_watch_looks_between_two_refreshes(templates: Templates) -> None:
    start = int(datetime(2026, 6, 10, tzinfo=UTC).timestamp())
    looks = list(firings(schedule_of(templates, "WatchFunction"), start, start + 3600))
    assert looks == [start + 180 + PERIOD * n for n in range(12)]


@pytest.mark.parametrize("function", SCHEDULED)
def test_a_schedule_is_exact_retries_once_and_loses_nothing(templates: Templates, function: str) -> None:
    schedule = schedule_of(templates, function)
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    retry = schedule["Target"]["RetryPolicy"]
    assert retry["MaximumRetryAttempts"] == 1
    assert retry["MaximumEventAgeInSeconds"] < PERIOD
    assert schedule["Target"]["DeadLetterConfig"]["Arn"] == {"Ref": "DeadLetters"}
    given = templates.resources["Schedules"]["Properties"]["Parameters"]
    assert given["DeadLetters"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


@pytest.mark.parametrize("function", SCHEDULED)
def test_an_asynchronous_failure_is_kept_and_not_repeated(templates: Templates, function: str) -> None:
    configurations = templates.of_type("AWS::Lambda::EventInvokeConfig").values()
    own = next(one for one in configurations if one["FunctionName"] == {"Ref": function})
    assert own["MaximumRetryAttempts"] == 0
    assert own["MaximumEventAgeInSeconds"] < PERIOD
    destination = own["DestinationConfig"]["OnFailure"]["Destination"]
    assert destination == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def test_training_on_a_schedule_is_off_until_it_is_switched_on(templates: Templates) -> None:
    assert schedule_of(templates, "TrainFunction")["State"] == {"Ref": "WeeklyTraining"}
    assert templates.stack["Parameters"]["WeeklyTraining"]["Default"] == "DISABLED"


def test_the_stream_wakes_explain_for_signals_and_for_nothing_else(templates: Templates) -> None:
    [mapping] = templates.of_type("AWS::Lambda::EventSourceMapping").values()
    [written] = mapping["FilterCriteria"]["Filters"]
    [wanted] = json.loads(written["Pattern"])["dynamodb"]["Keys"]["pk"]["S"]

    def wakes(key: Json) -> bool:
        return str(key["pk"]["S"]).startswith(wanted["prefix"])

    apple = find_asset("AAPL")
    assert wakes(items.signal_key(apple, Timeframe.M5))
    others = [
        items.key(items.history_partition(apple, Timeframe.M5), "0"),
        items.key(items.explanation_partition(Timeframe.M5), "AAPL"),
        items.key(items.MARKET, "AAPL"),
        items.key(items.SESSION, "stocks"),
    ]
    assert not [key for key in others if wakes(key)]


def test_the_stream_forgives_single_records_and_keeps_what_failed(templates: Templates) -> None:
    [mapping] = templates.of_type("AWS::Lambda::EventSourceMapping").values()
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] >= 0
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def test_the_table_forgets_streams_and_can_be_restored(templates: Templates) -> None:
    table = templates.of_type("AWS::DynamoDB::Table")["Table"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ttl", "Enabled": True}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}


def test_history_is_written_with_the_attribute_that_the_table_forgets_by(templates: Templates) -> None:
    assert "ttl" in items.history_item(a_signal(), written_at=0)


def test_the_api_is_throttled_and_its_requests_are_logged(templates: Templates) -> None:
    [stage] = templates.of_type("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] > 0
    assert stage["DefaultRouteSettings"]["ThrottlingBurstLimit"] > 0
    assert stage["AccessLogSettings"]["DestinationArn"] == {"Fn::GetAtt": ["AccessLogs", "Arn"]}
    line = stage["AccessLogSettings"]["Format"].replace("$context.", "")
    assert json.loads(line)["status"] == "status"


def test_cors_is_left_to_the_application(templates: Templates) -> None:
    [api] = templates.of_type("AWS::ApiGatewayV2::Api").values()
    assert "CorsConfiguration" not in api
    assert "x-amazon-apigateway-cors" not in json.dumps(api)


def test_every_log_ends_some_day(templates: Templates) -> None:
    groups = templates.of_type("AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())
    for name, function in templates.of_type("AWS::Lambda::Function").items():
        assert function["LoggingConfig"]["LogGroup"]["Ref"] in groups, name


def test_reserved_concurrency_is_off_unless_asked_for(templates: Templates) -> None:
    functions = templates.of_type("AWS::Lambda::Function")
    reserved = {
        name: f["ReservedConcurrentExecutions"]
        for name, f in functions.items()
        if "ReservedConcurrentExecutions" in f
    }
    chosen = {"Fn::If": ["Reserves", {"Ref": "ReservedConcurrency"}, {"Ref": "AWS::NoValue"}]}
    assert reserved == {"ApiFunction": chosen}
    assert templates.stack["Parameters"]["ReservedConcurrency"]["Default"] == 0


def test_every_setting_is_one_that_the_code_reads(templates: Templates) -> None:
    known = {f"GROWFOLIO_{field.name.upper()}" for field in fields(Settings)}
    for name, function in templates.of_type("AWS::Lambda::Function").items():
        given = {
            variable
            for variable in function["Environment"]["Variables"]
            if not variable.startswith(FOREIGN_SETTINGS)
        }
        assert given <= known, name


def test_no_secret_is_in_an_environment(templates: Templates) -> None:
    for name, function in templates.of_type("AWS::Lambda::Function").items():
        for variable, value in function["Environment"]["Variables"].items():
            secret = any(word in variable for word in ("TOKEN", "KEY", "SECRET", "PASSWORD"))
            assert not secret or variable.endswith("_PARAMETER"), f"{name}: {variable}"
            assert "resolve:" not in str(value), f"{name}: {variable} would be written out at deploy"
    secrets = templates.stack["Parameters"]
    assert {secrets[f"{name}Parameter"]["Default"] for name in ("HubToken", "QuoteKey", "ExplainKey")} == {""}


def test_every_function_has_a_budget_and_the_layers_of_its_build(
    templates: Templates, built: dict[str, BuiltFunction]
) -> None:
    functions = templates.of_type("AWS::Lambda::Function")
    assert set(functions) == set(BUDGETS) == set(built)
    for name, function in functions.items():
        attached = [layer["Ref"] for layer in function["Layers"]]
        assert len(attached) == len(built[name].layers) <= 5
        for reference, (layer, folder) in zip(attached, built[name].layers, strict=True):
            assert reference.startswith(layer), name
            assert (folder / "python").is_dir(), folder


def test_code_and_layers_are_for_the_architecture_that_was_chosen(templates: Templates) -> None:
    for kind, key in (
        ("AWS::Lambda::Function", "Architectures"),
        ("AWS::Lambda::LayerVersion", "CompatibleArchitectures"),
    ):
        assert {json.dumps(one[key]) for one in templates.of_type(kind).values()} == {
            '[{"Ref": "Architecture"}]'
        }
    assert templates.stack["Parameters"]["Architecture"]["Default"] == "arm64"


def test_exchanges_that_are_configured_are_in_the_layer(templates: Templates) -> None:
    default = templates.stack["Parameters"]["Exchanges"]["Default"].split(",")
    assert set(default) | set(Settings().exchanges) <= set(EXCHANGES)


def test_what_two_layers_of_a_function_need_is_shipped_once_and_whole(
    built: dict[str, BuiltFunction],
) -> None:
    names = {f"{layer.capitalize()}Layer": layer for layer in LAYERS}
    for function in built.values():
        own = {names[layer] for layer, _ in function.layers}
        for layer in own:
            assert set(LAYERS[layer].beside) <= own, f"{function.name} lacks what {layer} leaves to others"


def test_locks_are_read_whole() -> None:
    lock = (
        "one==1 \\\n    --hash=sha256:a \\\n    --hash=sha256:b\ntwo==2 ; os_name == 'nt' \\\n    --hash=c\n"
    )
    assert set(requirements(lock)) == {"one", "two"}
    assert "sha256:b" in requirements(lock)["one"]


def referenced(template: Any) -> Iterator[str]:
    """What a template refers to by Ref, GetAtt and Sub."""
    if isinstance(template, dict):
        for key, value in template.items():
            if key == "Ref":
                yield value
            elif key == "Fn::GetAtt":
                yield value[0]
            else:
                yield from referenced(value)
    elif isinstance(template, list):
        for value in template:
            yield from referenced(value)


def test_every_parameter_is_used_and_every_nested_stack_given_its_own(templates: Templates) -> None:
    for template in (templates.stack, *templates.nested.values()):
        text = json.dumps(template)
        used = set(referenced(template)) | {name for name in template["Parameters"] if f"${{{name}}}" in text}
        assert set(template["Parameters"]) - TAKEN_BY_SAM <= used
    for name, nested in templates.nested.items():
        demanded = {key for key, parameter in nested["Parameters"].items() if "Default" not in parameter}
        given = set(templates.resources[name]["Properties"]["Parameters"])
        assert demanded <= given <= set(nested["Parameters"]), name
