"""The networks that a training run may fit, by name."""

from enum import StrEnum


class Network(StrEnum):
    """What a model may be: the name that requests and `--network` take and model ids end with.

    A new one needs its name here, its class in NETWORKS and its time in COSTS
    (training/networks/architectures.py), and its form for many models at once in FLEET_NETWORKS
    (training/networks/batched.py).
    """

    LSTM = "lstm"
    GRU = "gru"
    TRANSFORMER = "transformer"
    ENSEMBLE = "ensemble"
    """Several of the others, whose answers are averaged."""


DEFAULT_NETWORK = Network.ENSEMBLE
"""The best in walk-forward evaluation (training/README.md)."""
