"""`make run`: the whole product on one machine, over an embedded DynamoDB."""

import json
import os
import re
import socket
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from growfolio.domain.assets import Timeframe
from growfolio.settings import Settings
from growfolio.storage.client import dynamodb_client
from growfolio.storage.schema import create_table

from infra.local.embedded_aws import embedded_aws
from infra.local.options import Options
from infra.local.product import LocalCloud, environment, keep_secrets
from tests.fakes import gemini_server
from tests.patience import HANG

ROOT = Path(__file__).parents[3]
STOCKS_OF_THAT_DAY = {"AAPL", "MSFT", "GOOGL", "AMZN", "META"}
COINS_OF_THAT_DAY = {"BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "SHIB"}
REPLAYED = int(datetime(2024, 9, 5, 18, 0, tzinfo=UTC).timestamp())


@contextmanager
def local_cloud(monkeypatch: pytest.MonkeyPatch, now: int, **options: str) -> Iterator[LocalCloud]:
    """As make run sets it up, with a clock that stands still."""
    chosen = Options.from_environment(options)
    with embedded_aws() as endpoint:
        for name, value in environment(chosen, endpoint, {}).items():
            monkeypatch.setenv(name, value)
        # moto keeps one state a process.
        monkeypatch.setenv("GROWFOLIO_TABLE", f"growfolio-{uuid.uuid4().hex}")
        keep_secrets(os.environ, endpoint)
        settings = Settings.from_environment(os.environ)
        create_table(dynamodb_client(), settings.table)
        yield LocalCloud(settings, lambda: now)


def test_a_simulated_market_serves_48_signals_from_the_shipped_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with local_cloud(monkeypatch, REPLAYED) as cloud:
        assert cloud.refresh() == {"written": 48, "unchanged": 0}
        signals = cloud.signals()
        assert [signal["status"] for signal in signals] == ["ok"] * 48
        assert {signal["model"]["revision"] for signal in signals} == {"starter"}
        assert all(signal["simulated"] for signal in signals)
        assert cloud.refresh() == {"written": 0, "unchanged": 48}


def test_replayed_candles_give_signals_and_every_asset_without_candles_says_why(
    monkeypatch: pytest.MonkeyPatch, real_candles: Path
) -> None:
    asked = {"MARKET": "replay", "CANDLES": str(real_candles), "AT": "2024-09-05T18:00:00Z"}
    with local_cloud(monkeypatch, REPLAYED, **asked) as cloud:
        assert cloud.refresh() == {"written": 48, "unchanged": 0}
        signals = cloud.signals()
        served = {signal["symbol"] for signal in signals if signal["status"] == "ok"}
        assert served == STOCKS_OF_THAT_DAY | COINS_OF_THAT_DAY
        for signal in signals:
            if signal["symbol"] in served:
                assert sum(signal["probabilities"].values()) == pytest.approx(1)
                assert signal["bar_close"] == "2024-09-05T18:00:00Z"
                # The stock models were fitted on that month; the coin models only tested on it.
                assert signal["in_sample"] is (signal["market"] == "stocks")
            else:
                assert (signal["status"], signal["confidence"]) == ("no_data", 0)
                assert f"{signal['symbol']}" in signal["reasons"][0]
        assert cloud.refresh() == {"written": 0, "unchanged": 48}


def test_every_good_signal_is_explained_by_the_template_when_no_key_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with local_cloud(monkeypatch, REPLAYED) as cloud:
        cloud.refresh()
        told = [explanation for timeframe in Timeframe for explanation in cloud.store.explanations(timeframe)]
        assert len(told) == 48
        assert {explanation.source for explanation in told} == {"template"}
        assert all("made up" in explanation.text or "simulated" in explanation.text for explanation in told)


def test_with_a_gemini_key_set_gemini_explains_and_the_key_stays_out_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def three_sentences(facts: str) -> str:
        (symbol,), (action,) = re.findall(r"\((\w+)\)", facts)[:1], re.findall(r"BUY|SELL|HOLD", facts)[:1]
        return (
            f"The model says {action} for {symbol} on simulated prices. "
            "The trend and the volume of the closed bar are part of it. The model may be wrong about this."
        )

    monkeypatch.setenv("GEMINI_KEY", gemini_server.KEY)
    monkeypatch.setenv("GROWFOLIO_EXPLAIN_CALLS_PER_HOUR", "5")
    with gemini_server.FakeGemini(three_sentences) as gemini:
        monkeypatch.setenv("GROWFOLIO_EXPLAIN_URL", gemini.url)
        with local_cloud(monkeypatch, REPLAYED) as cloud:
            assert gemini_server.KEY not in os.environ.values()
            cloud.refresh()
            told = [e.source for timeframe in Timeframe for e in cloud.store.explanations(timeframe)]
        assert len(gemini.asked) == 5
    assert (told.count("gemini"), told.count("template")) == (5, 43)


def run_once(**environ: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=kept | {"PYTHONPATH": "functions/api", "ONCE": "1"} | environ,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def test_one_run_prints_json_and_nothing_else_on_standard_output() -> None:
    ended = run_once(JSON="1")
    assert ended.returncode == 0, ended.stderr
    printed = json.loads(ended.stdout)
    assert (len(printed["signals"]), printed["written"], printed["unchanged"]) == (48, 48, 0)


def test_assets_without_data_add_nothing_to_the_json_on_standard_output(tmp_path: Path) -> None:
    asked = {"MARKET": "replay", "CANDLES": str(tmp_path), "AT": "2024-09-05T18:00:00Z"}
    ended = run_once(JSON="1", **asked)
    assert ended.returncode == 0, ended.stderr
    assert {signal["status"] for signal in json.loads(ended.stdout)["signals"]} == {"no_data"}


def test_one_run_prints_a_table_that_says_the_market_is_simulated() -> None:
    ended = run_once()
    assert ended.returncode == 0, ended.stderr
    assert "SIMULATED" in ended.stdout
    assert "SHIB" in ended.stdout


def test_a_wrong_wish_ends_with_what_to_put_instead() -> None:
    ended = run_once(MARKET="replay")
    assert ended.returncode == 2
    assert "CANDLES=DIR" in ended.stderr


def test_a_wrong_setting_ends_with_its_name_and_no_traceback() -> None:
    ended = run_once(GROWFOLIO_FRESH_SHARE="lots")
    assert (ended.returncode, ended.stderr) == (
        2,
        "growfolio: GROWFOLIO_FRESH_SHARE='lots' is not a number\n",
    )


def test_a_run_says_why_models_of_a_repository_do_not_serve(tmp_path: Path) -> None:
    ended = run_once(GROWFOLIO_MODEL_REPOSITORY=str(tmp_path))
    assert ended.returncode == 0
    assert f"no models from {tmp_path}: manifest.json cannot be read" in ended.stderr
    assert "revision starter serves in its place" in ended.stderr


def test_a_run_loads_no_torch() -> None:
    code = "import sys, infra.local.product; sys.exit('torch' in sys.modules)"
    environ = os.environ | {"PYTHONPATH": "functions/api"}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, check=False).returncode == 0


@pytest.mark.slow
def test_the_api_is_served_while_the_schedule_runs() -> None:
    with free_port() as port:
        pass
    command = [sys.executable, "-u", "-m", "infra.local"]
    environ = os.environ | {"PYTHONPATH": "functions/api", "PORT": str(port)}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Page and API on") for line in process.stdout)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/signals/BTC", timeout=HANG) as answer:
                signals = json.load(answer)["signals"]
            assert {(s["symbol"], s["status"], s["simulated"]) for s in signals} == {("BTC", "ok", True)}
        finally:
            process.terminate()


def test_a_port_that_is_taken_is_named() -> None:
    with free_port() as port:
        command = [sys.executable, "-m", "infra.local"]
        environ = os.environ | {"PYTHONPATH": "functions/api", "PORT": str(port)}
        ended = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=HANG, check=False
        )
    assert ended.returncode == 2
    assert f"port {port} is taken" in ended.stderr


@contextmanager
def free_port() -> Iterator[int]:
    """A port of ours; when the block ends it is free."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]
