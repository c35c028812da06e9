"""The networks, and the model that is published: a network with its normalisation and calibration inside.

A new network is a class here with its entries in NETWORKS and COSTS; it takes its name from
growfolio/training_jobs/networks.py, and batched.py holds the same network for many models at once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from growfolio.domain.forecast import WINDOW, Inputs
from growfolio.indicators.registry import context_width
from growfolio.indicators.standard import FEATURES
from growfolio.training_jobs.networks import Network
from torch import Tensor, nn
from torch.nn.functional import linear

CLASSES = 3
"""Sell, hold, buy."""
DROPOUT = 0.2


@dataclass(frozen=True, slots=True)
class Widths:
    """How many numbers a network takes: of each bar of its window, and of the context of an answered bar."""

    sequence: int = len(FEATURES)
    context: int = 0


SIXTEEN = Widths()


def widths_of(inputs: Inputs) -> Widths:
    """How many numbers a model of these inputs takes. Raises KeyError for an input that there is not."""
    return Widths(len(inputs.sequence), context_width(inputs.context))


class SeedLstm(nn.Module):
    """LSTM 64 → dropout → LSTM 64 → dropout → with the context → dense 32 → 3 logits."""

    def __init__(
        self, dropout: float = DROPOUT, widths: Widths = SIXTEEN, hidden: int = 64, dense: int = 32
    ) -> None:
        super().__init__()
        self.recurrent = self._cells(widths.sequence, hidden, dropout)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(hidden + widths.context, dense)
        self.head = nn.Linear(dense, CLASSES)

    def _cells(self, inputs: int, hidden: int, dropout: float) -> nn.Module:
        return nn.LSTM(inputs, hidden, num_layers=2, dropout=dropout, batch_first=True)

    def forward(self, windows: Tensor, answered: int = 1, context: Tensor | None = None) -> Tensor:
        """Normalised windows (batch, bars, features) to logits at the last bars (batch, answered, 3).

        The answer at a bar is made of that bar, those before it in the window, and the bar's normalised
        context (batch, answered, context); None where the network takes none.
        """
        states, _ = self.recurrent(windows)
        last = beside(self.dropout(states[:, -answered:]), context)
        logits: Tensor = self.head(torch.relu(self.dense(last)))
        return logits


def beside(summary: Tensor, context: Tensor | None) -> Tensor:
    """What a network has made of the bars, and behind it the context, if it takes any."""
    return summary if context is None else torch.cat([summary, context], dim=-1)


class SeedGru(SeedLstm):
    """The same with GRU cells, which have three gates for the LSTM's four."""

    def _cells(self, inputs: int, hidden: int, dropout: float) -> nn.Module:
        return nn.GRU(inputs, hidden, num_layers=2, dropout=dropout, batch_first=True)


class Attention(nn.Module):
    """One pre-norm block: a bar looks at itself and earlier bars, then a dense layer of twice the width.

    Layers run on (batch · bars, width): the runtime adds a bias inside a matrix product of that form alone.
    """

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

    def forward(self, bars: Tensor, last: int = 0) -> Tensor:
        """Take bars (batch, bars, width) to new states of the last ones (batch, last, width); 0: of all."""
        width, known = bars.shape[-1], self.before(bars)
        key, value = self._heads(known, 1), self._heads(known, 2)
        seen = attend(self._heads(known[:, -last:], 0), key, value)
        states = bars[:, -last:].reshape(-1, width)
        states = states + self.dropout(self.joined(seen.transpose(1, 2).reshape(-1, width)))
        states = states + self.dropout(self.narrow(torch.relu(self.wide(self.between(states)))))
        answer: Tensor = states.view(*bars[:, -last:].shape)
        return answer

    def _heads(self, bars: Tensor, third: int) -> Tensor:
        """Queries (third 0), keys (1) or values (2) of bars: (batch, heads, bars, channels)."""
        batch, length, width = bars.shape
        own = slice(third * width, (third + 1) * width)
        made = linear(bars.reshape(-1, width), self.looked.weight[own], self.looked.bias[own])
        return made.view(batch, length, self.heads, width // self.heads).transpose(1, 2)


FURTHEST, UNSEEN = 20.0, -50.0
"""Scores end here; what a bar may not see has a score that leaves it less than e-30 of the attention.

With no lower score all weights are normal numbers. ONNX Runtime's softmax takes six times as long where
some are not, as they would be with a score of minus infinity.
"""


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Softmax attention in which no bar looks at a later one.

    query (..., asking, channels) is of the last bars of key and value (..., bars, channels).
    """
    asking, length = query.shape[-2], key.shape[-2]
    future = torch.ones(asking, length, dtype=torch.bool, device=query.device).triu(1 + length - asking)
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    weights = torch.softmax(scores.clamp(-FURTHEST, FURTHEST).masked_fill(future, UNSEEN), dim=-1)
    seen: Tensor = weights @ value
    return seen


class SeedTransformer(nn.Module):
    """Dense 48 with learned places → two causal attention blocks → norm → 3 logits.

    With context a dense layer of 32 stands before the logits, so that both can act upon each other.
    """

    def __init__(
        self,
        dropout: float = DROPOUT,
        widths: Widths = SIXTEEN,
        width: int = 48,
        heads: int = 4,
        dense: int = 32,
    ) -> None:
        super().__init__()
        self.embedding = nn.Linear(widths.sequence, width)
        self.places = nn.Parameter(0.02 * torch.randn(WINDOW, width))
        self.first = Attention(width, heads, dropout)
        self.second = Attention(width, heads, dropout)
        self.norm = nn.LayerNorm(width)
        self.dense = nn.Linear(width + widths.context, dense) if widths.context else None
        self.head = nn.Linear(width if self.dense is None else dense, CLASSES)

    def forward(self, windows: Tensor, answered: int = 1, context: Tensor | None = None) -> Tensor:
        """As SeedLstm.forward; a bar's place counts from the end of a whole window."""
        bars = self.embedding(windows) + self.places[-windows.shape[1] :]
        states = beside(self.norm(self.second(self.first(bars), answered)), context)
        if self.dense is not None:
            states = torch.relu(self.dense(states))
        logits: Tensor = self.head(states)
        return logits


NETWORKS: dict[str, Callable[[float, Widths], nn.Module]] = {
    Network.LSTM: SeedLstm,
    Network.GRU: SeedGru,
    Network.TRANSFORMER: SeedTransformer,
}
"""Single networks by name, as `--network` takes it and model ids end; each takes its dropout and widths."""
COSTS: dict[str, float] = {Network.LSTM: 1.0, Network.GRU: 1.8, Network.TRANSFORMER: 2.0}
"""Time for a training window, in an LSTM's."""
MEMBERS: tuple[str, ...] = (Network.LSTM, Network.LSTM)
"""The networks of an ensemble, each fitted from a seed of its own (training/README.md says why these)."""


def networks_in(name: str) -> tuple[str, ...]:
    """The single networks that have to be fitted for one of this name."""
    return MEMBERS if name == Network.ENSEMBLE else (name,)


LIMIT = 5.0
"""Deviations at which normalised inputs end."""


def names_in(name: str) -> tuple[str, ...]:
    """As networks_in, those of an ensemble with their number, so that no two have one name."""
    parts = networks_in(name)
    return parts if len(parts) == 1 else tuple(f"{part} {at}" for at, part in enumerate(parts, 1))


class Normalisation(nn.Module):
    """(features - centre) / scale, clipped to ±LIMIT, with centre and scale of the training part."""

    centre: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def forward(self, windows: Tensor) -> Tensor:
        return ((windows - self.centre) / self.scale).clamp(-LIMIT, LIMIT)


class SignalModel(nn.Module):
    """Raw features (batch, 60, features) and, where a model takes any, the decided bar's raw context.

    Gives calibrated probabilities (batch, 3): all that serving needs.
    """

    temperature: Tensor

    def __init__(self, network: nn.Module, widths: Widths = SIXTEEN) -> None:
        super().__init__()
        self.widths = widths
        self.normalisation = Normalisation(widths.sequence)
        self.of_context = Normalisation(widths.context) if widths.context else None
        self.network = network
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, windows: Tensor, answered: int = 1, context: Tensor | None = None) -> Tensor:
        """Before calibration, at the last bars of each window: (batch, answered, 3).

        context is that of these bars, (batch, answered, context).
        """
        known = None if self.of_context is None else self.of_context(context)
        logits: Tensor = self.network(self.normalisation(windows), answered, known)
        return logits

    def forward(self, windows: Tensor, context: Tensor | None = None) -> Tensor:
        return calibrated(self, windows, context)


def calibrated(model: "Served", windows: Tensor, context: Tensor | None) -> Tensor:
    """A model's probabilities (batch, 3) for windows and the context (batch, context) of their last bars."""
    known = None if context is None else context[:, None]
    return torch.softmax(model.logits(windows, 1, known)[:, 0] / model.temperature, dim=1)


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

    @property
    def widths(self) -> Widths:
        return self.parts[0].widths

    def logits(self, windows: Tensor, answered: int = 1, context: Tensor | None = None) -> Tensor:
        """Logarithms of the mean of the members' probabilities: (batch, answered, 3)."""
        given = [
            torch.softmax(member.logits(windows, answered, context) / member.temperature, dim=-1)
            for member in self.parts
        ]
        return torch.log(torch.stack(given).mean(dim=0).clamp_min(1e-12))

    def forward(self, windows: Tensor, context: Tensor | None = None) -> Tensor:
        return calibrated(self, windows, context)


Served = SignalModel | EnsembleModel
"""What can be published: raw features in, calibrated probabilities out."""


def build(network: str, dropout: float = DROPOUT, widths: Widths = SIXTEEN) -> SignalModel:
    """A model with fresh weights, drawn from torch's generator. Raises KeyError for an unknown network."""
    return SignalModel(NETWORKS[network](dropout, widths), widths)


def build_served(network: str, widths: Widths = SIXTEEN) -> Served:
    """As build, an ensemble too, to load tensors into."""
    return (
        EnsembleModel([build(member, widths=widths) for member in MEMBERS])
        if network == Network.ENSEMBLE
        else build(network, widths=widths)
    )
