"""What models see of some bars: the union of their inputs, computed once."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from growfolio.domain.bars import Candles
from growfolio.domain.features import windows
from growfolio.domain.forecast import ContextArray, Inputs, Views
from growfolio.domain.indicators import Indicators
from growfolio.indicators.registry import context, sequence
from growfolio.indicators.scene import market_series, scene_of
from growfolio.indicators.standard import FEATURES

log = logging.getLogger(__name__)

STANDARD = Inputs(FEATURES)
"""The inputs of a model that names none: the sixteen, and no context."""


def views_of(
    candles: Candles, rows: Sequence[int], ends: Sequence[int], inputs: Inputs, known: Indicators
) -> Views:
    """What models of these inputs see at bars ends[i] of assets rows[i] of candles, all of one market.

    candles hold all usable assets of the market, whose moves context inputs may see; known are their
    indicators. An input that cannot be computed is left out, with the reason: models without it go on.
    """
    broken: dict[str, str] = {}
    indicators = _computed(inputs.sequence, lambda name: sequence([name], candles, known), broken)
    nothing = np.empty((*candles.close.shape, 0), dtype=np.float32)
    picked = windows(np.concatenate([nothing, *indicators.values()], axis=-1), rows, ends)
    columns: dict[str, ContextArray] = {}
    if inputs.context and candles.assets:
        scene = scene_of(candles, candles.assets[0].market, market_series([candles]))
        at = np.asarray(rows, dtype=np.int64), np.asarray(ends, dtype=np.int64)
        found = _computed(inputs.context, lambda name: context([name], scene), broken)
        columns = {name: values[at] for name, values in found.items()}
    return Views(picked, tuple(indicators), columns, broken)


def _computed(
    names: tuple[str, ...], compute: Callable[[str], ContextArray], broken: dict[str, str]
) -> dict[str, ContextArray]:
    """Each input by name, (assets, bars, width); why one cannot be computed goes into broken."""
    found = {}
    for name in names:
        try:
            found[name] = compute(name)
        except Exception as fault:  # an indicator of the owner's may raise anything
            log.exception("the input %s cannot be computed", name)
            broken[name] = f"{type(fault).__name__}: {fault}"[:200]
    return found
