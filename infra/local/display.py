"""Signals on a terminal: what `make run` prints."""

from collections.abc import Mapping, Sequence
from textwrap import shorten
from typing import Any

from growfolio.domain.signals import in_ticks
from rich.console import Console
from rich.table import Table
from rich.text import Text

ACTION_COLOURS = {"BUY": "bold green", "SELL": "bold red", "HOLD": "yellow"}
BANNERS = {
    "simulated": "SIMULATED market: every price below is made up. MARKET=live uses Yahoo and the exchange.",
    "replay": "REPLAY of recorded candles: nothing below is current.",
    "live": "LIVE market data. Signals are forecasts, not advice.",
}
STATUS_WIDTH = 66
"""The whole reason is in the API's answer."""


def print_signals(signals: Sequence[Mapping[str, Any]], market: str, now: str) -> None:
    """signals are as the API serves them."""
    console = Console(width=None if Console().is_terminal else 170)
    console.print(Text(BANNERS[market], style="bold reverse"))
    table = Table(title=f"Signals at {now}", title_justify="left", header_style="bold")
    for column in ("Asset", "Bar", "Action"):
        table.add_column(column, no_wrap=True)
    for column in ("Confidence", "Price", "Buy at", "Sell at", "Stop"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("Bar close (UTC)", no_wrap=True)
    table.add_column("Status")
    for signal in signals:
        table.add_row(*_cells(signal))
    console.print(table)


def _cells(signal: Mapping[str, Any]) -> list[Text]:
    action = str(signal["action"])
    good = signal["status"] == "ok"
    numbers = [_number(signal.get(name)) for name in ("price", "buy_target", "sell_target", "stop_loss")]
    notes = ["in sample"] if signal.get("in_sample") else []
    if signal["status"] != "market_closed":
        notes += signal["reasons"][:1]
    status = " · ".join([str(signal["status"]), *notes])
    return [
        Text(str(signal["symbol"])),
        Text(str(signal["timeframe"])),
        Text(action, style=ACTION_COLOURS[action] if good else "dim"),
        Text(f"{signal['confidence']:.1f} %", style="" if good else "dim"),
        *(Text(number) for number in numbers),
        Text(str(signal.get("bar_close") or "–")[:16].replace("T", " ")),
        Text(shorten(status, STATUS_WIDTH, placeholder="…"), style="green" if good else "yellow"),
    ]


def _number(value: Any) -> str:
    return "–" if value is None else str(in_ticks(value))
