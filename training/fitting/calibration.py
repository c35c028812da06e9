"""Temperature scaling: one number that makes a model's confidence match how often it is right.

Guo et al., On Calibration of Modern Neural Networks (2017).
"""

import torch
from torch import Tensor

COLDEST, HOTTEST = 0.05, 20.0


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """Return the T with the least log-loss of softmax(logits / T), of logits (rows, 3) and labels (rows,).

    Newton's method on log T, in float64; the loss is convex in 1 / T, so there is one minimum. Kept
    within COLDEST to HOTTEST: beyond, the logits say nothing that a temperature could mend.
    """
    logits = logits.double()
    beta = torch.ones((), dtype=torch.float64)
    for _ in range(50):
        probabilities = torch.softmax(beta * logits, dim=1)
        mean = (probabilities * logits).sum(dim=1)
        variance = (probabilities * logits**2).sum(dim=1) - mean**2
        slope = (mean - logits.gather(1, labels[:, None]).squeeze(1)).mean()
        step = slope / variance.mean().clamp_min(1e-12)
        # In log beta, and never more than doubling: far from the minimum the curvature misleads.
        beta = beta * torch.exp((-step / beta).clamp(-0.7, 0.7))
        beta = beta.clamp(1 / HOTTEST, 1 / COLDEST)
        if abs(step.item()) < 1e-9:
            break
    return 1 / beta.item()
