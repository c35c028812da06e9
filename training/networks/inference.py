"""Answers of a model for many windows of one pool's samples, on a GPU where there is one."""

import torch
from growfolio.domain.bars import FloatArray, IntArray
from growfolio.domain.forecast import WINDOW
from torch import Tensor

from training.data.dataset import Samples
from training.networks.architectures import Served

BATCH = {"cpu": 256, "cuda": 8192}
"""Windows at once. Attention of 256 still lies in a processor's cache: a transformer answers three times as
fast as on 4096."""


def logits(model: Served, samples: Samples, ends: IntArray) -> Tensor:
    """Return uncalibrated logits (ends, 3) of the windows that end at these rows of the samples."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.eval().to(device)
    features, context = (torch.from_numpy(table).to(device) for table in (samples.features, samples.context))
    reach = torch.arange(1 - WINDOW, 1, device=device)

    def answer(rows: Tensor) -> Tensor:
        known = context[rows][:, None] if model.widths.context else None
        return model.logits(features[rows[:, None] + reach], 1, known)[:, 0]

    batches = torch.split(torch.from_numpy(ends).to(device), BATCH[device.type])
    # Factors of ten bits would show in the fourth digit of a probability.
    with torch.no_grad(), torch.backends.cudnn.flags(allow_tf32=False):
        answers = torch.cat([answer(rows) for rows in batches]).cpu()
    model.to("cpu")
    return answers


def probabilities(model: Served, samples: Samples, ends: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return their probabilities (len(ends), 3): calibrated, as served, and before calibration."""
    raw = logits(model, samples, ends).double()
    return torch.softmax(raw / model.temperature, dim=1).numpy(), torch.softmax(raw, dim=1).numpy()
