"""How far the fitting of many models is, and how long it will still take."""

from collections.abc import Callable, Mapping

from training.fitting.settings import Epoch, FitSettings
from training.networks.architectures import COSTS, networks_in
from training.progress import Progress, Say


class FittingProgress:
    """Reports epochs with the share of all work that is done and the time left.

    The work is windows, weighed by what each network takes for one; models that stop early leave the plan.
    """

    def __init__(
        self, rows: Mapping[str, int], settings: FitSettings, clock: Callable[[], float], say: Say
    ) -> None:
        """rows: the training samples of each model, by its id. clock counts seconds."""
        self._rows, self._settings, self._say = rows, settings, say
        planned = settings.epochs * sum(rows.values())
        of_all = sum(COSTS[network] for network in networks_in(settings.network))
        self._progress = Progress(planned * of_all, clock, say)
        self._best: dict[tuple[str, str], int] = {}

    def __call__(self, network: str, epochs: Mapping[str, Epoch]) -> None:
        """Report one epoch of each of these models, by id, that were fitted at once.

        network is one's name, with its number where it is one of an ensemble.
        """
        cost = COSTS[network.split()[0]]
        for model, epoch in epochs.items():
            if epoch.best:
                self._best[model, network] = epoch.number
            if epoch.number - self._best.get((model, network), 0) == self._settings.patience:
                self._progress.skip(cost * self._rows[model] * (self._settings.epochs - epoch.number))
        self._progress.advance(
            cost * sum(self._rows[model] for model in epochs),
            *(self._line(model, network, epoch) for model, epoch in epochs.items()),
        )

    def step(self, message: str) -> None:
        """Report work that is no epoch, e.g. calibration."""
        self._say(message)

    def _line(self, model: str, network: str, epoch: Epoch) -> str:
        name = model if network == self._settings.network else f"{model} ({network})"
        return (
            f"{name} epoch {epoch.number}/{self._settings.epochs}: loss {epoch.train_loss:.4f}, "
            f"validation {epoch.validation_loss:.4f}{' (best)' if epoch.best else ''}"
        )
