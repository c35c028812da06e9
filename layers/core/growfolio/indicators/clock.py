"""Context inputs of the clock: what time it is for the decided bar, by the hour, the session and the week."""

import numpy as np

from growfolio.domain.bars import FloatArray
from growfolio.domain.times import BAR, DAY, HOUR
from growfolio.indicators.registry import context_input
from growfolio.indicators.scene import Scene

SLOTS = HOUR // BAR
NEAR = 12
"""Bars to the close beyond which the close is far."""


@context_input(name="hour_slot", bars=1, width=SLOTS)
def hour_slot(scene: Scene) -> FloatArray:
    """One-hot: in which 5 minutes of the hour the bar opened."""
    opened = scene.candles.times - scene.timeframe.seconds
    slots: FloatArray = np.eye(SLOTS)[opened % HOUR // BAR]
    return slots


@context_input(name="session_clock", bars=1, width=5)
def session_clock(scene: Scene) -> FloatArray:
    """Smooth functions of the share of the session, for coins of the UTC day, that had passed at the open.

    Half a wave from open to close, and a whole and a double wave.
    """
    length = np.maximum(scene.session_close - scene.session_open, 1)
    opened = scene.candles.times - scene.timeframe.seconds
    turn = 2 * np.pi * np.clip((opened - scene.session_open) / length, 0, 1)
    waves = (np.cos(turn / 2), np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn))
    return np.stack(waves, axis=-1)


@context_input(name="weekday", bars=1, width=7)
def weekday(scene: Scene) -> FloatArray:
    """One-hot: the UTC day of the week on which the bar opened, Monday first."""
    opened = scene.candles.times - scene.timeframe.seconds
    # The epoch began on a Thursday.
    days: FloatArray = np.eye(7)[(opened // DAY + 3) % 7]
    return days


@context_input(name="bars_to_close", bars=1)
def bars_to_close(scene: Scene) -> FloatArray:
    """Bars that follow in the session, for coins in the UTC day: 12 at most, as a share of 12."""
    left = (scene.session_close - scene.candles.times) / scene.timeframe.seconds
    return np.asarray(np.clip(left, 0, NEAR) / NEAR)[..., None]
