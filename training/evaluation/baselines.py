"""Baselines: class shares, persistence of the last move, and two plain learners on the same features."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from growfolio.domain.bars import FloatArray, IntArray
from growfolio.domain.forecast import WINDOW
from growfolio.domain.labels import Labels
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.data.dataset import Part, Samples
from training.data.thinning import thinned
from training.evaluation.walk_forward import Fold
from training.fitting.calibration import fit_temperature

MOST_ROWS = 40_000
"""Training rows of a learner: neighbouring windows say nearly the same."""
AVERAGED = (5, 20, WINDOW)


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """Probabilities (rows, 3) on a fold's test, calibrated and before."""

    calibrated: FloatArray
    before: FloatArray


def baselines(fold: Fold, most_rows: int = MOST_ROWS, seed: int = 0) -> dict[str, Answers]:
    """Return each by name; learners are fitted on the training part and calibrated on the validation part."""
    test = fold.rows(Part.TEST)
    shares = prior_of(fold)
    constant = np.tile(shares, (len(test), 1))
    persisted = _persistence(fold, test)
    found = {"majority": Answers(constant, constant), "last move persists": Answers(persisted, persisted)}
    learners = {
        "logistic regression": make_pipeline(
            StandardScaler(), LogisticRegression(C=0.01, tol=1e-3, max_iter=2000)
        ),
        "gradient boosting": HistGradientBoostingClassifier(
            max_iter=120, learning_rate=0.06, max_leaf_nodes=15, l2_regularization=1.0, random_state=seed
        ),
    }
    for name, learner in learners.items():
        found[name] = learned(fold, learner.fit, learner.predict_proba, fold.samples.labels, most_rows)
    return found


def prior_of(fold: Fold) -> FloatArray:
    """Return class shares (3,) of the training part; each class counts once more than it came up."""
    counts = np.bincount(fold.samples.labels[fold.rows(Part.TRAIN)], minlength=3) + 1
    return np.asarray(counts / counts.sum())


def learned(
    fold: Fold,
    fit: Callable[..., object],
    answer: Callable[[FloatArray], FloatArray],
    labels: Labels,
    most_rows: int = MOST_ROWS,
) -> Answers:
    """Fit a learner on these labels (rows,) of the fold's training part, and ask it about the test part."""
    train, validation, test = (fold.rows(part) for part in Part)
    samples = fold.samples
    train, validation = (
        thinned(rows, samples.bar_close, samples.timeframe, most_rows) for rows in (train, validation)
    )
    fit(seen_columns(samples, train), labels[train])

    def logits(rows: IntArray) -> FloatArray:
        return np.asarray(np.log(np.maximum(answer(seen_columns(samples, rows)), 1e-9)))

    temperature = fit_temperature(torch.from_numpy(logits(validation)), torch.from_numpy(labels[validation]))
    raw = torch.from_numpy(logits(test))
    before, calibrated = torch.softmax(raw, 1).numpy(), torch.softmax(raw / temperature, 1).numpy()
    return Answers(calibrated, before)


def seen_columns(samples: Samples, rows: IntArray) -> FloatArray:
    """Return the bars' features, their means over each number of bars in AVERAGED, and the bars' context."""
    width = samples.features.shape[1]
    sums = np.concatenate([np.zeros((1, width)), np.cumsum(samples.features, axis=0, dtype=np.float64)])
    means = [(sums[rows + 1] - sums[rows + 1 - bars]) / bars for bars in AVERAGED]
    return np.concatenate([samples.features[rows], *means, samples.context[rows]], axis=1)


def _persistence(fold: Fold, test: IntArray) -> FloatArray:
    """Answer how often each class followed the last known class, counted in training."""
    samples, train = fold.samples, fold.rows(Part.TRAIN)
    known = last_known(samples)
    counts = np.ones((4, 3))
    np.add.at(counts, (known[train], samples.labels[train]), 1)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return np.asarray(shares[known[test]])


def last_known(samples: Samples) -> Labels:
    """Return the class (rows,) of the newest bar that was decided when this bar closed; 3 where none."""
    steps = (samples.decided - samples.bar_close)[samples.usable]
    earlier = np.arange(len(samples.labels)) - max(1, int(np.median(steps)) // samples.timeframe.seconds)
    own = (earlier >= 0) & (samples.asset[earlier] == samples.asset)
    known = own & (samples.decided[earlier] <= samples.bar_close) & (samples.labels[earlier] >= 0)
    return np.where(known, samples.labels[earlier], 3)
