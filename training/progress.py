"""How far a run is, and how long it will still take."""

from collections.abc import Callable

Say = Callable[[str], None]
"""Shows a line to the person, or to the log, that follows the run."""

LEAST_STEPS = 3
"""Steps before any time left is shown: the first ones also pay for what is done only once."""


class Progress:
    """Work done against work planned, in any unit that takes about the same time, e.g. windows."""

    def __init__(self, planned: float, clock: Callable[[], float], say: Say) -> None:
        """clock counts seconds."""
        self._planned, self._clock, self._say = planned, clock, say
        self._done, self._steps = 0.0, 0
        self._began = clock()

    def advance(self, work: float, *messages: str) -> None:
        """Report a step that was this much of the work, each message in a line of its own.

        Steps that end together are one step: else the time of all would be divided by the work of the first.
        """
        self._done += work
        self._steps += 1
        share = min(1.0, self._done / self._planned)
        left = (self._clock() - self._began) * (1 - share) / share if share else 0.0
        known = self._steps >= LEAST_STEPS and share < 1
        prefix = f"[{share:4.0%}, up to {_duration(left)} left]" if known else f"[{share:4.0%}]"
        for message in messages:
            self._say(f"{prefix} {message}")

    def skip(self, work: float) -> None:
        """Take out of the plan what turned out not to be needed."""
        self._planned -= work


def counted(number: int, what: str) -> str:
    """Return e.g. 1 model, 2 models."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def silent(line: str) -> None:
    """A Say that shows nothing."""


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
