"""What a model says about one asset's next bars, and the port through which it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import FloatArray
from growfolio.domain.label import Label
from growfolio.errors import ModelError, PermanentModelError

SELL, HOLD, BUY = 0, 1, 2
"""Classes of a label, and columns of probabilities."""

WINDOW = 60
"""Bars that a model sees."""

Windows = npt.NDArray[np.float32]
"""Indicators of shape (requests, WINDOW, indicators), raw: models normalise inside their graph."""
ContextArray = npt.NDArray[np.float32]
"""Context inputs of shape (..., width), raw too."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Names of what a model sees: indicators of each bar of its window, and context of the decided bar."""

    sequence: tuple[str, ...] = ()
    context: tuple[str, ...] = ()

    def __or__(self, other: "Inputs") -> "Inputs":
        """What both see, each once."""
        return Inputs(
            tuple(dict.fromkeys((*self.sequence, *other.sequence))),
            tuple(dict.fromkeys((*self.context, *other.context))),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """What models may see at some decided bars, (bars,): columns by name, for models of different inputs."""

    windows: Windows
    """(bars, WINDOW, len(sequence))."""
    sequence: tuple[str, ...]
    context: Mapping[str, ContextArray] = field(default_factory=dict)
    """(bars, width) each."""
    broken: Mapping[str, str] = field(default_factory=dict)
    """By name, why an input that was asked for could not be computed."""

    def __post_init__(self) -> None:
        expected = (len(self.windows), WINDOW, len(self.sequence))
        if self.windows.shape != expected or self.windows.dtype != np.float32:
            raise ValueError(
                f"windows are {self.windows.dtype} {self.windows.shape}; {expected} of float32 are needed"
            )
        for name, columns in self.context.items():
            if columns.dtype != np.float32 or columns.ndim != 2 or len(columns) != len(self):
                needed = f"({len(self)}, n) of float32 is needed"
                raise ValueError(f"context {name} is {columns.dtype} {columns.shape}; {needed}")

    def __len__(self) -> int:
        return len(self.windows)

    def at(self, rows: Sequence[int]) -> "Views":
        """The views of some of these bars, in this order."""
        picked = np.asarray(rows, dtype=np.int64)
        context = {name: columns[picked] for name, columns in self.context.items()}
        return Views(self.windows[picked], self.sequence, context, self.broken)

    def of(self, inputs: Inputs) -> tuple[Windows, ContextArray]:
        """What one model takes: its windows, and its context (bars, sum of widths).

        Raises PermanentModelError, with its name, for an input that is not among these.
        """
        for name in (*inputs.sequence, *inputs.context):
            if name not in self.sequence and name not in self.context:
                raise PermanentModelError(
                    f"its input {name} is missing: {self.broken.get(name, 'not asked for')}"
                )
        columns = {name: position for position, name in enumerate(self.sequence)}
        windows = self.windows
        if inputs.sequence != self.sequence:
            windows = np.ascontiguousarray(windows[..., [columns[name] for name in inputs.sequence]])
        nothing = np.empty((len(self), 0), dtype=np.float32)
        return windows, np.concatenate([nothing, *(self.context[name] for name in inputs.context)], axis=1)


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

    @property
    def inputs(self) -> Inputs:
        """What its models see, together."""

    def forecast(
        self, requests: Sequence[tuple[Asset, Timeframe]], views: Views, now: int
    ) -> list[Forecast | ModelError]:
        """One answer for each request, in order; a ModelError where none fits or it has expired at now.

        views hold at least its inputs, for each request.
        """
