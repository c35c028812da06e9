"""What a model says about one asset's next bars, and the port through which it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import FloatArray
from growfolio.domain.label import Label
from growfolio.errors import ModelError

SELL, HOLD, BUY = 0, 1, 2
"""Classes of a label, and columns of probabilities."""

WINDOW = 60
"""Bars that a model sees."""

Windows = npt.NDArray[np.float32]
"""Features of shape (requests, WINDOW, 16), raw: models normalise inside their graph."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Calibrated probabilities of shape (3,), in the order sell, hold, buy, and the model that gave them.

    label is the question that they answer. The model was fitted and selected on bars whose close lies in
    [trained_from, trained_until], seconds since the epoch.
    """

    probabilities: FloatArray
    model_id: str
    revision: str
    label: Label
    trained_from: int
    trained_until: int
    caveats: tuple[str, ...] = ()
    """What the reader of a signal made from it has to know, e.g. that other models had to speak."""


class Forecaster(Protocol):
    """A set of models of one revision."""

    @property
    def revision(self) -> str:
        """Commit hash of the model repository, or `starter` for the models shipped with the code."""

    def forecast(
        self, requests: Sequence[tuple[Asset, Timeframe]], windows: Windows, now: int
    ) -> list[Forecast | ModelError]:
        """One answer for each request, in order; a ModelError where none fits or it has expired at now."""
