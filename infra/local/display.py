"""Signals on a terminal: what `make run` prints."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from growfolio.domain.assets import ASSETS, find_asset
from growfolio.domain.signals import in_ticks
from rich.console import Console
from rich.table import Table
from rich.text import Text

Served = Mapping[str, Any]
"""A signal as the API serves it."""

ACTION_COLOURS = {"BUY": "bold green", "SELL": "bold red", "HOLD": "yellow"}
BANNERS = {
    "simulated": "SIMULATED market: all prices are made up. MARKET=live asks real providers.",
    "replay": "REPLAY of recorded candles: nothing below is current.",
    "live": "LIVE market data. Signals are forecasts, not advice.",
}
WITHOUT_SIGNAL = ("no_data", "bad_data", "no_model")
PIPED_WIDTH = 140
"""Columns where the output is no terminal and COLUMNS does not say."""
STATUS_LEAST = 22
"""Columns that the status needs to be understood; the whole reason is in the API's answer."""
BETWEEN = 2
"""Blanks between two columns."""


def has_signal(served: Served) -> bool:
    """Whether there is a signal, current or not."""
    return served["status"] not in WITHOUT_SIGNAL


def standard_output() -> Console:
    """The console of this process, as wide as its terminal."""
    console = Console()
    if console.is_terminal or os.environ.get("COLUMNS"):
        return console
    return Console(width=PIPED_WIDTH)


def print_signals(signals: Sequence[Served], market: str, now: str, console: Console) -> None:
    """All signals as a table that fits the console, and which assets have none."""
    console.print(Text(BANNERS[market], style="bold"))
    for line in assets_without(signals):
        console.print(Text(line, style="yellow"))
    shown = [served for served in signals if has_signal(served)]
    if shown:
        console.print(_table(shown, f"Signals at {now}", console.width))


def assets_without(signals: Sequence[Served]) -> list[str]:
    """How many assets have signals, where not all have; then each reason and how many share it."""
    missing = [served for served in signals if not has_signal(served)]
    if not missing:
        return []
    served = {signal["symbol"] for signal in signals if has_signal(signal)}
    named = " ".join(asset.symbol for asset in ASSETS if asset.symbol in served) or "none"
    lines = [f"{len(served)} of {len({s['symbol'] for s in signals})} assets have signals: {named}"]
    return lines + [f"  {why} ({count} signals)" for why, count in _reasons(missing).most_common(3)]


def _reasons(missing: Sequence[Served]) -> Counter[str]:
    """Why there is no signal; a reason that names its asset counts as the same for all of them."""
    return Counter(f"{served['status']}: {_anonymous(served)}" for served in missing)


def _anonymous(served: Served) -> str:
    asset = find_asset(served["symbol"])
    reason = (served["reasons"] or ["no reason is known"])[0]
    return re.sub(rf"\b(?:{re.escape(asset.id)}|{re.escape(asset.symbol)})(?![A-Za-z])", "<ID>", reason)


def summary_line(signals: Sequence[Served], time: str, address: str) -> str:
    """One refresh in a line: the current signals by action, the others by status, and the page's address."""
    actions = Counter(str(served["action"]) for served in signals if served["status"] == "ok")
    others = Counter(str(served["status"]) for served in signals if served["status"] != "ok")
    parts = [time, ", ".join(f"{actions[action]} {action}" for action in ACTION_COLOURS)]
    parts += [", ".join(f"{count} {status}" for status, count in others.most_common())] if others else []
    return " · ".join([*parts, address])


Side = Literal["left", "right"]

COLUMNS: tuple[tuple[str, Side, Callable[[Served], Text]], ...] = (
    ("Asset", "left", lambda served: Text(str(served["symbol"]))),
    ("Bar", "left", lambda served: Text(str(served["timeframe"]))),
    ("Action", "left", lambda served: _action(served)),
    ("Sure", "right", lambda served: Text(f"{served['confidence']:.1f} %")),
    ("Price", "right", lambda served: _number(served["price"])),
    ("Close (UTC)", "left", lambda served: Text(str(served["bar_close"])[5:16].replace("T", " "))),
    ("Buy at", "right", lambda served: _number(served["buy_target"])),
    ("Sell at", "right", lambda served: _number(served["sell_target"])),
    ("Stop", "right", lambda served: _number(served["stop_loss"])),
)
FIRST_TO_DROP = (("Stop",), ("Buy at", "Sell at"), ("Close (UTC)",))
"""What a narrow terminal does without; asset, bar, action, confidence, price and status stay."""


def _table(signals: Sequence[Served], title: str, width: int) -> Table:
    columns = {name: (side, [cell(served) for served in signals]) for name, side, cell in COLUMNS}
    for names in FIRST_TO_DROP:
        if _widths(columns) + STATUS_LEAST <= width:
            break
        for name in names:
            del columns[name]
    table = Table(title=title, title_justify="left", title_style="", box=None, pad_edge=False)
    table.padding = (0, BETWEEN, 0, 0)
    for name, (side, _) in columns.items():
        table.add_column(name, justify=side, no_wrap=True)
    room = max(width - _widths(columns), len("Status"))
    table.add_column("Status", no_wrap=True, overflow="ellipsis", max_width=room)
    for nth, served in enumerate(signals):
        table.add_row(*(cells[nth] for _, cells in columns.values()), _status(served))
    return table


def _widths(columns: Mapping[str, tuple[Side, list[Text]]]) -> int:
    """What these columns take of a line, with the blanks after each."""
    return sum(
        max(len(name), *(cell.cell_len for cell in cells)) + BETWEEN for name, (_, cells) in columns.items()
    )


def _action(served: Served) -> Text:
    action = str(served["action"])
    return Text(action, style=ACTION_COLOURS[action] if served["status"] == "ok" else "dim")


def _status(served: Served) -> Text:
    good = served["status"] == "ok"
    notes = ["in sample"] if served.get("in_sample") else []
    if served["status"] != "market_closed":
        notes += served["reasons"][:1]
    return Text(" · ".join([str(served["status"]), *notes]), style="green" if good else "yellow")


def _number(value: Any) -> Text:
    return Text("–" if value is None else str(in_ticks(value)))
