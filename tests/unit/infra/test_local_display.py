"""What `make run` prints, at the widths that terminals have."""

import io
from dataclasses import replace

import pytest
from growfolio.domain.assets import ASSETS, Market, Timeframe
from growfolio.domain.calendar import market_hours
from growfolio.domain.freshness import judge
from growfolio.domain.signals import Action, SignalRecord, Status
from growfolio.presentation import Json, judged_json
from rich.console import Console

from infra.local.display import COLUMNS, assets_without, has_signal, print_signals, summary_line
from tests.samples import BAR, a_failure, a_signal

ADDRESS = "http://127.0.0.1:8000/"


def served(record: SignalRecord, now: int = BAR + 30) -> Json:
    return judged_json(judge(record, market_hours(record.asset.market, now), now))


def every_signal(*, without: tuple[str, ...] = ()) -> list[Json]:
    """One of each asset and timeframe, in all three actions; assets without candles say why."""
    signals = []
    for nth, (asset, timeframe) in enumerate((a, t) for a in ASSETS for t in Timeframe):
        if asset.symbol in without:
            failure = a_failure(reason=f"no file {asset.id}_5m.parquet in the folder")
            signals.append(served(SignalRecord(asset, timeframe, None, failure)))
            continue
        signal = a_signal(asset.symbol, timeframe, action=list(Action)[nth % 3])
        signal = replace(signal, in_sample=nth % 2 == 0)
        signals.append(served(SignalRecord(asset, timeframe, signal, None)))
    return signals


def printed(signals: list[Json], width: int, market: str = "simulated") -> list[str]:
    text = io.StringIO()
    print_signals(signals, market, "2024-09-05 18:00 UTC", Console(file=text, width=width))
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.mark.parametrize("width", [80, 100, 120, 140, 200])
def test_every_row_fits_and_shows_asset_bar_action_and_status(width: int) -> None:
    signals = every_signal()
    lines = printed(signals, width)
    assert max(map(len, lines)) <= width
    rows = lines[-len(signals) :]
    for row, signal in zip(rows, signals, strict=True):
        assert row.split()[:3] == [signal["symbol"], signal["timeframe"], signal["action"]]
        assert f"{signal['confidence']:.1f} %" in row
        assert "ok · in sample" in row or row.endswith("ok")


@pytest.mark.parametrize(
    ("width", "dropped"),
    [(60, {"Stop", "Buy at", "Sell at", "Close (UTC)"}), (80, {"Stop", "Buy at", "Sell at"}), (140, set())],
)
def test_stop_targets_and_date_go_first_where_the_terminal_is_narrow(width: int, dropped: set[str]) -> None:
    heading = next(line for line in printed(every_signal(), width) if line.startswith("Asset"))
    assert {name for name, *_ in COLUMNS if name not in heading} == dropped


def test_a_long_reason_is_cut_and_moves_no_other_column() -> None:
    asset = ASSETS[0]
    failure = a_failure(BAR + 300, Status.BAD_DATA, "the price jumped by a factor of two " * 5)
    late = served(SignalRecord(asset, Timeframe.M5, a_signal(asset.symbol), failure), BAR + 3600)
    lines = printed([late, *every_signal()[1:]], 80)
    assert max(map(len, lines)) <= 80
    line = next(line for line in lines if line.startswith(asset.symbol))
    assert line.endswith("…")


def test_assets_without_signals_are_counted_and_a_reason_that_names_each_is_said_once() -> None:
    stocks = [asset.symbol for asset in ASSETS if asset.market is Market.STOCKS]
    signals = every_signal(without=tuple(stocks[1:]))
    counted, reason = assets_without(signals)
    there = [asset.symbol for asset in ASSETS if asset.symbol not in stocks[1:]]
    assert counted == f"{len(there)} of {len(ASSETS)} assets have signals: {' '.join(there)}"
    assert reason == (
        f"  no_data: no file <ID>_5m.parquet in the folder ({len(stocks[1:]) * len(Timeframe)} signals)"
    )
    lines = printed(signals, 140)
    assert counted in lines
    assert not any(line.startswith(f"{stocks[1]} ") for line in lines)


def test_nothing_is_said_of_missing_signals_where_there_are_none() -> None:
    assert assets_without(every_signal()) == []
    assert all(map(has_signal, every_signal()))


def test_without_any_signal_there_is_no_empty_table() -> None:
    signals = every_signal(without=tuple(asset.symbol for asset in ASSETS))
    lines = printed(signals, 80)
    assert f"0 of {len(ASSETS)} assets have signals: none" in lines
    assert not any(line.startswith("Asset") for line in lines)


def test_a_further_refresh_is_one_line_that_ends_with_the_address() -> None:
    signals = every_signal(without=(ASSETS[0].symbol,))
    line = summary_line(signals, "18:05 UTC", ADDRESS)
    current = [signal for signal in signals if has_signal(signal)]
    buys = sum(signal["action"] == "BUY" for signal in current)
    assert line.startswith(f"18:05 UTC · {buys} BUY, ")
    assert f"· {len(Timeframe)} no_data ·" in line
    assert line.endswith(ADDRESS)
    assert "\n" not in line
