"""One temperature that makes confidence match how often it is right."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from training.fitting.calibration import COLDEST, HOTTEST, fit_temperature


@pytest.fixture
def calibrated() -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and labels drawn from their softmax."""
    generator = torch.Generator().manual_seed(0)
    logits = 1.5 * torch.randn(40_000, 3, generator=generator)
    return logits, torch.multinomial(torch.softmax(logits, 1), 1, generator=generator).squeeze(1)


@pytest.mark.parametrize("overconfidence", [0.2, 1.0, 4.0])
def test_the_temperature_undoes_overconfidence(
    calibrated: tuple[torch.Tensor, torch.Tensor], overconfidence: float
) -> None:
    logits, labels = calibrated
    assert fit_temperature(logits * overconfidence, labels) == pytest.approx(overconfidence, rel=0.03)


def test_no_other_temperature_has_a_lower_loss(calibrated: tuple[torch.Tensor, torch.Tensor]) -> None:
    logits, labels = calibrated[0][:300] * 3, calibrated[1][:300]
    best = fit_temperature(logits, labels)
    loss = cross_entropy(logits.double() / best, labels)
    others = [cross_entropy(logits.double() / (best * by), labels) for by in (0.9, 0.999, 1.001, 1.1)]
    assert min(others) > loss


def test_logits_that_are_always_right_or_always_wrong_end_at_the_bounds() -> None:
    logits = torch.eye(3)
    assert fit_temperature(logits, torch.tensor([0, 1, 2])) == pytest.approx(COLDEST)
    assert fit_temperature(logits, torch.tensor([1, 2, 0])) == pytest.approx(HOTTEST)
