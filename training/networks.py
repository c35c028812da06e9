"""The networks, and the model that is published: a network with its normalisation and calibration inside."""

from collections.abc import Callable

import torch
from growfolio.features import FEATURES as FEATURE_NAMES
from torch import Tensor, nn

FEATURES = len(FEATURE_NAMES)
CLASSES = 3
"""Sell, hold, buy."""


class SeedLstm(nn.Module):
    """LSTM 64 → dropout → LSTM 64 → dropout → dense 32 → 3 logits."""

    def __init__(self, hidden: int = 64, dense: int = 32, dropout: float = 0.2) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(FEATURES, hidden, num_layers=2, dropout=dropout, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(hidden, dense)
        self.head = nn.Linear(dense, CLASSES)

    def forward(self, windows: Tensor, answered: int = 1) -> Tensor:
        """Normalised windows (batch, bars, 16) to logits at the last bars (batch, answered, 3).

        The answer at a bar is made of that bar and those before it in the window.
        """
        states, _ = self.recurrent(windows)
        last = self.dropout(states[:, -answered:])
        logits: Tensor = self.head(torch.relu(self.dense(last)))
        return logits


NETWORKS: dict[str, Callable[[], nn.Module]] = {"lstm": SeedLstm}
"""By the name that `--network` takes and model ids end with."""


class Normalisation(nn.Module):
    """(features - centre) / scale, clipped to ±limit, with centre and scale of the training part."""

    centre: Tensor
    scale: Tensor

    def __init__(self, limit: float = 5.0) -> None:
        super().__init__()
        self.limit = limit
        self.register_buffer("centre", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))

    def forward(self, windows: Tensor) -> Tensor:
        return ((windows - self.centre) / self.scale).clamp(-self.limit, self.limit)


class SignalModel(nn.Module):
    """Raw features (batch, 60, 16) to calibrated probabilities (batch, 3): all that serving needs."""

    temperature: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.normalisation = Normalisation()
        self.network = network
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, windows: Tensor, answered: int = 1) -> Tensor:
        """Before calibration, at the last bars of each window: (batch, answered, 3)."""
        logits: Tensor = self.network(self.normalisation(windows), answered)
        return logits

    def forward(self, windows: Tensor) -> Tensor:
        return torch.softmax(self.logits(windows)[:, 0] / self.temperature, dim=1)


def build(network: str) -> SignalModel:
    """A model with fresh weights, drawn from torch's generator. Raises KeyError for an unknown network."""
    return SignalModel(NETWORKS[network]())
