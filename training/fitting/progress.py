"""How far the fitting of many models is, and how long it will still take."""

from collections.abc import Callable, Mapping

from training.fitting.fit import Epoch, FitSettings
from training.networks.models import networks_in
from training.progress import Progress

WORK = {"lstm": 1.0, "gru": 2.0, "transformer": 4.0}
"""What a window of each network takes, in an LSTM's."""


class FittingProgress:
    """Told of each epoch of each model's networks; says it with the share that is done and the time left."""

    def __init__(
        self,
        rows: Mapping[str, int],
        settings: FitSettings,
        clock: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        """rows: the training samples of each model, by its id. clock counts seconds."""
        self._rows, self._settings = rows, settings
        planned = settings.epochs * sum(rows.values())
        of_all = sum(WORK[network] for network in networks_in(settings.network))
        self._progress = Progress(planned * of_all, clock, say)
        self._best: dict[tuple[str, str], int] = {}

    def __call__(self, model: str, network: str, epoch: Epoch) -> None:
        """network is one's name, with its number where it is one of an ensemble."""
        work = self._rows[model] * WORK[network.split()[0]]
        who = model if network == self._settings.network else f"{model} ({network})"
        self._progress.advance(
            work,
            f"{who} epoch {epoch.number}/{self._settings.epochs}: loss {epoch.train_loss:.4f}, "
            f"validation {epoch.validation_loss:.4f}{' (best)' if epoch.best else ''}",
        )
        if epoch.best:
            self._best[model, network] = epoch.number
        if epoch.number - self._best.get((model, network), 0) == self._settings.patience:
            self._progress.skip(work * (self._settings.epochs - epoch.number))
