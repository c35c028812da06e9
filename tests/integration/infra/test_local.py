"""`make run`: the whole product on one machine, over an embedded DynamoDB."""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from growfolio.domain.assets import ASSETS, Asset, Timeframe, find_asset
from growfolio.settings import Settings
from growfolio.storage.client import dynamodb_client

from infra.local.cloud import LocalCloud
from infra.local.embedded_aws import embedded_aws
from infra.local.environment import environment, keep_secrets
from infra.local.options import Options
from infra.local.table import create_table
from tests.fakes import gemini_server
from tests.interrupts import interruptible
from tests.patience import HANG

ROOT = Path(__file__).parents[3]
STOCKS_OF_THAT_DAY = {"AAPL", "MSFT", "GOOGL", "AMZN", "META"}
COINS_OF_THAT_DAY = {"BTC", "ETH", "SOL", "XRP", "DOGE", "AVAX", "SHIB"}
ALL = len(ASSETS) * len(Timeframe)
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


def test_a_simulated_market_serves_every_signal_from_the_shipped_models(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with local_cloud(monkeypatch, REPLAYED) as cloud:
        assert cloud.refresh() == {"written": ALL, "unchanged": 0}
        signals = cloud.signals()
        assert [signal["status"] for signal in signals] == ["ok"] * ALL
        assert {signal["model"]["revision"] for signal in signals} == {"starter"}
        assert all(signal["simulated"] for signal in signals)
        assert cloud.refresh() == {"written": 0, "unchanged": ALL}


def test_replayed_candles_give_signals_and_every_asset_without_candles_says_why(
    monkeypatch: pytest.MonkeyPatch, real_candles: Path
) -> None:
    asked = {"MARKET": "replay", "CANDLES": str(real_candles), "AT": "2024-09-05T18:00:00Z"}
    with local_cloud(monkeypatch, REPLAYED, **asked) as cloud:
        assert cloud.refresh() == {"written": ALL, "unchanged": 0}
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
        assert cloud.refresh() == {"written": 0, "unchanged": ALL}


def test_every_good_signal_is_explained_by_the_template_when_no_key_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with local_cloud(monkeypatch, REPLAYED) as cloud:
        cloud.refresh()
        told = [explanation for timeframe in Timeframe for explanation in cloud.store.explanations(timeframe)]
        assert len(told) == ALL
        assert {explanation.source for explanation in told} == {"template"}
        assert all("made up" in explanation.text or "simulated" in explanation.text for explanation in told)


def test_with_a_gemini_key_set_gemini_explains_and_the_key_stays_out_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMINI_KEY", gemini_server.KEY)
    monkeypatch.setenv("GROWFOLIO_EXPLAIN_CALLS_PER_HOUR", "5")
    with gemini_server.FakeGemini() as gemini:
        monkeypatch.setenv("GROWFOLIO_EXPLAIN_URL", gemini.url)
        with local_cloud(monkeypatch, REPLAYED) as cloud:
            assert gemini_server.KEY not in os.environ.values()
            cloud.refresh()
            told = [e.source for timeframe in Timeframe for e in cloud.store.explanations(timeframe)]
        assert len(gemini.asked) == 5
    assert (told.count("gemini"), told.count("template")) == (5, ALL - 5)


def kept_environment() -> dict[str, str]:
    """Settings of whoever runs the tests stay out of them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "GROWFOLIO_ASSETS") if name in os.environ}
    return kept | {"SETTINGS": "/no/growfolio.toml"}


def run_once(**environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "infra.local"],
        cwd=ROOT,
        env=kept_environment() | {"PYTHONPATH": "functions/api", "ONCE": "1"} | environ,
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )


def test_one_run_prints_json_and_nothing_else_on_standard_output() -> None:
    ended = run_once(JSON="1")
    assert ended.returncode == 0, ended.stderr
    printed = json.loads(ended.stdout)
    assert (len(printed["signals"]), printed["written"], printed["unchanged"]) == (ALL, ALL, 0)


def replayed(folder: Path, at: str = "2024-09-05T18:00:00Z") -> dict[str, str]:
    return {"MARKET": "replay", "CANDLES": str(folder), "AT": at}


def write_candles(folder: Path, asset: Asset, bars: int) -> None:
    """Bars of an hour before the replayed moment on."""
    opened = np.arange(REPLAYED - 300 * bars, REPLAYED, 300)
    prices = 100 + np.sin(np.arange(bars))
    columns = {"timestamp": pa.array(opened, pa.timestamp("s", "UTC")), "open": prices, "close": prices}
    columns |= {"high": prices + 1, "low": prices - 1, "volume": np.full(bars, 10.0)}
    pq.write_table(pa.table(columns), folder / f"{asset.id}_5m.parquet")


@pytest.mark.slow
def test_one_run_without_a_single_signal_ends_with_1_and_the_reason(tmp_path: Path) -> None:
    write_candles(tmp_path, find_asset("BTC"), 12)
    ended = run_once(JSON="1", **replayed(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith("growfolio: no asset has a signal. no_data: ")
    assert {signal["status"] for signal in json.loads(ended.stdout)["signals"]} == {"no_data"}


def test_a_folder_without_candles_ends_with_2_and_one_line(tmp_path: Path) -> None:
    ended = run_once(**replayed(tmp_path))
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"growfolio: CANDLES={tmp_path} is empty; needed are ")


def test_a_moment_without_candles_ends_with_2_and_those_there_are(tmp_path: Path) -> None:
    write_candles(tmp_path, find_asset("BTC"), 12)
    ended = run_once(**replayed(tmp_path, "2030-01-01T00:00:00Z"))
    assert ended.returncode == 2
    assert "choose a moment from 2024-09-05T17:00:00Z to 2024-09-05T18:00:00Z" in ended.stderr


def test_a_wrong_list_of_assets_ends_with_2_and_one_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"timeframes": ["7m"], "stocks": {"AAPL": "Apple"}, "crypto": {}}')
    ended = run_once(GROWFOLIO_ASSETS=str(path))
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert "no timeframe '7m'; choose 5m, 10m, 15m, 30m" in line


@pytest.mark.slow
def test_a_market_without_assets_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text('{"timeframes": ["5m", "30m"], "stocks": {}, "crypto": {"BTC": "Bitcoin"}}')
    ended = run_once(JSON="1", GROWFOLIO_ASSETS=str(path))
    assert ended.returncode == 0, ended.stderr
    found = [(s["symbol"], s["timeframe"], s["status"]) for s in json.loads(ended.stdout)["signals"]]
    assert found == [("BTC", "5m", "ok"), ("BTC", "30m", "no_model")]


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_run_says_why_models_of_a_repository_do_not_serve(tmp_path: Path) -> None:
    ended = run_once(GROWFOLIO_MODEL_REPOSITORY=str(tmp_path))
    assert ended.returncode == 0
    assert f"no models from {tmp_path}: manifest.json cannot be read" in ended.stderr
    assert "revision starter serves in its place" in ended.stderr


def test_a_run_loads_no_torch() -> None:
    code = "import sys, infra.local.product; sys.exit('torch' in sys.modules)"
    environ = kept_environment() | {"PYTHONPATH": "functions/api"}
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, check=False).returncode == 0


@pytest.mark.slow
def test_the_api_is_served_while_the_schedule_runs() -> None:
    with free_port() as port:
        pass
    command = [sys.executable, "-u", "-m", "infra.local"]
    environ = kept_environment() | {"PYTHONPATH": "functions/api", "PORT": str(port)}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert any(line.startswith("Page and API on") for line in process.stdout)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/signals/BTC", timeout=HANG) as answer:
                signals = json.load(answer)["signals"]
            assert {(s["symbol"], s["status"], s["simulated"]) for s in signals} == {("BTC", "ok", True)}
        finally:
            process.terminate()


@pytest.mark.slow
def test_a_port_that_is_taken_is_named() -> None:
    with free_port() as port:
        command = [sys.executable, "-m", "infra.local"]
        environ = kept_environment() | {"PYTHONPATH": "functions/api", "PORT": str(port)}
        ended = subprocess.run(
            command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=HANG, check=False
        )
    assert ended.returncode == 2
    assert f"port {port} is taken" in ended.stderr


@pytest.fixture(scope="module")
def printed_json(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the signals of one run."""
    path = tmp_path_factory.mktemp("printed") / "signals.json"
    path.write_text(run_once(JSON="1").stdout)
    return path


PRINT = """
import json, sys
from infra.local.display import print_signals, standard_output
with open(sys.argv[1]) as printed:
    print_signals(json.load(printed)["signals"], "simulated", "now", standard_output())
"""


@pytest.mark.parametrize("columns", [80, 100, 140])
def test_on_a_terminal_no_row_is_wider_than_it_is(printed_json: Path, columns: int) -> None:
    printed, code = on_a_terminal([sys.executable, "-c", PRINT, str(printed_json)], columns)
    assert code == 0, printed
    rows = [line for line in printed.splitlines() if re.match(r"[A-Z]+ +\d+m ", line)]
    assert len(rows) == ALL
    assert all(row.split()[2] in ("BUY", "SELL", "HOLD") for row in rows)
    assert all(row.rstrip().endswith(("ok", "market_closed")) for row in rows)
    assert max(len(line.rstrip()) for line in printed.splitlines()) <= columns


@pytest.mark.slow
def test_ctrl_c_ends_make_run_without_an_error_of_makes() -> None:
    with free_port() as port:
        pass
    # The environment is the one that runs these tests.
    make = ["make", "-o", ".venv/.run", f"BIN={Path(sys.executable).parent}", "run"]
    printed, code = on_a_terminal(make, 80, interrupt_after="Ctrl+C ends)", PORT=str(port))
    # What is typed may come before the line's end.
    assert printed.partition("(Ctrl+C ends)")[2].split() == ["^C"]
    assert code == -signal.SIGINT


AS_TERMINALS_OWN = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
"""Runs a command as a shell would in a terminal, so that what is typed reaches it as a signal."""


def on_a_terminal(
    command: list[str], columns: int, interrupt_after: str = "", **environ: str
) -> tuple[str, int]:
    """What a command prints on a terminal of so many columns, without colours, and its exit code.

    Ctrl+C is typed once the given text has come.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        interruptible(command, AS_TERMINALS_OWN),
        cwd=ROOT,
        env=kept_environment() | {"PYTHONPATH": "functions/api:.", "TERM": "xterm"} | environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    printed = ""
    with process, os.fdopen(ours, "rb+", buffering=0) as terminal:
        while True:
            try:
                printed += terminal.read(4096).decode()
            except OSError:  # a terminal ends so when its last program has
                break
            if interrupt_after and interrupt_after in printed:
                terminal.write(b"\x03")
                interrupt_after = ""
    return re.sub(r"\x1b\[[0-9;]*m", "", printed).replace("\r\n", "\n"), process.returncode


@contextmanager
def free_port() -> Iterator[int]:
    """A port of ours; when the block ends it is free."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]
