"""Totals of settled signals: sums that add up over days, and the metrics that follow from sums alone.

The metrics are those of metrics.py: a test holds both to the same rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from growfolio.domain.assets import Market
from growfolio.domain.bars import CloseTimes, FloatArray, IntArray
from growfolio.domain.costs import COST_EACH_WAY
from growfolio.domain.forecast import HOLD
from growfolio.domain.signals import CLASSES, Action
from growfolio.record.entries import NOT_SCORED, REACHED, SCORED, STOPPED, UNSETTLED, Entry
from growfolio.record.metrics import brier, confusion, losses, right_side

LEAST_SETTLED = 100
"""Scored signals below which a metric says nothing."""
NUMBER = {action.value: number for number, action in enumerate(CLASSES)}


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The scored signals among some: probabilities and class shares (rows, 3), the others (rows,)."""

    probabilities: FloatArray
    labels: IntArray
    bar_close: CloseTimes
    shares: FloatArray
    """Not a number where they were not known."""

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Scored":
        rows = [entry for entry in entries if entry.status == SCORED]
        unknown = (np.nan, np.nan, np.nan)
        return cls(
            np.array([entry.probabilities for entry in rows]).reshape(-1, 3),
            np.array([NUMBER[entry.outcome] for entry in rows], dtype=np.int64),
            CloseTimes(np.array([entry.bar_close for entry in rows], dtype=np.int64)),
            np.array([entry.shares or unknown for entry in rows]).reshape(-1, 3),
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over signals. They add up, so that no day is counted again."""

    signals: int = 0
    not_scored: int = 0
    unsettled: int = 0
    confusion: tuple[int, ...] = (0,) * 9
    """Of the scored: rows are the classes that happened, columns the actions, in the order of CLASSES."""
    log_loss: float = 0.0
    prior_log_loss: float = 0.0
    """Of the class shares that were known when each signal was made."""
    with_prior: int = 0
    brier: float = 0.0
    moved: int = 0
    right_side: int = 0
    promised: int = 0
    """BUY and SELL whose watch has ended: reached, stopped or neither."""
    reached: int = 0
    stopped: int = 0
    acted: int = 0
    gross: float = 0.0
    """Sum of the returns of who followed each BUY and SELL for its horizon."""

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Totals":
        rows = Scored.of(entries)
        prior = ~np.isnan(rows.shares[:, 0])
        sides = np.array([_side(entry) for entry in entries if entry.status == SCORED], dtype=np.float64)
        change = np.array([entry.change for entry in entries if entry.status == SCORED], dtype=np.float64)
        moved = rows.labels != HOLD
        promises = [entry.promise for entry in entries if entry.action != Action.HOLD]
        return cls(
            signals=len(entries),
            not_scored=sum(entry.status == NOT_SCORED for entry in entries),
            unsettled=sum(entry.status == UNSETTLED for entry in entries),
            confusion=tuple(confusion(rows.probabilities, rows.labels).ravel().tolist()),
            log_loss=float(losses(rows.probabilities, rows.labels).sum()),
            prior_log_loss=float(losses(rows.shares[prior], rows.labels[prior]).sum()),
            with_prior=int(prior.sum()),
            brier=float(brier(rows.probabilities, rows.labels).sum()),
            moved=int(moved.sum()),
            right_side=int((right_side(rows.probabilities, rows.labels) & moved).sum()),
            promised=sum(promise not in ("", UNSETTLED) for promise in promises),
            reached=promises.count(REACHED),
            stopped=promises.count(STOPPED),
            acted=int((sides != 0).sum()),
            gross=float((sides * change).sum()),
        )

    def __add__(self, other: "Totals") -> "Totals":
        def sum_of(name: str) -> Any:
            one, two = getattr(self, name), getattr(other, name)
            return tuple(map(sum, zip(one, two, strict=True))) if isinstance(one, tuple) else one + two

        return Totals(**{field.name: sum_of(field.name) for field in fields(self)})

    @property
    def scored(self) -> int:
        return sum(self.confusion)

    def to_json(self, market: Market) -> dict[str, Any]:
        """Counts; and metrics, null where too few signals are settled."""
        counts = {
            "signals": self.signals,
            "scored": self.scored,
            "not_scored": self.not_scored,
            "unsettled": self.unsettled,
            "pending": self.signals - self.scored - self.not_scored - self.unsettled,
        }
        enough = self.scored >= LEAST_SETTLED
        note = None if enough else f"too few: {self.scored} of {LEAST_SETTLED} settled signals"
        return counts | {
            "note": note,
            "scores": self._scores() if enough else None,
            "targets": self._targets() if enough else None,
            "acting": self._acting(COST_EACH_WAY[market]) if enough else None,
        }

    def _scores(self) -> dict[str, Any]:
        n, counts = self.scored, np.array(self.confusion).reshape(3, 3)
        known = self.with_prior == n
        return {
            "accuracy": _rounded(float(np.trace(counts)) / n),
            "base_rate": _rounded(float(counts.sum(axis=1).max()) / n),
            "log_loss": _rounded(self.log_loss / n),
            "prior_log_loss": _rounded(self.prior_log_loss / n) if known else None,
            "brier": _rounded(self.brier / n),
            "moved": self.moved,
            "direction": _rounded(self.right_side / self.moved) if self.moved else None,
            "confusion": counts.tolist(),
        }

    def _targets(self) -> dict[str, Any]:
        neither = self.promised - self.reached - self.stopped
        return {
            "promised": self.promised,
            "reached": self.reached,
            "stopped": self.stopped,
            "neither": neither,
        }

    def _acting(self, cost: float) -> dict[str, Any]:
        """Each BUY and SELL followed for its horizon, with the cost of entering and leaving."""
        mean = self.gross / self.acted if self.acted else 0.0
        return {
            "acted": self.acted,
            "cost_each_way": cost,
            "mean_gross": round(mean, 8),
            "mean_net": round(mean - 2 * cost, 8) if self.acted else 0.0,
        }


def _side(entry: Entry) -> int:
    return (entry.action == Action.BUY) - (entry.action == Action.SELL)


def _rounded(value: float) -> float:
    return round(value, 6)
