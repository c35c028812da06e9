"""One model fitted as the product fits it: a fleet of one."""

import torch
from growfolio.domain.bars import IntArray

from training.data.dataset import Part, Samples
from training.fitting.fleet import fit_fleet
from training.fitting.member import Fitted, Member
from training.fitting.settings import FitSettings

CPU = torch.device("cpu")


def fit_alone(
    samples: Samples, settings: FitSettings, train: IntArray | None = None, validation: IntArray | None = None
) -> Fitted:
    """Fit one model on these rows, or on all rows of the samples' parts."""
    train = samples.rows(Part.TRAIN) if train is None else train
    validation = samples.rows(Part.VALIDATION) if validation is None else validation
    member = Member("alone", samples, train, validation, settings.seed)
    (fitted,) = fit_fleet([member], settings, lambda epochs: None, device=CPU)
    return fitted
