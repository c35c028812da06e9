"""`python -m training`: what a person sees, and the exit code that a program sees."""

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, Timeframe
from growfolio.domain.label import LABEL_KINDS
from growfolio.indicators.registry import all_context_inputs, all_indicators
from growfolio.models.manifest import parse_manifest
from growfolio.training_jobs.networks import DEFAULT_NETWORK, Network

from tests.interrupts import interruptible
from training.__main__ import main
from training.exit_codes import Outcome
from training.fitting.settings import FitSettings

ROOT = Path(__file__).parents[2]
SMALL = "--symbols BTC ETH --timeframes 5m --pooled-only --network lstm --epochs 1"


def ended(command: str) -> int:
    return main(shlex.split(command))


def test_train_writes_models_of_the_network_and_timeframes_it_is_given_and_sums_them_up(
    candle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models"
    assert ended(f"train --candles {candle_folder} --out {out} {SMALL} --expires-days 0") == Outcome.DONE
    manifest = parse_manifest((out / "manifest.json").read_bytes())
    (model,) = manifest.models.values()
    assert (model.id, model.expires_at) == ("crypto_5m_lstm", None)
    said = capsys.readouterr().out.splitlines()
    at = next(number for number, line in enumerate(said) if line.startswith("pool"))
    assert said[at].split() == ["pool", "model", "rows", "MCC", "log-loss", "prior"]
    test = model.metrics["test"]
    assert said[at + 1].split()[3:] == [
        f"{test['rows']:,}",  # type: ignore[index]
        f"{test['mcc']:+.3f}",  # type: ignore[index]
        f"{test['log_loss']:.4f}",  # type: ignore[index]
        f"{test['prior_log_loss']:.4f}",  # type: ignore[index]
    ]
    assert "crypto_5m_lstm serves all crypto on 5m" in said
    assert said[-1].strip() == f"GROWFOLIO_MODEL_REPOSITORY={out} make run"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]
    assert ended(f"summary --models {out}") == Outcome.DONE
    assert capsys.readouterr().out.splitlines() == said[at:]
    assert ended(f"summary --models {tmp_path}") == Outcome.CONFIGURATION


@pytest.mark.slow
def test_train_fits_both_timeframes_and_the_default_network(candle_folder: Path, tmp_path: Path) -> None:
    given = (
        f"train --candles {candle_folder} --out {tmp_path / 'm'} --symbols BTC ETH --pooled-only --epochs 1"
    )
    assert ended(given) == Outcome.DONE
    manifest = parse_manifest((tmp_path / "m" / "manifest.json").read_bytes())
    assert set(manifest.models) == {"crypto_5m_ensemble", "crypto_15m_ensemble"}


def write_other_files(folder: Path) -> None:
    folder.mkdir()
    for name in ("AAPL.csv", "notes.txt"):
        (folder / name).write_text("timestamp,open\n")


@pytest.mark.parametrize("command", ["train", "starter", "evaluate"])
@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("--candles /nowhere", "no folder /nowhere"),
        ("--candles {other}", "it holds AAPL.csv, notes.txt; needed are files like AAPL_5m.parquet"),
    ],
)
def test_a_folder_without_candles_is_told_in_one_line_with_exit_code_2(
    command: str, given: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, out = tmp_path / "other", tmp_path / "models"
    write_other_files(other)
    assert ended(f"{command} --out {out} {given.format(other=other)}") == Outcome.CONFIGURATION
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("training: ")
    assert reason in line
    assert len(line) < 300
    assert not out.exists()


@pytest.mark.parametrize(
    ("given", "reason"),
    [("--symbols TMO", "TMO 5m, TMO 15m: too few candles"), ("--symbols XYZ", "no asset 'XYZ'")],
)
def test_what_cannot_be_trained_on_ends_with_exit_code_2_and_nothing_is_written(
    given: str, reason: str, candle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models"
    assert ended(f"train --candles {candle_folder} --out {out} {given}") == Outcome.CONFIGURATION
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert not out.exists()


def test_pools_that_are_too_small_for_a_report_are_named(
    candle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = f"evaluate --quick --candles {candle_folder} --symbols AAPL BTC ETH --out {tmp_path}"
    assert ended(given) == Outcome.CONFIGURATION
    said = capsys.readouterr()
    left_out = [line.split("] ")[1] for line in said.out.splitlines() if "left out" in line]
    assert [line.split(":")[1].strip() for line in left_out] == ["stocks 15m fold 1", "crypto 15m fold 1"]
    assert "give more candles or fewer folds" in said.err
    assert list(tmp_path.iterdir()) == []


def test_publish_looks_for_folder_and_token_before_it_asks_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.fakes.hub_server import FakeHub
    from tests.fakes.models import Publication, constant_graph

    monkeypatch.setenv("HF_TOKEN", "")
    models = tmp_path / "models"
    with FakeHub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        command = f"publish --repo growfolio/signals --models {models} --candles {tmp_path}"
        assert ended(command) == Outcome.CONFIGURATION
        assert f"{models / 'manifest.json'} cannot be read" in capsys.readouterr().err
        models.mkdir()
        graph = constant_graph((0.1, 0.2, 0.7))
        for name, content in Publication().add("stocks_5m_lstm", graph, ["AAPL"]).files().items():
            (models / name).write_bytes(content)
        (models / "MODEL_CARD.md").write_text("# Models\n")
        assert ended(command) == Outcome.CONFIGURATION
        assert "set HF_TOKEN" in capsys.readouterr().err
        assert hub.requests == []


@pytest.mark.parametrize("command", ["train", "evaluate", "job"])
def test_help_names_choices_and_defaults(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        ended(f"{command} --help")
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    assert f"(default: all {len(ASSETS)} assets)" in text
    assert "{" + ",".join(Network) + "}" in text
    assert f"default: {DEFAULT_NETWORK.value}" in text
    indicators = f"indicators that models see of each bar, of {', '.join(all_indicators())}"
    assert f"{indicators} (default: the first 16)" in text
    assert f"of the decided bar, of {', '.join(all_context_inputs())}; without a name none (default:" in text
    if command != "evaluate":
        assert f"of {', '.join(Timeframe)} (default: all)" in text
        assert f"default: {FitSettings().batch_size}" in text
    if command != "job":
        assert all(kind in text for kind in LABEL_KINDS)
        assert "0.001 is 0.1 %" in text
        assert "(default: 0.001)" in text


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("--timeframes 7m", "invalid Timeframe value: '7m'"),
        ("--network cnn", "choose from"),
        ("--epochs 0", "0 is not a number above 0"),
        ("--candles ''", "'' names no folder: write DIR or DIR:DIR"),
        ("--candles a::b", "names no folder"),
        ("--context moon_phase", "'moon_phase' (choose from"),
        ("--sequence", "expected at least one argument"),
        ("--expires-days -1", "-1 is below 0"),
    ],
)
def test_an_argument_that_cannot_be_read_ends_with_exit_code_2(
    given: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        ended(f"train --candles a --out b {given}")
    assert end.value.code == Outcome.CONFIGURATION
    assert reason in capsys.readouterr().err


def test_without_torch_one_line_says_what_to_run(tmp_path: Path) -> None:
    """The environment of `make run` has no torch: here it is hidden from a process of its own."""
    hidden = "raise ModuleNotFoundError('No module named torch', name='torch')\n"
    (tmp_path / "torch.py").write_text(hidden)
    ran = subprocess.run(
        [sys.executable, "-m", "training", "train", "--candles", "a", "--out", "b"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin", "PYTHONPATH": str(tmp_path)},
    )
    assert ran.returncode == Outcome.CONFIGURATION
    assert ran.stderr.startswith("training: torch is not installed here: `make .venv-training/.ready`")
    assert ".venv-training/bin/python -m training" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_ctrl_c_ends_training_in_one_line_and_the_same_command_goes_on(
    candle_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "models"
    given = f"train --candles {candle_folder} --out {out} {SMALL} --epochs 3 --threads 1"
    command = [sys.executable, "-m", "training", *given.split()]
    with subprocess.Popen(
        interruptible(command),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if "epoch 2/3" in line:
                process.send_signal(signal.SIGINT)
                break
        said = process.stderr.read()
    assert process.returncode == Outcome.STOPPED
    assert said == (
        "training: stopped: the same command with the same candles goes on after the last whole epoch\n"
    )
    assert not out.exists() or not list(out.iterdir())
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert again.returncode == Outcome.DONE, again.stderr
    epochs = re.findall(r"epoch (\d)/3", again.stdout)
    assert epochs in (["2", "3"], ["3"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models"]
    assert np.isfinite(
        parse_manifest((out / "manifest.json").read_bytes()).models["crypto_5m_lstm"].metrics["test"]["mcc"]  # type: ignore[index]
    )
