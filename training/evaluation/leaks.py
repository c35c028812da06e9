"""Leak checks: nothing made from the past may depend on the future. Run on the report's own candles."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from growfolio.domain.assets import Asset
from growfolio.domain.bars import PRICES, Bars, Candles, closes_of
from growfolio.domain.features import FeatureArray
from growfolio.domain.label import Label
from growfolio.indicators.registry import sequence
from growfolio.record.metrics import log_loss
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from training.data.dataset import FeatureFunction, Part, Samples, build_samples
from training.evaluation.baselines import learned, prior_of
from training.evaluation.walk_forward import Fold

MOST_ROWS = 6000
DEALS = 10
NO_SKILL = 0.005
"""Nats that a learner of shuffled labels may gain by chance; with true labels it gains 0.02 to 0.08."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check, what it found, and whether that is as it must be."""

    name: str
    found: str
    passed: bool


def leak_checks(fold: Fold, bars: Mapping[Asset, Bars], label: Label) -> list[Check]:
    """Run all checks on the pool of this fold, whose candles are bars."""
    return [_shuffled(fold), _future(fold, bars, label), _planted(fold, bars, label)]


def _shuffled(fold: Fold) -> Check:
    """Fit learners to shuffled labels: they must know nothing of the true ones.

    Judged by log-loss. Their MCC is above 0 without any leak: where HOLD is the rule, what little they have
    learned tips the answer on volatile bars alone, which are the bars that move.
    """
    gains = [gain_of(_dealt(fold, deal), fold) for deal in range(DEALS)]
    mean = float(np.mean(gains))
    found = f"mean gain of {DEALS} deals {mean:+.4f} nats (below {NO_SKILL})"
    return Check("labels shuffled: no skill is left", found, mean < NO_SKILL)


def _dealt(fold: Fold, deal: int) -> Fold:
    samples, train = fold.samples, fold.rows(Part.TRAIN)
    labels = samples.labels.copy()
    labels[train] = np.random.default_rng(deal).permutation(labels[train])
    return replace(fold, samples=replace(samples, labels=labels))


def gain_of(relabelled: Fold, fold: Fold) -> float:
    """Return the nats by which a learner of relabelled's labels beats the class shares on fold's test."""
    labels = fold.samples.labels[fold.rows(Part.TEST)]
    learner = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, tol=1e-3, max_iter=2000))
    labels_of = relabelled.samples.labels
    answers = learned(relabelled, learner.fit, learner.predict_proba, labels_of, MOST_ROWS)
    shares = np.broadcast_to(prior_of(fold), answers.before.shape)
    # Before calibration, which looks at true labels of the validation part.
    return log_loss(shares, labels) - log_loss(answers.before, labels)


def _future(fold: Fold, bars: Mapping[Asset, Bars], label: Label) -> Check:
    """Change the candles after a moment: no input and no decided label before it may change."""
    changed = _changes_before(fold, bars, label, None)
    return Check("the future changed: nothing before it changes", f"{changed} values differ", changed == 0)


def _planted(fold: Fold, bars: Mapping[Asset, Bars], label: Label) -> Check:
    """Plant a feature that holds the next bar's return: the same comparison must catch it."""

    def leaking(candles: Candles) -> FeatureArray:
        table = sequence(fold.samples.inputs.sequence, candles)
        returns = np.log(candles.close[:, 1:] / candles.close[:, :-1])
        table[:, :-1, -1] = returns
        return table

    changed = _changes_before(fold, bars, label, leaking)
    return Check("a leak planted on purpose: it is caught", f"{changed} values differ", changed > 0)


def _changes_before(
    fold: Fold, bars: Mapping[Asset, Bars], label: Label, compute: FeatureFunction | None
) -> int:
    """Count the inputs and labels up to the end of validation that change with later candles."""
    moment = fold.samples.split.validate_until
    first = _built(fold, bars, label, compute)
    other = _built(fold, {asset: changed_after(b, moment) for asset, b in bars.items()}, label, compute)
    past, decided = first.bar_close <= moment, first.decided <= moment
    if not np.array_equal(first.bar_close[past], other.bar_close[other.bar_close <= moment]):
        return int(past.sum())
    of_other = other.bar_close <= moment
    differ = [
        first.features[past] != other.features[of_other],
        first.context[past] != other.context[of_other],
        first.labels[decided] != other.labels[other.decided <= moment],
    ]
    return int(sum(one.sum() for one in differ))


def _built(fold: Fold, bars: Mapping[Asset, Bars], label: Label, compute: FeatureFunction | None) -> Samples:
    own = fold.samples
    samples, _ = build_samples(own.market, own.timeframe, bars, label, compute, inputs=own.inputs)
    if samples is None:
        raise ValueError("the candles of the fold make no samples")
    return samples


def changed_after(bars: Bars, moment: int) -> Bars:
    """Change prices and volumes of the bars that close after moment, in seconds."""
    later = closes_of(bars.open_time) > moment
    factor = np.where(later, 1 + 0.02 * np.sin(np.arange(len(bars))), 1.0)
    opened, high, low, close = (getattr(bars, name) * factor for name in PRICES[:4])
    return Bars(bars.open_time, opened, high, low, close, bars.volume * np.where(later, 3.0, 1.0))
