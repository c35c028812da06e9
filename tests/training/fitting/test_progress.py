"""How far a fit is: in windows, weighed by what a network takes for one."""

from training.fitting.fit import Epoch, FitSettings
from training.fitting.progress import WORK, FittingProgress
from training.networks.models import ENSEMBLE, MEMBERS, NETWORKS


class Told:
    """A clock of seconds that a test turns, and what was said."""

    def __init__(self) -> None:
        self.now, self.said = 0.0, list[str]()

    def progress(self, **settings: object) -> FittingProgress:
        told = FitSettings(**{"epochs": 4, "patience": 2, **settings})  # type: ignore[arg-type]
        return FittingProgress({"one": 100, "two": 300}, told, lambda: self.now, self.said.append)


def epoch(number: int, *, best: bool = True) -> Epoch:
    return Epoch(number, 1.0, 0.9, best)


def test_time_left_is_what_the_work_done_so_far_took() -> None:
    told = Told()
    progress = told.progress(network="lstm")
    told.now = 10.0
    progress("two", "lstm", epoch(1))
    assert told.said == [
        "[ 19%, 43 s left] two epoch 1/4: loss 1.0000, validation 0.9000 (best)",
    ]


def test_a_model_that_stops_early_takes_its_other_epochs_out_of_the_plan() -> None:
    told = Told()
    progress = told.progress(network="lstm")
    progress("two", "lstm", epoch(1))
    progress("two", "lstm", epoch(2, best=False))
    progress("two", "lstm", epoch(3, best=False))
    progress("one", "lstm", epoch(1))
    assert told.said[-1].startswith("[ 77%")


def test_each_network_of_an_ensemble_is_named_and_weighed() -> None:
    told = Told()
    progress = told.progress(network=ENSEMBLE, epochs=1)
    for number, network in enumerate(MEMBERS):
        for model in ("one", "two"):
            progress(model, f"{network} {number + 1}", epoch(1))
    assert "one (lstm 1) epoch 1/1" in told.said[0]
    assert "two (transformer 3) epoch 1/1" in told.said[-1]
    assert told.said[1].startswith("[ 17%")
    assert told.said[-1].startswith("[100%, 0 s left]")


def test_every_network_has_its_weight() -> None:
    assert set(WORK) == set(NETWORKS)
