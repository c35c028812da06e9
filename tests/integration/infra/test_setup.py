"""`make setup`, driven by answers, against servers on this machine that speak the providers' wire formats."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from growfolio.domain.assets import ASSETS, Asset, Market, find_asset
from growfolio.errors import ConfigurationError, TemporaryMarketError
from growfolio.market.exchange import ExchangeSource
from growfolio.market.ports import MarketSource, Patience
from growfolio.market.simulated import SimulatedSource
from growfolio.market.yahoo import YahooSource
from growfolio.settings import Settings

from infra.local.checks import Providers
from infra.local.settings_file import apply
from infra.local.setup import Guide, run
from infra.owner_settings import parameter_overrides
from tests.bars import moment
from tests.fakes import finnhub_server, gemini_server
from tests.fakes.alpaca import KEYS, AlpacaServer, LocalAlpacaSession
from tests.fakes.exchange import BinanceServer, LocalSession
from tests.fakes.json_service import JsonAnswer, JsonService, QuietServer
from tests.fakes.yahoo import LocalYahooSession, YahooServer

ROOT = Path(__file__).parents[3]
NOW = moment("2024-09-05 18:00")
TOKEN, FINNHUB = "hf_good", "c0ffee"


class FakeHub(JsonService):
    """Answers who a token belongs to."""

    def __init__(self) -> None:
        super().__init__(QuietServer(("127.0.0.1", 0), _WhoAmI))


class _WhoAmI(JsonAnswer):
    def do_GET(self) -> None:  # noqa: N802  (http.server calls it so)
        good = self.path == "/api/whoami-v2" and self.headers["Authorization"] == f"Bearer {TOKEN}"
        self.send_json(*((200, b'{"name": "me"}') if good else (401, b'{"error": "Invalid token"}')))


def candles(assets: list[Asset], name: str) -> dict[str, Any]:
    made = SimulatedSource().fetch(dict.fromkeys(assets, NOW - 3 * 86400), NOW)
    return {getattr(asset, name).replace("/", ""): bars for asset, bars in made.items()}


@dataclass
class Sitting:
    """One run of the guide, whose answers stand ready."""

    folder: Path
    providers: Providers
    said: list[str] = field(default_factory=list)

    def answer(self, *answers: str) -> dict[str, Any]:
        """The settings file after these answers, one of each question in turn."""
        left = iter(answers)

        def ask(question: str) -> str:
            self.said.append(question)
            return next(left)

        run(
            Guide(ask, ask, self.said.append, self.providers),
            {"SETTINGS": str(self.folder / "growfolio.toml")},
        )
        assert list(left) == []
        written: dict[str, Any] = tomllib.loads((self.folder / "growfolio.toml").read_text())
        return written

    @property
    def text(self) -> str:
        return "\n".join(self.said)


@pytest.fixture
def sitting(tmp_path: Path) -> Iterator[Sitting]:
    """Yahoo has AAPL alone; Binance has BTC and LTC; each key has one that is right."""
    litecoin = Asset("LTC", Market.CRYPTO, "Litecoin")
    stocks = YahooServer(candles([find_asset("AAPL")], "symbol"))
    coins = BinanceServer(candles([find_asset("BTC"), litecoin], "pair"))
    with stocks, coins, finnhub_server.FakeFinnhub() as finnhub, gemini_server.FakeGemini() as gemini:
        finnhub.key = FINNHUB
        finnhub.quotes["AAPL"] = finnhub_server.a_quote(222.5, NOW)

        def source(settings: Settings, market: Market, patience: Patience) -> MarketSource:
            if market is Market.STOCKS:
                return YahooSource(patience, LocalYahooSession(stocks, patience.request))
            return ExchangeSource(settings.exchanges, patience, lambda: LocalSession(coins))

        settings = Settings(quote_url=finnhub.url, explain_url=gemini.url)
        alpaca = AlpacaServer(stocks.candles)
        with FakeHub() as hub, alpaca:
            yield Sitting(
                tmp_path,
                Providers(lambda: NOW, settings, source, hub.url, lambda: LocalAlpacaSession(alpaca)),
            )


def test_answers_become_the_settings_file_and_keys_a_file_of_their_owner_alone(sitting: Sitting) -> None:
    written = sitting.answer(
        "binance", "AAPL, btc, LTC:crypto:Litecoin", "5m,30m", "live",
        FINNHUB, gemini_server.KEY, TOKEN, *KEYS,
    )  # fmt: skip
    assert written == {
        "timeframes": ["5m", "30m"],
        "stocks": {"AAPL": "Apple"},
        "crypto": {"BTC": "Bitcoin", "LTC": "Litecoin"},
        "run": {
            "MARKET": "live",
            "GROWFOLIO_EXCHANGES": "binance",
            "GROWFOLIO_STOCK_SOURCES": "yahoo,alpaca",
        },
        "deploy": {
            "Exchanges": "binance",
            "QuoteKeyParameter": "/growfolio/finnhub-key",
            "ExplainKeyParameter": "/growfolio/gemini-key",
            "HubTokenParameter": "/growfolio/hub-token",
            "AlpacaKeyParameter": "/growfolio/alpaca-key",
            "AlpacaSecretParameter": "/growfolio/alpaca-secret",
            "StockSources": "yahoo,alpaca",
        },
    }
    keys = sitting.folder / "keys.env"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert keys.read_text().splitlines() == [
        f"FINNHUB_KEY={FINNHUB}", f"GEMINI_KEY={gemini_server.KEY}", f"HUB_TOKEN={TOKEN}",
        f"ALPACA_KEY={KEYS[0]}", f"ALPACA_SECRET={KEYS[1]}",
    ]  # fmt: skip
    assert sitting.text.count("  accepted") == 4
    assert "3 of 3 have candles" in sitting.text
    assert "30m answer no_model until you have trained models" in sitting.text
    for key in (FINNHUB, TOKEN, *KEYS):
        assert key not in sitting.text
        assert key not in json.dumps(written)


def test_refused_answers_are_asked_for_again(sitting: Sitting) -> None:
    written = sitting.answer(
        "binace", "binance", "DOGGO", "AAPL,ORCL:stocks:Oracle", "no", "AAPL", "7m", "5m",
        "tomorrow", "simulated", "wrong", "", "wrong", "", "wrong", "", "wrong", "wrong", "",
    )  # fmt: skip
    assert written["stocks"] == {"AAPL": "Apple"}
    assert (written["crypto"], written["timeframes"]) == ({}, ["5m"])
    assert not (sitting.folder / "keys.env").exists()
    for part in ("no exchange binace: choose of binance", "write DOGGO:stocks:Name", "ORCL: ", "refused: "):
        assert part in sitting.text
    assert sitting.text.count("refused: ") == 4


def test_offline_it_says_so_and_goes_on(tmp_path: Path) -> None:
    class NoNetwork(SimulatedSource):
        def fetch(self, since: Any, now: int) -> Any:
            return dict.fromkeys(since, TemporaryMarketError("could not be reached"))

    nowhere = "http://127.0.0.1:9"
    with AlpacaServer() as gone:
        """It has ended when it is asked."""
    settings = Settings(quote_url=nowhere, explain_url=nowhere)
    providers = Providers(
        lambda: NOW, settings, lambda *_: NoNetwork(), nowhere, lambda: LocalAlpacaSession(gone)
    )
    sitting = Sitting(tmp_path, providers)
    written = sitting.answer("", "", "", "", "key", "key", "token", "id", "secret")
    assert [*written["stocks"], *written["crypto"]] == [asset.symbol for asset in ASSETS]
    assert f"{len(ASSETS)} of {len(ASSETS)} could not be checked: could not be reached" in sitting.text
    assert sitting.text.count("  could not be checked: ") == 4
    assert len((tmp_path / "keys.env").read_text().splitlines()) == 5


def test_make_run_takes_what_was_written_and_what_is_given_beside_it_wins(sitting: Sitting) -> None:
    sitting.answer("binance", "AAPL", "5m", "live", FINNHUB, "", "", "")
    environ = {"SETTINGS": str(sitting.folder / "growfolio.toml"), "GROWFOLIO_EXCHANGES": "kraken"}
    apply(environ)
    assert environ == {
        "SETTINGS": str(sitting.folder / "growfolio.toml"),
        "GROWFOLIO_ASSETS": str((sitting.folder / "growfolio.toml").resolve()),
        "GROWFOLIO_EXCHANGES": "kraken",
        "MARKET": "live",
        "FINNHUB_KEY": FINNHUB,
    }


def test_make_deploy_takes_it_and_what_stood_there_before_stays(sitting: Sitting) -> None:
    file = sitting.folder / "growfolio.toml"
    file.write_text('[deploy]\nAlarmEmail = "me@example.com"\n[deploy.prod]\nLogRetentionDays = 90\n')
    sitting.answer("binance", "AAPL", "5m", "live", FINNHUB, "", "", "")
    given = parameter_overrides("prod", file)
    assert (given["AlarmEmail"], given["LogRetentionDays"]) == ("me@example.com", "90")
    assert (given["Exchanges"], given["QuoteKeyParameter"]) == ("binance", "/growfolio/finnhub-key")


def test_the_product_runs_by_the_settings_file(tmp_path: Path) -> None:
    listed = 'timeframes = ["5m"]\n[stocks]\n[crypto]\nBTC = "Bitcoin"\n[run]\nMARKET = "simulated"\n'
    (tmp_path / "growfolio.toml").write_text(listed)
    environ = {
        "PATH": os.environ["PATH"],
        "SETTINGS": str(tmp_path / "growfolio.toml"),
        "ONCE": "1",
        "JSON": "1",
    }
    command = [sys.executable, "-m", "infra.local"]
    ended = subprocess.run(
        command, cwd=ROOT, env=environ | {"PYTHONPATH": "functions/api"}, capture_output=True, check=False
    )
    assert [signal["symbol"] for signal in json.loads(ended.stdout)["signals"]] == ["BTC"]


def test_when_the_answers_end_nothing_is_written(tmp_path: Path) -> None:
    environ = os.environ | {"SETTINGS": str(tmp_path / "growfolio.toml"), "GROWFOLIO_SOURCE": "simulated"}
    ended = subprocess.run(
        [sys.executable, "-m", "infra.local.setup"],
        cwd=ROOT, env=environ, input="kraken\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (1, "\nNothing was written.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_broken_settings_file_ends_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "growfolio.toml").write_text("[run")
    with pytest.raises(ConfigurationError, match=r"growfolio\.toml cannot be read"):
        apply({"SETTINGS": str(tmp_path / "growfolio.toml")})
