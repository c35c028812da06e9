"""The list of assets and timeframes: the package's own file, or the one that GROWFOLIO_ASSETS names.

{"timeframes": ["5m", "15m"], "stocks": {"AAPL": "Apple"}, "crypto": {"BTC": "Bitcoin"}}
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from growfolio.errors import ConfigurationError

SETTING = "GROWFOLIO_ASSETS"
OWN = Path(__file__).with_name("assets_and_timeframes.json")
MARKETS = ("stocks", "crypto")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,11}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a file lists, in its order."""

    timeframes: tuple[str, ...]
    """Not yet checked: see timeframes.py."""
    assets: tuple[tuple[str, str, str], ...]
    """Symbol, market and name of each."""
    where: str = field(default="", compare=False)
    """The file's name, for messages."""


def catalogue(environ: Mapping[str, str] = os.environ) -> Catalogue:
    """The file that the setting names; without one, the package's own. Raises ConfigurationError."""
    own = environ.get(SETTING, "")
    if not own:
        return parse(OWN.read_text("utf-8"), OWN.name)
    try:
        text = Path(own).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigurationError(
            f"{SETTING}={own}: the file cannot be read ({type(fault).__name__})"
        ) from None
    return parse(text, f"{SETTING}={own}")


def parse(text: str, where: str) -> Catalogue:
    """From JSON, or TOML where the name ends so; other keys are ignored.

    Raises ConfigurationError, which starts with where and says what to write.
    """
    try:
        if where.endswith(".toml"):
            data: Any = tomllib.loads(text)
        else:
            data = json.loads(text, object_pairs_hook=_without_repeats)
    except ValueError as fault:
        raise ConfigurationError(f"{where} cannot be read: {fault}") from None
    try:
        timeframes = tuple(data["timeframes"])
        assets = tuple((symbol, market, name) for market in MARKETS for symbol, name in data[market].items())
    except (KeyError, TypeError, AttributeError):
        raise ConfigurationError(
            f'{where} needs "timeframes", a list, and "stocks" and "crypto", objects of symbols and names'
        ) from None
    _check_assets(assets, where)
    return Catalogue(timeframes, assets, where)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ValueError for a key that stands in it twice, which json would lose silently."""
    known: dict[str, Any] = {}
    for key, value in pairs:
        if key in known:
            raise ValueError(f"{key!r} stands there twice")
        known[key] = value
    return known


def _check_assets(assets: tuple[tuple[object, str, object], ...], where: str) -> None:
    for symbol, market, name in assets:
        if not _SYMBOL.fullmatch(str(symbol)):
            raise ConfigurationError(
                f"{where}: {str(symbol)[:20]!r} in {market} is no symbol like AAPL or BRK-B"
            )
        if not (isinstance(name, str) and name.strip()):
            raise ConfigurationError(f'{where}: {symbol} needs a name: "{symbol}": "..."')
    symbols = [symbol for symbol, _, _ in assets]
    twice = next((symbol for symbol in symbols if symbols.count(symbol) > 1), None)
    if twice:
        raise ConfigurationError(f"{where}: {twice} is in two markets; a symbol names one asset")
    if not symbols:
        raise ConfigurationError(f"{where} lists no asset")
