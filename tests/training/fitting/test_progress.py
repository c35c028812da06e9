"""How far a fit is: in windows, weighed by what a network takes for one."""

from growfolio.training_jobs.networks import Network

from training.fitting.progress import FittingProgress
from training.fitting.settings import Epoch, FitSettings
from training.networks.architectures import MEMBERS


class Run:
    """A clock of seconds that a test turns, and the lines that were said."""

    def __init__(self) -> None:
        self.now, self.said = 0.0, list[str]()

    def progress(self, **changes: object) -> FittingProgress:
        settings = FitSettings(**{"epochs": 4, "patience": 2, **changes})  # type: ignore[arg-type]
        return FittingProgress({"one": 100, "two": 300}, settings, lambda: self.now, self.said.append)


def epoch(number: int, *, best: bool = True) -> Epoch:
    return Epoch(number, 1.0, 0.9, best)


def test_no_time_left_is_shown_before_a_few_rounds_and_then_it_is_what_the_work_so_far_took() -> None:
    run = Run()
    progress = run.progress(network="lstm")
    for number in (1, 2, 3):
        run.now = 10.0 * number
        progress("lstm", {"one": epoch(number), "two": epoch(number)})
    assert run.said[0] == "[ 25%] one epoch 1/4: loss 1.0000, validation 0.9000 (best)"
    assert run.said[3] == "[ 50%] two epoch 2/4: loss 1.0000, validation 0.9000 (best)"
    assert [line.split(" one")[0].split(" two")[0] for line in run.said[4:]] == [
        "[ 75%, up to 10 s left]",
        "[ 75%, up to 10 s left]",
    ]


def test_a_model_that_stops_early_takes_its_other_epochs_out_of_the_plan() -> None:
    run = Run()
    progress = run.progress(network="lstm")
    progress("lstm", {"two": epoch(1)})
    progress("lstm", {"two": epoch(2, best=False)})
    progress("lstm", {"two": epoch(3, best=False)})
    progress("lstm", {"one": epoch(1)})
    assert run.said[-1].startswith("[ 77%")


def test_each_network_of_an_ensemble_is_named_and_weighed() -> None:
    run = Run()
    progress = run.progress(network=Network.ENSEMBLE, epochs=1)
    for number, network in enumerate(MEMBERS):
        progress(f"{network} {number + 1}", {"one": epoch(1), "two": epoch(1)})
    assert "one (lstm 1) epoch 1/1" in run.said[0]
    assert "two (lstm 2) epoch 1/1" in run.said[-1]
    assert run.said[1].startswith("[ 50%")
    assert run.said[-1].startswith("[100%] ")


def test_epochs_of_an_earlier_run_leave_the_plan() -> None:
    run = Run()
    progress = run.progress(network="lstm")
    progress("lstm", {"two": epoch(3)})
    assert run.said == ["[ 30%] two epoch 3/4: loss 1.0000, validation 0.9000 (best)"]
    ensemble = run.progress(network=Network.ENSEMBLE)
    # The first LSTM was done before, the second is at its last epoch: nothing is left of the plan.
    ensemble("lstm 2", {"one": epoch(4), "two": epoch(4)})
    assert run.said[-1].startswith("[100%] two (lstm 2) epoch 4/4")
