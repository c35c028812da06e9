"""When a provider is not to be asked: after it failed, and when its calls are used up. Time is passed in."""

from collections import deque


class Breaker:
    """Opens after so many failures in a row, so that nobody waits for what is known not to answer.

    After its rest the next failure opens it at once: a dead provider costs one try for each rest.
    """

    def __init__(self, failures: int, rest: int) -> None:
        """failures opens it, for rest seconds."""
        self._limit = failures
        self._rest = rest
        self._failures = 0
        self._open_until = 0

    def is_open(self, now: int) -> bool:
        return now < self._open_until

    def succeeded(self) -> None:
        self._failures = 0

    def failed(self, now: int) -> None:
        self._failures += 1
        if self._failures >= self._limit:
            self.open_for(self._rest, now)

    def open_for(self, seconds: int, now: int) -> None:
        """Open it whatever the count: the provider said when to come back, or never to."""
        self._open_until = max(self._open_until, now + seconds)


class CallWindow:
    """At most `limit` calls within any `seconds`."""

    def __init__(self, limit: int, seconds: int) -> None:
        self._limit = limit
        self._seconds = seconds
        self._calls: deque[int] = deque()

    def take(self, wanted: int, now: int) -> int:
        """How many of the calls wanted may be made now; they count as made."""
        while self._calls and self._calls[0] <= now - self._seconds:
            self._calls.popleft()
        granted = max(0, min(wanted, self._limit - len(self._calls)))
        self._calls.extend([now] * granted)
        return granted
