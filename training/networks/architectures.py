"""The networks, and the model that is published: a network with its normalisation and calibration inside.

A new network is a class here with its entries in NETWORKS and COSTS; it takes its name from
growfolio/training_jobs/networks.py, and batched.py holds the same network for many models at once.
"""

from collections.abc import Callable, Sequence

import torch
from growfolio.domain.forecast import WINDOW
from growfolio.indicators.standard import FEATURES as FEATURE_NAMES
from growfolio.training_jobs.networks import Network
from torch import Tensor, nn

FEATURES = len(FEATURE_NAMES)
CLASSES = 3
"""Sell, hold, buy."""
DROPOUT = 0.2


class SeedLstm(nn.Module):
    """LSTM 64 → dropout → LSTM 64 → dropout → dense 32 → 3 logits."""

    def __init__(self, dropout: float = DROPOUT, hidden: int = 64, dense: int = 32) -> None:
        super().__init__()
        self.recurrent = self._cells(hidden, dropout)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(hidden, dense)
        self.head = nn.Linear(dense, CLASSES)

    def _cells(self, hidden: int, dropout: float) -> nn.Module:
        return nn.LSTM(FEATURES, hidden, num_layers=2, dropout=dropout, batch_first=True)

    def forward(self, windows: Tensor, answered: int = 1) -> Tensor:
        """Normalised windows (batch, bars, features) to logits at the last bars (batch, answered, 3).

        The answer at a bar is made of that bar and those before it in the window.
        """
        states, _ = self.recurrent(windows)
        last = self.dropout(states[:, -answered:])
        logits: Tensor = self.head(torch.relu(self.dense(last)))
        return logits


class SeedGru(SeedLstm):
    """The same with GRU cells, which have three gates for the LSTM's four."""

    def _cells(self, hidden: int, dropout: float) -> nn.Module:
        return nn.GRU(FEATURES, hidden, num_layers=2, dropout=dropout, batch_first=True)


class Attention(nn.Module):
    """One pre-norm block: a bar looks at itself and earlier bars, then a dense layer of twice the width."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.before = nn.LayerNorm(width)
        self.looked = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, bars: Tensor) -> Tensor:
        batch, length, width = bars.shape
        split = self.looked(self.before(bars)).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4).unbind()
        seen = attend(query, key, value).transpose(1, 2).reshape(batch, length, width)
        bars = bars + self.dropout(self.joined(seen))
        answer: Tensor = bars + self.dropout(self.narrow(torch.relu(self.wide(self.between(bars)))))
        return answer


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention over (..., bars, channels) in which no bar looks at a later one."""
    length = query.shape[-2]
    future = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
    scores = (query @ key.transpose(-2, -1)) * query.shape[-1] ** -0.5
    seen: Tensor = torch.softmax(scores.masked_fill(future, -1e9), dim=-1) @ value
    return seen


class SeedTransformer(nn.Module):
    """Dense 48 with learned places → two causal attention blocks → norm → 3 logits."""

    def __init__(self, dropout: float = DROPOUT, width: int = 48, heads: int = 4) -> None:
        super().__init__()
        self.embedding = nn.Linear(FEATURES, width)
        self.places = nn.Parameter(0.02 * torch.randn(WINDOW, width))
        self.first = Attention(width, heads, dropout)
        self.second = Attention(width, heads, dropout)
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, CLASSES)

    def forward(self, windows: Tensor, answered: int = 1) -> Tensor:
        """As SeedLstm.forward; a bar's place counts from the end of a whole window."""
        bars = self.embedding(windows) + self.places[-windows.shape[1] :]
        states = self.norm(self.second(self.first(bars)))
        logits: Tensor = self.head(states[:, -answered:])
        return logits


NETWORKS: dict[str, Callable[[float], nn.Module]] = {
    Network.LSTM: SeedLstm,
    Network.GRU: SeedGru,
    Network.TRANSFORMER: SeedTransformer,
}
"""Single networks, by the name that `--network` takes and model ids end with; each takes its dropout."""
COSTS: dict[str, float] = {Network.LSTM: 1.0, Network.GRU: 2.0, Network.TRANSFORMER: 4.0}
"""Time for a training window, in an LSTM's."""
MEMBERS: tuple[str, ...] = (Network.LSTM, Network.LSTM, Network.TRANSFORMER)
"""The networks of an ensemble, each fitted from a seed of its own (training/README.md says why these)."""


def networks_in(name: str) -> tuple[str, ...]:
    """The single networks that have to be fitted for one of this name."""
    return MEMBERS if name == Network.ENSEMBLE else (name,)


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
    """Raw features (batch, 60, features) to calibrated probabilities (batch, 3): all that serving needs."""

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


class EnsembleModel(nn.Module):
    """The mean of its members' calibrated probabilities, calibrated again: a mean is too unsure."""

    temperature: Tensor

    def __init__(self, members: Sequence[SignalModel]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.register_buffer("temperature", torch.ones(()))

    @property
    def parts(self) -> list[SignalModel]:
        """The members, in the order of MEMBERS."""
        return [member for member in self.members if isinstance(member, SignalModel)]

    def logits(self, windows: Tensor, answered: int = 1) -> Tensor:
        """Logarithms of the mean of the members' probabilities: (batch, answered, 3)."""
        given = [
            torch.softmax(member.logits(windows, answered) / member.temperature, dim=-1)
            for member in self.parts
        ]
        return torch.log(torch.stack(given).mean(dim=0).clamp_min(1e-12))

    def forward(self, windows: Tensor) -> Tensor:
        return torch.softmax(self.logits(windows)[:, 0] / self.temperature, dim=1)


Served = SignalModel | EnsembleModel
"""What can be published: raw features in, calibrated probabilities out."""


def build(network: str, dropout: float = DROPOUT) -> SignalModel:
    """A model with fresh weights, drawn from torch's generator. Raises KeyError for an unknown network."""
    return SignalModel(NETWORKS[network](dropout))


def build_served(network: str) -> Served:
    """As build, an ensemble too, to load tensors into."""
    return (
        EnsembleModel([build(member) for member in MEMBERS])
        if network == Network.ENSEMBLE
        else build(network)
    )
