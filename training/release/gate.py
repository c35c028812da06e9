"""Whether a new model may take the place of the one that serves: decided on bars that neither has seen."""

from dataclasses import dataclass, field

import numpy as np
from growfolio.domain.bars import CloseTimes, FloatArray
from growfolio.domain.labels import Labels
from growfolio.record.calibration import Calibration, calibration, slot_of_hour
from growfolio.record.metrics import confusion, log_loss, matthews
from growfolio.record.resampling import paired_differences

from training.networks.export import TOLERANCE


@dataclass(frozen=True, slots=True)
class GateRule:
    """What is asked of a new model."""

    loss_margin: float = 0.002
    """Nats by which its log-loss may be higher; not to be excluded at `confidence`, and it stays outside."""
    mcc_margin: float = 0.02
    confidence: float = 0.95
    """Of each one-sided bound."""
    least_rows: int = 500
    """Fewer decide nothing."""
    most_rows: int = 200_000
    """About so many at most, of every slot of the hour alike (data/thinning.py)."""
    simulations: int = 2000
    ece_allowance: float = 0.0
    """Calibration error, over all and within the slots of the hour, beyond what a calibrated model would show
    on as many rows."""
    features_tolerance: float = 1e-3
    """By how much a probability may differ when the features are made as serving makes them, from the last
    bars alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What two models say of the same bars, all later than either was trained or selected on.

    Probabilities are (rows, 3); the champion's are its own, or the class shares before the bars where there
    is none. onnx_difference and features_difference are the largest differences of a probability.
    """

    new: FloatArray
    champion: FloatArray
    labels: Labels
    bar_close: CloseTimes
    onnx_difference: float
    features_difference: float
    against: str
    """The champion, for people."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Accepted, or the reasons why the champion stays; figures are what they rest on."""

    accepted: bool
    reasons: tuple[str, ...]
    figures: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        return {"accepted": self.accepted, "reasons": list(self.reasons), **self.figures}


def judge(evidence: Evidence, rule: GateRule, seed: int = 0) -> Verdict:
    """Deterministic for a seed. A new model that may be worse, for all that is known, is not accepted."""
    if (refusal := too_few(len(evidence.labels), rule)) is not None:
        return refusal
    loss, mcc = differences(evidence, rule, seed)
    loss_bound = float(np.percentile(loss, 100 * rule.confidence))
    mcc_bound = float(np.percentile(mcc, 100 * (1 - rule.confidence)))
    given = evidence.new, evidence.labels, evidence.bar_close
    whole = calibration(*given, seed=seed)
    in_slots = calibration(*given, slot_of_hour(evidence.bar_close), seed)
    failed = {
        f"its log-loss may be {loss_bound:.4f} higher": loss_bound > rule.loss_margin,
        f"its MCC may be {-mcc_bound:.3f} lower": mcc_bound < -rule.mcc_margin,
        _beyond("its calibration error", whole, rule): _is_beyond(whole, rule),
        _beyond("its calibration error within slots of the hour", in_slots, rule): _is_beyond(in_slots, rule),
        f"its graph differs from torch by {evidence.onnx_difference:.1e}": not evidence.onnx_difference
        <= TOLERANCE,
        f"on features as serving makes them it answers {evidence.features_difference:.1e} differently": not (
            evidence.features_difference <= rule.features_tolerance
        ),
    }
    reasons = tuple(reason for reason, wrong in failed.items() if wrong)
    return Verdict(not reasons, reasons, _figures(evidence, loss_bound, mcc_bound, whole, in_slots))


def too_few(rows: int, rule: GateRule) -> Verdict | None:
    """The verdict where there is too little to decide on; None where there is enough."""
    if rows >= rule.least_rows:
        return None
    return Verdict(False, (f"only {rows} bars are later than both models; {rule.least_rows} are needed",))


def differences(evidence: Evidence, rule: GateRule, seed: int) -> tuple[FloatArray, FloatArray]:
    """New less champion in log-loss and MCC, (simulations,) each."""
    return paired_differences(
        evidence.new, evidence.champion, evidence.labels, evidence.bar_close, rule.simulations, seed
    )


def _is_beyond(found: Calibration, rule: GateRule) -> bool:
    return found.error > found.calibrated_90[1] + rule.ece_allowance


def _beyond(what: str, found: Calibration, rule: GateRule) -> str:
    band = found.calibrated_90[1] + rule.ece_allowance
    return f"{what} {found.error:.4f} is beyond {band:.4f}, what a calibrated model would show"


def _figures(
    evidence: Evidence, loss_bound: float, mcc_bound: float, whole: Calibration, in_slots: Calibration
) -> dict[str, object]:
    mcc = [matthews(confusion(given, evidence.labels)) for given in (evidence.new, evidence.champion)]
    loss = [log_loss(probabilities, evidence.labels) for probabilities in (evidence.new, evidence.champion)]
    figures = {
        "log_loss": loss[0],
        "log_loss_of_champion": loss[1],
        "log_loss_difference_upper_bound": loss_bound,
        "mcc": mcc[0],
        "mcc_of_champion": mcc[1],
        "mcc_difference_lower_bound": mcc_bound,
        "ece": whole.error,
        "ece_of_a_calibrated_model": whole.calibrated_90[1],
        "ece_in_slots": in_slots.error,
        "ece_in_slots_of_a_calibrated_model": in_slots.calibrated_90[1],
        "onnx_difference": evidence.onnx_difference,
        "features_difference": evidence.features_difference,
    }
    rounded: dict[str, object] = {name: float(f"{value:.6g}") for name, value in figures.items()}
    return {"rows": len(evidence.labels), "against": evidence.against} | rounded
