"""Scores one fold: its model and the baselines on the same bars."""

import numpy as np
from growfolio.domain.bars import CloseTimes, FloatArray

from training.data.dataset import Part
from training.data.thinning import thinned
from training.evaluation.baselines import Answers, baselines, prior_of
from training.evaluation.comparison import Answered
from training.evaluation.report import FoldReport
from training.evaluation.scorecard import scorecard
from training.evaluation.walk_forward import Fold
from training.fitting.ensemble import FittedModel
from training.networks.architectures import MEMBERS, EnsembleModel
from training.networks.inference import probabilities

ALONE = f"{MEMBERS[0]} alone"
"""The first member of an ensemble by itself."""


def score_fold(
    fold: Fold, one: FittedModel, network: str, most_rows: int, tested_rows: int
) -> tuple[FoldReport, Answered]:
    """Return the fold's table, its model first, and all probabilities.

    Baselines learn from at most most_rows; of the test about tested_rows
    at most, of every slot of the hour alike, are asked about.
    """
    test, samples = fold.rows(Part.TEST), fold.samples
    rows = thinned(test, samples.bar_close, samples.timeframe, tested_rows)
    kept = np.searchsorted(test, rows)
    given = {network: Answers(*probabilities(one.model, samples, rows))}
    if isinstance(one.model, EnsembleModel):
        given[ALONE] = Answers(*probabilities(one.model.parts[0], samples, rows))
    for name, answers in baselines(fold, most_rows).items():
        given[name] = Answers(answers.calibrated[kept], answers.before[kept])
    names = np.array([asset.symbol for asset in samples.assets])[samples.asset[rows]]
    labels, bar_close = samples.labels[rows], CloseTimes(samples.bar_close[rows])
    table = tuple(
        scorecard(name, own.calibrated, own.before, labels, bar_close, prior_of(fold), names)
        for name, own in given.items()
    )
    split = samples.split
    cuts = {name: getattr(split, name) for name in split.__slots__} | {"test_until": fold.test_until}
    counts = {part.value: len(fold.rows(part)) for part in Part} | {"judged": len(rows)}
    report = FoldReport(f"{samples.market} {samples.timeframe}", fold.name, cuts, counts, table, one.epochs)
    calibrated: dict[str, FloatArray] = {name: own.calibrated for name, own in given.items()}
    return report, Answered(calibrated, labels, bar_close)
