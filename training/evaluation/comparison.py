"""Paired comparison of a model with each of the others in its table, on the same bars of several folds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from growfolio.domain.bars import CloseTimes, FloatArray
from growfolio.domain.labels import Labels
from growfolio.record.metrics import confusion, log_loss, matthews
from growfolio.record.resampling import interval, paired_differences

DRAWS = 400
WALK_FORWARD, LAST_PART = "walk-forward", "last part"
"""The folds on which choices are made, and the part that no choice looks at."""
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Probabilities (rows, 3) of a model, which stands first, and of the others on one fold."""

    given: Mapping[str, FloatArray]
    labels: Labels
    bar_close: CloseTimes


@dataclass(frozen=True, slots=True)
class Comparison:
    """The model less another: below 0 in log-loss (nats) it is better, in MCC above.

    Intervals hold the 5th and 95th percentile when whole days are drawn again, the same days for both.
    """

    pool: str
    part: str
    against: str
    rows: int
    log_loss: float
    log_loss_between: Interval
    mcc: float
    mcc_between: Interval

    def to_json(self) -> dict[str, object]:
        return {
            "pool": self.pool,
            "part": self.part,
            "against": self.against,
            "rows": self.rows,
            "log_loss": round(self.log_loss, 6),
            "log_loss_90": [round(bound, 6) for bound in self.log_loss_between],
            "mcc": round(self.mcc, 5),
            "mcc_90": [round(bound, 5) for bound in self.mcc_between],
        }


def compared(pool: str, part: str, folds: Sequence[Answered]) -> list[Comparison]:
    """Compare with each of the others over the bars of all these folds, at least one."""
    labels = np.concatenate([fold.labels for fold in folds])
    bar_close = CloseTimes(np.concatenate([fold.bar_close for fold in folds]))
    model, *others = folds[0].given
    own = np.concatenate([fold.given[model] for fold in folds])
    found = []
    for other in others:
        their = np.concatenate([fold.given[other] for fold in folds])
        loss, mcc = paired_differences(own, their, labels, bar_close, DRAWS)
        found.append(
            Comparison(
                pool,
                part,
                other,
                len(labels),
                log_loss(own, labels) - log_loss(their, labels),
                interval(loss),
                matthews(confusion(own, labels)) - matthews(confusion(their, labels)),
                interval(mcc),
            )
        )
    return found
