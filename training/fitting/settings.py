"""How models are fitted, and what each epoch gave."""

from dataclasses import dataclass

from training.networks.architectures import DROPOUT


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How one model is fitted."""

    network: str = "lstm"
    epochs: int = 12
    """At most; fewer where validation stops improving."""
    batch_size: int = 64
    """Windows a step."""
    learning_rate: float = 2e-3
    """At the start; it falls to a twentieth along half a cosine."""
    following_rate: float = 7e-4
    """As learning_rate, for a model that starts from the weights of another."""
    patience: int = 4
    """Epochs without a better validation loss before stopping."""
    answered: int = 20
    """The last bars of a training window for which there is a loss, each from the bars before it. 20 of them
    train on all samples in a twentieth of the time that 1 takes. Validation, test and serving always answer
    the last bar of 60."""
    stopping_rows: int = 20_000
    """Validation rows that early stopping looks at, of all slots of the hour alike; calibration takes all."""
    inverted: bool = True
    """Use each training sample a second time in the mirrored market (data/inversion.py)."""
    seed: int = 0
    dropout: float = DROPOUT
    half: bool = True
    """On a GPU, large matrix products take bfloat16 factors; on a processor that would be slower."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Losses of one pass over the training part."""

    number: int
    train_loss: float
    validation_loss: float
    best: bool
