"""How far a run is, and how long it will still take."""

from collections.abc import Callable


class Progress:
    """Work done against work planned, in any unit that takes about the same time, e.g. windows."""

    def __init__(self, planned: float, clock: Callable[[], float], say: Callable[[str], None]) -> None:
        self._planned, self._clock, self._say = planned, clock, say
        self._done = 0.0
        self._began = clock()

    def advance(self, work: float, message: str) -> None:
        """Report a step that was this much of the work."""
        self._done += work
        share = min(1.0, self._done / self._planned)
        left = (self._clock() - self._began) * (1 - share) / share if share else 0.0
        self._say(f"[{share:4.0%}, {_duration(left)} left] {message}")

    def skip(self, work: float) -> None:
        """This much of the plan turned out not to be needed."""
        self._planned -= work


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
