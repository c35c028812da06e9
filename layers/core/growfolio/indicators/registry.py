"""The registry of indicators and context inputs: a decorator adds one, its name finds it.

All modules of this package are imported before the first look-up, so that a file of one's own needs no
entry in any list.
"""

import logging
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Final

import numpy as np

from growfolio.domain.bars import Candles, FloatArray
from growfolio.domain.features import MOST_BARS, FeatureArray
from growfolio.domain.forecast import WINDOW, ContextArray
from growfolio.domain.indicators import Indicators, indicators
from growfolio.indicators.scene import Scene

log = logging.getLogger(__name__)

Formula = Callable[[Candles, Indicators], FloatArray]
ContextFormula = Callable[[Scene], FloatArray]


@dataclass(frozen=True, slots=True)
class Indicator:
    """A number for each bar of a model's window."""

    name: str
    bars: int
    """Bars, its own among them, after which a value no longer depends on where the history begins."""
    compute: Formula
    """Of candles and their indicators: (assets, bars), finite everywhere, from that bar and earlier ones."""
    scale_free: bool = True
    """Whether prices times ten leave it as it is."""
    version: int = 1
    """A changed formula is another version: models are bound to the one that they were trained on."""


@dataclass(frozen=True, slots=True)
class ContextInput:
    """Some numbers for the bar that is decided: the clock, the market. Always without units."""

    name: str
    bars: int
    """Bars, the decided one among them, after which a value no longer depends on where the history begins."""
    compute: ContextFormula
    """Of a scene: (assets, bars, width), finite everywhere, from that bar and earlier ones."""
    width: int = 1
    version: int = 1


NAME: Final = r"[A-Za-z][A-Za-z0-9_]{0,63}"
"""What an input may be called."""
OWN: Final = frozenset({"standard", "clock", "volatility", "market_moves"})
"""The product's own modules of inputs."""
NO_INPUTS: Final = frozenset({"registry", "scene", "views", "proofs", "trials"})
"""Modules that register nothing."""

_indicators: Final[dict[str, Indicator]] = {}
_context_inputs: Final[dict[str, ContextInput]] = {}


def indicator(
    *, name: str, bars: int, scale_free: bool = True, version: int = 1
) -> Callable[[Formula], Formula]:
    """Register the function below as an indicator; the fields are those of Indicator.

    Raises ValueError for a name that is taken or none, and for more bars than serving has before a window.
    """
    _check(name, bars, MOST_BARS - WINDOW + 1, version)

    def register(compute: Formula) -> Formula:
        _indicators[name] = Indicator(name, bars, compute, scale_free, version)
        return compute

    return register


def context_input(
    *, name: str, bars: int, width: int = 1, version: int = 1
) -> Callable[[ContextFormula], ContextFormula]:
    """Register the function below as a context input; the fields are those of ContextInput.

    Raises ValueError for a name that is taken or none, and for more bars than serving has.
    """
    _check(name, bars, MOST_BARS, version)
    if width < 1:
        raise ValueError(f"{name} has {width} numbers; a context input has one or more")

    def register(compute: ContextFormula) -> ContextFormula:
        _context_inputs[name] = ContextInput(name, bars, compute, width, version)
        return compute

    return register


def all_indicators() -> Mapping[str, Indicator]:
    """Every registered indicator by name."""
    _import_all()
    return _indicators


def all_context_inputs() -> Mapping[str, ContextInput]:
    """Every registered context input by name."""
    _import_all()
    return _context_inputs


def broken_modules() -> Mapping[str, str]:
    """Why modules of this package cannot be imported, by name: what they would register is missing."""
    return _import_all()


def sequence(names: Sequence[str], candles: Candles, known: Indicators | None = None) -> FeatureArray:
    """Array (assets, bars, names), float32: the named indicators, in this order.

    known saves computing the indicators of these same candles again. Raises KeyError for an unknown name.
    """
    found = all_indicators()
    values = indicators(candles) if known is None else known
    out = np.empty((*candles.close.shape, len(names)), dtype=np.float32)
    for position, name in enumerate(names):
        out[..., position] = found[name].compute(candles, values)
    return out


def context(names: Sequence[str], scene: Scene) -> ContextArray:
    """Array (assets, bars, sum of widths), float32: the named context inputs side by side, in this order.

    Raises KeyError for an unknown name.
    """
    out = np.empty((*scene.candles.close.shape, context_width(names)), dtype=np.float32)
    first = 0
    for name in names:
        one = all_context_inputs()[name]
        out[..., first : first + one.width] = one.compute(scene)
        first += one.width
    return out


def context_width(names: Sequence[str]) -> int:
    """The numbers that these context inputs have together. Raises KeyError for an unknown name."""
    found = all_context_inputs()
    return sum(found[name].width for name in names)


def _check(name: str, bars: int, most: int, version: int) -> None:
    if not re.fullmatch(NAME, name, re.ASCII) or version < 1:
        raise ValueError(
            f"{name!r}, version {version}: a name is of letters, digits and _, a version 1 or more"
        )
    if name in _indicators or name in _context_inputs:
        raise ValueError(f"there are two inputs of the name {name!r}: give one of them another")
    if not 1 <= bars <= most:
        raise ValueError(f"{name} needs {bars} bars; declare 1 to {most}, which serving holds for it")


@cache
def _import_all() -> Mapping[str, str]:
    """Import every module of this package once; why some cannot be, by name.

    The product's own come first, so that a name that is registered twice is the other file's fault.
    """
    package = import_module("growfolio.indicators")
    found = {module.name for module in pkgutil.iter_modules(package.__path__)} - NO_INPUTS
    broken = {}
    for name in sorted(found, key=lambda name: (name not in OWN, name)):
        try:
            import_module(f"growfolio.indicators.{name}")
        except Exception as fault:  # models that do not need this file go on serving
            log.exception("%s.py cannot be imported", name)
            broken[name] = f"{type(fault).__name__}: {fault}"[:200]
    return MappingProxyType(broken)
