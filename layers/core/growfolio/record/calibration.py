"""Calibration: whether a model is right as often as it says, beside what a calibrated one would show.

Counted within groups of rows, such as the slots of the hour: a model that does not know what time it is may
be right on the whole and wrong in each slot.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from growfolio.domain.bars import BoolArray, CloseTimes, FloatArray, IntArray
from growfolio.domain.times import BAR, HOUR
from growfolio.record.resampling import RESAMPLES, blocks, draws_of, interval

BINS = 15


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far confidence lies from accuracy on some rows: the mean distance over bins of equal width."""

    rows: int
    gap: float
    """Confidence less accuracy over all rows: above 0 the model is too sure."""
    gap_90: tuple[float, float]
    """When whole blocks are drawn again."""
    error: float
    """Expected calibration error of the top class; within groups, where they were given."""
    calibrated_90: tuple[float, float]
    """Range of the error that holds 90 % of models that are calibrated on the whole, on as many rows whose
    days hang together as these do."""

    @property
    def left_band(self) -> bool:
        """Whether the model is off by more than chance and turning markets explain: it should be replaced."""
        return self.error > self.calibrated_90[1]

    def to_json(self) -> dict[str, object]:
        return {
            "rows": self.rows,
            "gap": round(self.gap, 6),
            "gap_90": [round(bound, 6) for bound in self.gap_90],
            "error": round(self.error, 6),
            "calibrated_90": [round(bound, 6) for bound in self.calibrated_90],
            "left_band": self.left_band,
        }


def slot_of_hour(bar_close: CloseTimes) -> IntArray:
    """Return which 5 minutes of the hour each bar closed in (rows,), 0 to 11; 15-minute bars have four."""
    return np.asarray(bar_close % HOUR // BAR)


def calibration(
    probabilities: FloatArray,
    labels: IntArray,
    bar_close: CloseTimes,
    group: IntArray | None = None,
    seed: int = 0,
) -> Calibration:
    """Compare confidence with accuracy on at least one row, within each group of rows if group is given.

    probabilities (rows, 3), labels, bar_close in seconds and group, numbers from 0, are (rows,). The band is
    a bootstrap of blocks from which the error itself was taken out (centred), and never narrower than rows
    that have nothing to do with each other would make it. Deterministic for a seed.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    rows = len(labels)
    cell = _cells(confidence, group)
    block, count = blocks(bar_close)
    cells = int(cell.max()) + 1
    off = _sums(block * cells + cell, confidence - right, count * cells).reshape(count, cells)
    draws = draws_of(count, RESAMPLES, seed)
    drawn_rows = draws @ np.bincount(block, minlength=count)
    return Calibration(
        rows,
        float(off.sum() / rows),
        interval((draws @ off.sum(axis=1)) / drawn_rows),
        float(np.abs(off.sum(axis=0)).sum() / rows),
        max(
            interval(_of_blocks(off, cell, block, draws) / rows),
            interval(_of_rows(confidence, cell, seed) / rows),
            key=lambda band: band[1],
        ),
    )


def calibration_by(
    names: npt.NDArray[np.str_], probabilities: FloatArray, labels: IntArray, bar_close: CloseTimes
) -> Mapping[str, Calibration]:
    """Return the calibration of the rows of each name, such as assets or months; names are (rows,)."""
    return {
        str(name): calibration(probabilities[own], labels[own], CloseTimes(bar_close[own]), seed=int(at))
        for at, name in enumerate(np.unique(names))
        for own in [np.flatnonzero(names == name)]
    }


def calibration_error(confidence: FloatArray, right: BoolArray, group: IntArray | None = None) -> float:
    """Return the mean distance of confidence from accuracy, over bins (of each group) weighted by rows."""
    off = _sums(_cells(confidence, group), confidence - right)
    return float(np.abs(off).sum() / len(confidence))


def reliability(confidence: FloatArray, right: BoolArray) -> tuple[tuple[float, float, int], ...]:
    """Return mean confidence, accuracy and rows of each bin that holds any."""
    bins = _cells(confidence, None)
    return tuple(
        (float(confidence[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in np.unique(bins)
    )


def _cells(confidence: FloatArray, group: IntArray | None) -> IntArray:
    """The bin of each row, those of different groups being different."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    return bins if group is None else group * BINS + bins


def _sums(at: IntArray, values: FloatArray, count: int = 0) -> FloatArray:
    return np.asarray(np.bincount(at, weights=values, minlength=count), dtype=np.float64)


def _of_blocks(off: FloatArray, cell: IntArray, block: IntArray, draws: IntArray) -> FloatArray:
    """Sums of distances (draws,) over blocks from whose cells the mean of all their rows was taken.

    Few blocks vary less around their own mean than around the true one: hence the last factor.
    """
    count, cells = off.shape
    held = _sums(block * cells + cell, np.ones(len(cell)), count * cells).reshape(count, cells)
    mean = off.sum(axis=0) / np.maximum(held.sum(axis=0), 1)
    centred = off - held * mean
    return np.asarray(np.abs(draws @ centred).sum(axis=1) * np.sqrt(count / max(count - 1, 1)))


def _of_rows(confidence: FloatArray, cell: IntArray, seed: int) -> FloatArray:
    """Sums of distances (RESAMPLES,) if each row were right by itself as often as it says."""
    spread = np.sqrt(_sums(cell, confidence * (1 - confidence)))
    random = np.random.default_rng(seed).standard_normal((RESAMPLES, len(spread)))
    return np.asarray(np.abs(random * spread).sum(axis=1))
