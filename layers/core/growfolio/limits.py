"""Circuit breaker and rate limiter for provider calls, and the deadline of a run.

Beside them, the backoff between the tries of one call. The breaker and the limiter get the time passed
in; the backoff waits.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from math import inf
from threading import Lock, Thread
from typing import TypeVar

Given = TypeVar("Given")


class CircuitBreaker:
    """Opens after so many failures in a row, so that nobody waits for what is known not to answer.

    After its rest the next failure opens it at once: a dead provider costs one try for each rest.
    """

    def __init__(self, failures: int, rest: int) -> None:
        """So many failures in a row open it for rest seconds."""
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


class RateLimiter:
    """Grants at most `limit` calls within any `seconds`."""

    def __init__(self, limit: int, seconds: int) -> None:
        self._limit = limit
        self._seconds = seconds
        self._calls: deque[int] = deque()

    def take(self, calls: int, now: int) -> int:
        """How many of the calls may be made now; they count as made."""
        while self._calls and self._calls[0] <= now - self._seconds:
            self._calls.popleft()
        granted = max(0, min(calls, self._limit - len(self._calls)))
        self._calls.extend([now] * granted)
        return granted


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often a call is tried, and the pauses between: each `factor` times the one before."""

    tries: int
    pause: float
    """Seconds before the second try."""
    factor: float = 2.0
    jitter: float = 0.0
    """The share by which each pause is shortened or lengthened at random, so that callers spread."""

    def attempts(
        self, deadline: float | None = None, wait: Callable[[float], object] = time.sleep
    ) -> Iterator[int]:
        """Yield the number of each try, from 0 on, after its pause.

        Ends early where the next pause would pass the deadline, in seconds of time.monotonic.
        """
        pause = self.pause
        for nth in range(self.tries):
            if nth:
                seconds = pause * random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311  (no secret)
                if deadline is not None and time.monotonic() + seconds >= deadline:
                    return
                wait(seconds)
                pause *= self.factor
            yield nth


class Deadline:
    """How long a run may still take: its fetching, model loading and writing share it."""

    def __init__(self, remaining: Callable[[], float]) -> None:
        """remaining gives the seconds left, such as those of a Lambda context."""
        self._remaining = remaining

    def left(self) -> float:
        """Seconds; 0 when it has passed."""
        return max(0.0, self._remaining())

    def before(self, seconds: float) -> "Deadline":
        """The deadline that lies so many seconds earlier, so that what comes after has them."""
        return Deadline(lambda: self._remaining() - seconds)


NO_DEADLINE = Deadline(lambda: inf)


class OneAtATime:
    """Waits for calls until a deadline and no longer. A call that is late goes on, and the next waits for it.

    So a provider that hangs costs a run its time, not its end, and no two calls change the same state.
    """

    def __init__(self) -> None:
        self._turn = Lock()

    def call(self, work: Callable[[], Given], deadline: Deadline) -> Given:
        """What work returns or raises. Raises TimeoutError when the deadline passes first."""
        return self.begin(work, deadline)()

    def begin(self, work: Callable[[], Given], deadline: Deadline) -> Callable[[], Given]:
        """Begin the work; what is returned waits for it as call does.

        Without a deadline there is no thread: the work begins when it is waited for.
        """
        if deadline.left() == inf:
            return lambda: self._done(work)
        answer: Future[Given] = Future()

        def run() -> None:
            try:
                answer.set_result(self._done(work))
            except Exception as fault:  # noqa: BLE001  # it is raised again where the answer is awaited
                answer.set_exception(fault)

        Thread(target=run, daemon=True).start()
        return lambda: answer.result(timeout=deadline.left())

    def _done(self, work: Callable[[], Given]) -> Given:
        with self._turn:
            return work()
