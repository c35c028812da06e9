"""How far the fitting of many models is, and how long it will still take."""

from collections.abc import Callable, Mapping

from training.fitting.settings import Epoch, FitSettings
from training.networks.architectures import COSTS, names_in
from training.progress import Progress, Say


class FittingProgress:
    """Reports epochs with the share of all work that is done and the time left.

    The work is windows, weighed by what each network takes for one. Epochs that models leave out, because
    they stop early or an earlier run has done them, leave the plan.
    """

    def __init__(
        self, rows: Mapping[str, int], settings: FitSettings, clock: Callable[[], float], say: Say
    ) -> None:
        """rows: the training samples of each model, by its id. clock counts seconds."""
        self._settings, self._say = settings, say
        networks = names_in(settings.network)
        self._epoch = {(name, m): COSTS[name.split()[0]] * rows[m] for name in networks for m in rows}
        self._left = {key: settings.epochs * work for key, work in self._epoch.items()}
        self._best: dict[tuple[str, str], int] = {}
        self._progress = Progress(sum(self._left.values()), clock, say)

    def __call__(self, network: str, epochs: Mapping[str, Epoch]) -> None:
        """Report one epoch of each of these models, by id, that were fitted at once.

        network is one of names_in.
        """
        self._pass_over(network)
        for model, epoch in epochs.items():
            key = network, model
            if epoch.best or key not in self._best:
                self._best[key] = epoch.number
            stopped = epoch.number - self._best[key] >= self._settings.patience
            after = 0.0 if stopped else (self._settings.epochs - epoch.number) * self._epoch[key]
            self._progress.skip(self._left[key] - self._epoch[key] - after)
            self._left[key] = after
        self._progress.advance(
            sum(self._epoch[network, model] for model in epochs),
            *(self._line(model, network, epoch) for model, epoch in epochs.items()),
        )

    def _pass_over(self, network: str) -> None:
        """Take out of the plan what networks before this one have left out: they are all done."""
        for name in names_in(self._settings.network):
            if name == network:
                return
            for key in [key for key in self._left if key[0] == name]:
                self._progress.skip(self._left[key])
                self._left[key] = 0.0

    def step(self, message: str) -> None:
        """Report work that is no epoch, e.g. calibration."""
        self._say(message)

    def _line(self, model: str, network: str, epoch: Epoch) -> str:
        name = model if network == self._settings.network else f"{model} ({network})"
        return (
            f"{name} epoch {epoch.number}/{self._settings.epochs}: loss {epoch.train_loss:.4f}, "
            f"validation {epoch.validation_loss:.4f}{' (best)' if epoch.best else ''}"
        )
