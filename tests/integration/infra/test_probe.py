"""`make probe` and its steps in `make deploy`: providers on this machine, moto for AWS."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from growfolio.domain.assets import Market, assets_of
from growfolio.errors import ConfigurationError
from growfolio.market.alpaca import AlpacaBars
from growfolio.market.exchange import ExchangeSource
from growfolio.market.ports import MarketSource, Patience
from growfolio.market.probe import Probed
from growfolio.market.stocks import StockSource
from growfolio.market.yahoo import YahooSource
from growfolio.settings import Settings
from moto import mock_aws

from infra.local.checks import Providers
from infra.place import Place
from infra.probe import from_aws, of_deploy, probe_from_aws, refuse_bad_keys, rows, table
from tests.bars import moment, printed
from tests.fakes import gemini_server
from tests.fakes.alpaca import KEYS, AlpacaServer, LocalAlpacaSession
from tests.fakes.candle_server import ANY, Fault
from tests.fakes.exchange import BinanceServer, KrakenServer, LocalSession
from tests.fakes.finnhub_server import KEY, FakeFinnhub, a_quote
from tests.fakes.gemini_server import FakeGemini
from tests.fakes.hub_server import FakeHub, Repository
from tests.fakes.yahoo import LocalYahooSession, YahooServer

ROOT = Path(__file__).parents[3]
NOW = moment("2024-09-05 18:00")
PLACE = Place("123456789012", "us-east-1", "test")
OVERRIDES = {
    "Stage": "test",
    "StockSources": "yahoo,alpaca",
    "AlpacaKeyParameter": "/alpaca-key",
    "AlpacaSecretParameter": "/alpaca-secret",
    "Exchanges": "binance,kraken",
    "QuoteKeyParameter": "/finnhub-key",
    "ExplainKeyParameter": "/gemini-key",
    "ModelRepository": "growfolio/signals",
    "HubTokenParameter": "/hub-token",
}
SECRETS = {
    "/alpaca-key": KEYS[0],
    "/alpaca-secret": KEYS[1],
    "/finnhub-key": KEY,
    "/gemini-key": gemini_server.KEY,
    "/hub-token": "hf_may_read",
}
NAMES = ["yahoo", "alpaca", "binance", "kraken", "finnhub", "gemini", "hugging face"]


@dataclass
class World:
    yahoo: YahooServer
    alpaca: AlpacaServer
    binance: BinanceServer
    kraken: KrakenServer
    finnhub: FakeFinnhub
    hub: FakeHub
    providers: Providers

    def probed(self) -> dict[str, Probed]:
        return {row.probed.provider: row.probed for row in rows(of_deploy(OVERRIDES), self.providers)}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Every provider serves, to who has the key."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    stock, coin = assets_of(Market.STOCKS)[0], assets_of(Market.CRYPTO)[0]
    stocks = {stock.symbol: printed(stock, NOW - 6 * 86400, NOW)}
    coins = {f"{coin.symbol}USDT": printed(coin, NOW - 6 * 86400, NOW)}
    with (
        YahooServer(stocks) as yahoo,
        AlpacaServer(stocks) as alpaca,
        BinanceServer(coins) as binance,
        KrakenServer(coins) as kraken,
        FakeFinnhub() as finnhub,
        FakeGemini() as gemini,
        FakeHub() as hub,
        mock_aws(),
    ):
        finnhub.quotes[stock.symbol] = a_quote(222.5, NOW)
        hub.repositories["growfolio/signals"] = Repository(token="hf_may_read")
        ssm = boto3.client("ssm", region_name="us-east-1")
        for name, value in SECRETS.items():
            ssm.put_parameter(Name=name, Type="SecureString", Value=value)

        def source(settings: Settings, market: Market, patience: Patience) -> MarketSource:
            if market is Market.CRYPTO:
                return ExchangeSource(settings.exchanges, patience, lambda: LocalSession(binance, kraken))
            if settings.stock_sources == ("yahoo",):
                first = YahooSource(patience, LocalYahooSession(yahoo, patience.request))
                return StockSource([first], patience)
            second = AlpacaBars.from_settings(settings, patience, LocalAlpacaSession(alpaca))
            return StockSource([second], patience)

        settings = Settings(quote_url=finnhub.url, explain_url=gemini.url)
        providers = Providers(lambda: NOW, settings, source, hub.endpoint)
        yield World(yahoo, alpaca, binance, kraken, finnhub, hub, providers)


def test_each_configured_provider_is_asked_once_and_says_that_it_serves(world: World) -> None:
    found = world.probed()
    assert list(found) == NAMES
    assert {one.trouble for one in found.values()} == {""}
    assert len(world.alpaca.requests) == len(world.finnhub.asked) == 1
    assert len([request for request in world.yahoo.requests if request.symbol]) == 1


def test_what_is_not_configured_is_not_asked(world: World) -> None:
    found = list(rows(Settings(exchanges=("kraken",)), world.providers))
    assert [row.probed.provider for row in found] == ["yahoo", "kraken"]
    assert world.alpaca.requests == []


def test_a_folder_of_models_is_no_repository_to_ask_for(world: World, tmp_path: Path) -> None:
    found = rows(Settings(exchanges=("kraken",), model_repository=str(tmp_path)), world.providers)
    assert [row.probed.provider for row in found] == ["yahoo", "kraken"]


def test_a_name_that_no_repository_can_have_must_be_set(world: World) -> None:
    (probed,) = [
        row.probed
        for row in rows(Settings(model_repository="no/such/form"), world.providers)
        if row.market == "models"
    ]
    assert (probed.must_be_set, probed.trouble.startswith("the Hub: Repo id must be")) == (True, True)


def test_the_table_names_who_answers_and_why_not(world: World) -> None:
    world.yahoo.meet(ANY, Fault(403))
    world.binance.meet(ANY, Fault(451, b"not in your country"))
    lines = table(list(rows(of_deploy(OVERRIDES), world.providers))).splitlines()
    assert [line.split()[2] if "candles" in line else "" for line in lines[1:5]] == NAMES[:4]
    assert "yahoo refuses to serve this address or account (403)" in lines[1]
    assert lines[2].endswith("serves")
    assert "binance refuses to serve this address or account (451)" in lines[3]
    assert not any(secret in line for line in lines for secret in SECRETS.values())


def test_an_address_that_is_refused_is_a_warning_before_a_deploy(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another machine is served, perhaps: the deploy goes on."""
    world.yahoo.meet(ANY, Fault(403))
    world.kraken.meet(ANY, Fault(500))
    world.hub.goes_down()
    refuse_bad_keys(OVERRIDES, world.providers)
    said = capsys.readouterr()
    assert said.out.startswith("From this machine, one request to each provider:\n")
    assert said.err == "WARNING: yahoo, kraken, hugging face did not serve; see the table above\n"


@pytest.mark.parametrize(
    ("parameter", "reason"),
    [
        (
            "/alpaca-secret",
            r"alpaca refuses the keys \(403\): put valid ones into the SSM parameters /alpaca-key and",
        ),
        ("/finnhub-key", "finnhub refuses the key"),
        ("/gemini-key", "gemini refuses|Gemini|key"),
        ("/hub-token", "growfolio/signals does not exist on the Hub, or may not be read"),
    ],
)
def test_a_key_that_is_refused_stops_a_deploy(world: World, parameter: str, reason: str) -> None:
    boto3.client("ssm").put_parameter(Name=parameter, Value="wrong", Overwrite=True)
    with pytest.raises(ConfigurationError, match=reason):
        refuse_bad_keys(OVERRIDES, world.providers)


@pytest.mark.parametrize("parameter", SECRETS)
def test_a_key_that_is_not_there_stops_a_deploy(world: World, parameter: str) -> None:
    boto3.client("ssm").delete_parameter(Name=parameter)
    with pytest.raises(ConfigurationError, match=f"there is no SSM parameter {parameter}: create it"):
        refuse_bad_keys(OVERRIDES, world.providers)


def test_settings_that_cannot_serve_stop_a_deploy(world: World) -> None:
    without = {name: value for name, value in OVERRIDES.items() if name != "AlpacaKeyParameter"}
    with pytest.raises(ConfigurationError, match="alpaca needs GROWFOLIO_ALPACA_KEY_PARAMETER"):
        refuse_bad_keys(without, world.providers)


@dataclass
class Lambda:
    """In place of Lambda: moto runs functions only in containers."""

    payload: Any

    def invoke(self, FunctionName: str, Payload: str) -> dict[str, Any]:  # noqa: N803
        assert FunctionName in ("growfolio-test-refresh-stocks", "growfolio-test-refresh-crypto")
        assert json.loads(Payload) == {"probe": True}
        return {"Payload": io.BytesIO(json.dumps(self.payload).encode())}


def test_what_functions_are_answered_is_shown_after_a_deploy(capsys: pytest.CaptureFixture[str]) -> None:
    refused = Probed("yahoo", 0.31, "yahoo refuses to serve this address or account (403)")
    payload = {"probe": [refused_json(refused)]}
    found = from_aws(PLACE, Lambda(payload))
    assert [row.probed for row in found] == [refused, refused]
    probe_from_aws(PLACE, Lambda(payload))
    said = capsys.readouterr()
    assert "yahoo refuses to serve this address" in said.out
    assert said.err.startswith("WARNING: yahoo, yahoo did not serve")


def refused_json(probed: Probed) -> dict[str, Any]:
    return {name: getattr(probed, name) for name in ("provider", "seconds", "trouble", "must_be_set")}


@pytest.mark.parametrize("payload", [None, [], {}, {"errorMessage": "boom"}, {"probe": [{"other": 1}]}])
def test_functions_that_cannot_be_asked_are_a_warning_and_no_failed_deploy(
    payload: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    probe_from_aws(PLACE, Lambda(payload))
    assert "WARNING: the refresh of stocks in account 123456789012" in capsys.readouterr().err


def test_every_parameter_that_concerns_a_provider_reaches_the_settings() -> None:
    settings = of_deploy(OVERRIDES)
    assert settings == replace(
        Settings(),
        stock_sources=("yahoo", "alpaca"),
        alpaca_key_parameter="/alpaca-key",
        alpaca_secret_parameter="/alpaca-secret",
        exchanges=("binance", "kraken"),
        quote_key_parameter="/finnhub-key",
        explain_key_parameter="/gemini-key",
        model_repository="growfolio/signals",
        hub_token_parameter="/hub-token",
    )


@pytest.mark.slow
def test_make_probe_ends_with_1_where_a_provider_does_not_serve(tmp_path: Path) -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "SETTINGS": str(tmp_path / "growfolio.toml")}
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": "functions/api", **nowhere}

    def probe(**settings: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "infra.probe"]
        return subprocess.run(
            command, cwd=ROOT, env=environ | settings, capture_output=True, text=True, check=False
        )

    ran = probe(GROWFOLIO_STOCK_SOURCES="yahoo,alpaca", ALPACA_KEY=KEYS[0], ALPACA_SECRET=KEYS[1])
    assert ran.returncode == 1, ran.stderr
    assert [line.split()[2] for line in ran.stdout.splitlines()[1:]] == NAMES[:4]
    assert "alpaca could not be reached" in ran.stdout
    assert not any(key in ran.stdout + ran.stderr for key in KEYS)
    served = probe(GROWFOLIO_SOURCE="simulated")
    assert (served.returncode, served.stdout.count("serves")) == (0, 2)
    unset = probe(GROWFOLIO_STOCK_SOURCES="alpaca")
    assert (unset.returncode, "name the SSM SecureStrings" in unset.stdout) == (1, True)
