"""Context inputs of the market: how it moved lately, against the asset's own volatility."""

import numpy as np

from growfolio.domain.bars import FloatArray
from growfolio.domain.rolling import moving_mean, moving_sum
from growfolio.indicators.registry import context_input
from growfolio.indicators.scene import Scene, moves

SPANS = (1, 3, 12)
"""Bars over which moves are summed."""
VOLATILITY_BARS = 100
"""Moves that the asset's own volatility is taken over; the first needs the close before it."""
FURTHEST = 5.0
"""Moves end at so many of the asset's own deviations."""


@context_input(name="market_moves", bars=VOLATILITY_BARS + 1, width=len(SPANS))
def market_moves(scene: Scene) -> FloatArray:
    """The mean of the market's assets over SPANS."""
    return _in_deviations(scene, scene.market_move)


@context_input(name="leader_moves", bars=VOLATILITY_BARS + 1, width=len(SPANS))
def leader_moves(scene: Scene) -> FloatArray:
    """The market's leader, BTC for coins, over SPANS."""
    return _in_deviations(scene, scene.leader_move)


@context_input(name="moves_against_market", bars=VOLATILITY_BARS + 1, width=len(SPANS))
def moves_against_market(scene: Scene) -> FloatArray:
    """The asset's own moves over SPANS, less the market's."""
    return _in_deviations(scene, moves(scene.candles) - scene.market_move)


def _in_deviations(scene: Scene, moved: FloatArray) -> FloatArray:
    """Sums over SPANS (assets, bars, SPANS) as multiples of what the asset itself moves in as many bars."""
    own = np.sqrt(moving_mean(moves(scene.candles) ** 2, VOLATILITY_BARS))
    return np.stack([_ratio(moving_sum(moved, span), own * np.sqrt(span)) for span in SPANS], axis=-1)


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """Within FURTHEST; 0 where the asset has not moved."""
    ratio = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return np.asarray(np.clip(ratio, -FURTHEST, FURTHEST))
