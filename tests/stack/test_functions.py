"""The built functions, each with only its folder, its layers and Lambda's runtime, do their work."""

import json
from pathlib import Path

import pytest
from growfolio.domain.assets import Market, Timeframe, assets_of

from tests.stack.conftest import ROOT
from tests.stack.emulator import Package
from tests.stack.measuring import measurements
from tests.stack.permissions import Grant, forbidden, unused
from tests.stack.providers import SECRETS
from tests.stack.recorder import Call
from tests.stack.stories import EVENT, STORIES, Played, play
from tests.stack.world import World


@pytest.mark.parametrize("function", STORIES)
def test_a_built_function_does_its_work(played: dict[str, Played], function: str) -> None:
    assert played[function].faults == [], played[function].log[-3000:]


@pytest.mark.parametrize("function", STORIES)
def test_no_secret_is_logged(played: dict[str, Played], function: str) -> None:
    assert not [name for name, secret in SECRETS.items() if secret in played[function].log]


def test_secrets_are_read_once_and_kept(world: World, played: dict[str, Played]) -> None:
    read = [call for call in world.record.calls if call.action == "ssm:GetParameter"]
    assert read
    assert len(read) == len(set(read))


@pytest.mark.parametrize("market", Market)
def test_a_first_deploy_serves_the_models_shipped_with_the_code(
    world: World, played: dict[str, Played], market: Market
) -> None:
    function = f"Refresh{market.capitalize()}Function"
    world.forget_signals(market)
    nothing_set = dict.fromkeys(("MODEL_REPOSITORY", "HUB_TOKEN_PARAMETER", "QUOTE_KEY_PARAMETER"), "")
    empty = {f"GROWFOLIO_{name}": text for name, text in nothing_set.items()}
    with world.running(function, environment=world.environment(function) | empty) as process:
        answer = process.invoke(EVENT)
    assert answer.error == ""
    for timeframe in Timeframe:
        signals = {record.asset: record.signal for record in world.store.signals(timeframe)}
        made = [signals.get(asset) for asset in assets_of(market)]
        assert {signal.model.revision if signal else "none" for signal in made} == {"starter"}


@pytest.mark.parametrize("market", Market)
def test_with_the_hub_down_a_cold_start_serves_the_promoted_models(
    world: World, played: dict[str, Played], market: Market
) -> None:
    function = f"Refresh{market.capitalize()}Function"
    world.mirror_models()
    world.forget_signals(market)
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9"}
    with world.running(function, environment=world.environment(function) | nowhere) as process:
        answer = process.invoke(EVENT)
    assert answer.error == ""
    assert not [note for note in answer.payload["notes"] if "mirror" in note or "models" in note]
    for timeframe in Timeframe:
        signals = {record.asset: record.signal for record in world.store.signals(timeframe)}
        made = [signals.get(asset) for asset in assets_of(market)]
        assert {signal.model.revision if signal else "none" for signal in made} == {world.providers.revision}


def test_a_refresh_function_says_what_its_providers_answer(world: World) -> None:
    """Kraken is no host of the private internet."""
    asked = {"RefreshStocksFunction": ["yahoo", "alpaca"], "RefreshCryptoFunction": ["binance", "kraken"]}
    troubled = set()
    for function, names in asked.items():
        with world.running(function) as process:
            answer = process.invoke({"probe": True})
        assert answer.error == ""
        probed = answer.payload["probe"]
        assert [one["provider"] for one in probed] == names
        assert not any(one["must_be_set"] for one in probed)
        troubled |= {one["provider"] for one in probed if one["trouble"]}
    assert troubled == {"kraken"}


@pytest.mark.parametrize("function", STORIES)
def test_without_any_one_layer_a_function_fails(
    world: World, played: dict[str, Played], function: str
) -> None:
    whole = world.package(function)
    for missing in whole.layers:
        spoiled = Package(whole.code, [layer for layer in whole.layers if layer != missing])
        assert "No module named" in play(world, function, spoiled).faults[0], missing.name


@pytest.mark.parametrize(
    ("function", "variable", "fault"),
    [
        ("RefreshCryptoFunction", "TABLE", "needs GROWFOLIO_TABLE"),
        ("RefreshCryptoFunction", "MARKET", "GROWFOLIO_MARKET"),
        ("RefreshCryptoFunction", "BUCKET", "never needs s3:PutObject"),
        ("RefreshStocksFunction", "TABLE", "needs GROWFOLIO_TABLE"),
        ("RefreshStocksFunction", "MODEL_REPOSITORY", "never needs ssm:GetParameter of ReadRevision"),
        ("RefreshStocksFunction", "REVISION_PARAMETER", "never needs ssm:GetParameter of ReadRevision"),
        ("RefreshStocksFunction", "HUB_TOKEN_PARAMETER", "never needs ssm:GetParameter of ReadHubToken"),
        ("RefreshStocksFunction", "QUOTE_KEY_PARAMETER", "never needs ssm:GetParameter of ReadQuoteKey"),
        ("RefreshStocksFunction", "STOCK_SOURCES", "never needs ssm:GetParameter of ReadAlpacaKeys"),
        ("RefreshStocksFunction", "ALPACA_KEY_PARAMETER", "alpaca needs GROWFOLIO_ALPACA_KEY_PARAMETER"),
        ("RefreshStocksFunction", "ALPACA_SECRET_PARAMETER", "GROWFOLIO_ALPACA_SECRET_PARAMETER"),
        ("ApiFunction", "TABLE", "needs GROWFOLIO_TABLE"),
        ("ExplainFunction", "TABLE", "needs GROWFOLIO_TABLE"),
        ("ExplainFunction", "EXPLAIN_KEY_PARAMETER", "never needs ssm:GetParameter of ReadExplainKey"),
        ("TrainFunction", "JOB_QUEUE", "GROWFOLIO_JOB_QUEUE"),
        ("WatchFunction", "TABLE", "needs GROWFOLIO_TABLE"),
    ],
)
def test_without_a_variable_a_function_fails(
    world: World, played: dict[str, Played], function: str, variable: str, fault: str
) -> None:
    environment = world.environment(function)
    del environment[f"GROWFOLIO_{variable}"]
    assert fault in " ".join(play(world, function, environment=environment).faults)


@pytest.mark.parametrize("function", STORIES)
def test_without_any_one_grant_a_call_is_forbidden(
    world: World, played: dict[str, Played], function: str
) -> None:
    calls, whole = played[function].calls, world.grants(function)
    assert forbidden(calls, whole) == []
    for missing in whole:
        rest = [grant for grant in whole if grant != missing]
        assert forbidden(calls, rest), f"{function} does not need {missing}"


REFRESHES = ("RefreshStocksFunction", "RefreshCryptoFunction")
WRITERS = {
    "SIGNAL#5m": REFRESHES,
    "MARKET": REFRESHES,
    "SESSION": REFRESHES,
    "HISTORY#AAPL#5m": REFRESHES,
    "BAR#stocks#5m": ("RefreshStocksFunction",),
    "BAR#crypto#5m": ("RefreshCryptoFunction",),
    "RECORD#stocks#5m": ("RefreshStocksFunction",),
    "RECORD#crypto#5m": ("RefreshCryptoFunction",),
    "OUTCOMES#stocks#5m": ("RefreshStocksFunction",),
    "OUTCOMES#crypto#5m": ("RefreshCryptoFunction",),
    "EXPLANATION#5m": ("ExplainFunction",),
    "BUDGET#explain": ("ExplainFunction",),
    "SOMETHING#NEW": (),
}
"""Who may write to a partition of the table."""


@pytest.mark.parametrize("partition", WRITERS)
def test_each_partition_of_the_table_has_its_own_writer(
    world: World, played: dict[str, Played], partition: str
) -> None:
    table = next(call.resource for call in played["WatchFunction"].calls if call.partitions)
    actions = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLInsert")
    writers = {
        function
        for function in STORIES
        for action in actions
        if not forbidden([Call(function, f"dynamodb:{action}", table, (partition,))], world.grants(function))
    }
    assert writers == set(WRITERS[partition])


def test_a_grant_too_many_is_found(world: World, played: dict[str, Played]) -> None:
    whole = world.grants("ApiFunction")
    extra = Grant("TooMuch", "dynamodb:DeleteItem", whole[-1].resources)
    calls = played["ApiFunction"].calls
    assert set(unused(calls, [*whole, extra])) - set(unused(calls, whole)) == {extra}


def test_a_cold_start_ends_within_the_functions_time(world: World, played: dict[str, Played]) -> None:
    declared = world.templates.of_type("AWS::Lambda::Function")
    for name, one in played.items():
        cpu = one.work[0].cpu
        assert cpu < declared[name]["Timeout"], f"a cold start of {name} needs {cpu:.1f} s of a core"


def test_the_bill_is_reckoned_from_what_is_measured(build: Path, played: dict[str, Played]) -> None:
    measured = measurements(played)
    (build / "measured.json").write_text(json.dumps(measured, indent=2))
    reckoned = json.loads((ROOT / "infra/measured.json").read_text())
    assert measured["metrics"] == reckoned["metrics"]
    for market in ("stocks", "crypto"):
        now, then = measured["refresh"][market], reckoned["refresh"][market]
        assert now["puts"] <= then["puts"]
        for bars, units in now["write_units"].items():
            assert units <= 1.1 * then["write_units"][bars], (
                f"{market} {bars}: measure anew (infra/measured.json)"
            )


def test_what_no_function_may_ever_import_is_in_no_layer(world: World) -> None:
    for name, function in world.built.items():
        shipped = {path.name for _, folder in function.layers for path in (folder / "python").iterdir()}
        assert not shipped & {"torch", "matplotlib", "scipy", "sklearn", "ta", "boto3", "moto"}, name
        if name != "RefreshStocksFunction":
            assert "pandas" not in shipped, name
