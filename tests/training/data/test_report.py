"""Bad candles stop a run, and the report says what is wrong with which."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from growfolio.domain.assets import ASSETS, find_asset
from growfolio.domain.bars import Bars, OpenTimes
from growfolio.domain.quarantine import MAX_FILLED_IN_A_ROW
from growfolio.domain.times import DAY

from tests.training.conftest import END, simulated
from training.__main__ import main
from training.data.candle_files import CandleFiles
from training.data.report import data_report, inspect
from training.exit_codes import Outcome

AAPL, BTC = find_asset("AAPL"), find_asset("BTC")


def faults_of(bars: Bars) -> tuple[str, ...]:
    return inspect(BTC, bars).faults


def changed(at: int, factor: float, *names: str) -> Bars:
    """Simulated candles, one of which is another."""
    bars = simulated("BTC", 5)
    columns = {name: getattr(bars, name).copy() for name in names}
    for column in columns.values():
        column[at] *= factor
    return replace(bars, **columns)


def test_candles_as_markets_print_them_are_good() -> None:
    report = data_report({AAPL: simulated("AAPL", 30), BTC: simulated("BTC", 5)})
    assert report.faults == []
    assert [own.missing for own in report.assets] == [0, 0]


def test_real_candles_are_good(real_candles: Path) -> None:
    files = CandleFiles(real_candles)
    report = data_report({asset: files.read(asset) for asset in ASSETS})
    assert report.faults == []
    assert {own.asset: own.longest_gap for own in report.assets}["AAPL"] == 78


def test_gaps_are_counted_and_stop_nothing() -> None:
    bars = simulated("BTC", 5)
    hour = (bars.open_time >= END - 2 * DAY) & (bars.open_time < END - 2 * DAY + 3600)
    report = inspect(BTC, bars.where(~hour & (np.arange(len(bars)) != 7)))
    assert (report.missing, report.gaps, report.longest_gap, report.faults) == (13, 1, 12, ())


def test_bars_outside_the_session_are_counted() -> None:
    bars = simulated("AAPL", 10)
    early = replace(bars, open_time=OpenTimes(bars.open_time - 600))
    assert inspect(AAPL, early).outside == 2 * len({int(opened) // DAY for opened in bars.open_time})


@pytest.mark.parametrize(
    ("bars", "fault"),
    [
        (changed(50, 1.4, "open", "high", "low", "close"), "1 closes that jump and come back"),
        (changed(50, 3.0, "high"), "1 highs or lows far from all trades"),
        (changed(50, 0.3, "low"), "1 highs or lows far from all trades"),
        (changed(50, -1.0, "volume"), "a negative volume"),
        (changed(50, np.nan, "close"), "a value that is not a number"),
        (changed(50, 0.9, "high"), "a high below its low"),
    ],
)
def test_what_no_market_prints_is_a_fault(bars: Bars, fault: str) -> None:
    assert any(fault in found for found in faults_of(bars)), faults_of(bars)


def test_a_bar_twice_is_a_fault() -> None:
    bars = simulated("BTC", 2)
    twice = bars.where(np.ones(len(bars), dtype=bool))
    twice.open_time[8] = twice.open_time[7]
    assert "two candles of one time" in faults_of(twice)[0]


def test_a_split_that_is_not_worked_in_is_a_fault() -> None:
    bars = simulated("AAPL", 30)
    late = bars.open_time >= END - 10 * DAY
    prices = {
        name: getattr(bars, name) * np.where(late, 0.25, 1.0) for name in ("open", "high", "low", "close")
    }
    (fault,) = inspect(AAPL, replace(bars, **prices)).faults
    assert "a split that is not worked into the candles before it" in fault


def test_two_stretches_years_apart_are_no_split() -> None:
    old, new = simulated("AAPL", 10, END - 400 * DAY), simulated("AAPL", 10)
    prices = {name: getattr(old, name) / 3 for name in ("open", "high", "low", "close")}
    assert inspect(AAPL, replace(old, **prices).joined_with(new)).faults == ()


def test_the_command_downloads_reports_and_ends_with_0(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GROWFOLIO_SOURCE", "simulated")
    out, report = tmp_path / "raw", tmp_path / "report.json"
    assert main(f"download --out {out} --days 3 --symbols BTC --report {report}".split()) == Outcome.DONE
    assert "BTC_USDT  8" in capsys.readouterr().out
    (found,) = json.loads(report.read_text())["assets"]
    # Within minutes of a midnight the first or the last day has so few bars that they are not asked for.
    assert found["bars"] == pytest.approx(3 * 288, abs=1 + 2 * MAX_FILLED_IN_A_ROW)
    assert found["missing"] == 0


@pytest.mark.parametrize(
    ("environment", "outcome", "reason"),
    [
        ({"GROWFOLIO_SOURCE": "nobody"}, Outcome.CONFIGURATION, "choose yahoo, alpaca, exchange"),
        ({"GROWFOLIO_SOURCE": "simulated"}, Outcome.BAD_DATA, "BTC_USDT: 1 closes that jump and come back"),
        ({"GROWFOLIO_SOURCE": "replay", "GROWFOLIO_CANDLES": "/nowhere"}, Outcome.CONFIGURATION, "no folder"),
    ],
)
def test_the_exit_code_tells_what_went_wrong(
    environment: dict[str, str],
    outcome: Outcome,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    CandleFiles(tmp_path).write(BTC, changed(50, 1.4, "open", "high", "low", "close"), "simulated")
    assert main(f"download --out {tmp_path} --days 2 --symbols BTC".split()) == outcome
    assert reason in capsys.readouterr().err
