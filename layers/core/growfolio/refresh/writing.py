"""Writes of a run: in a small pool, each chain in order, and no longer than the deadline allows."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from growfolio.errors import StoreError
from growfolio.limits import Deadline

REFUSALS = 3
"""Refused writes in a row after which a run stops: the next one goes on where the table answers again."""

Write = Callable[[], object]


class Writing:
    """Makes chains of writes. A refused write ends its chain: the others must not be there without it."""

    def __init__(self, workers: int, deadline: Deadline) -> None:
        self.faults: list[str] = []
        """What the store said of refused writes."""
        self.stopped = ""
        """Why the run stopped before all was written; empty where it did not."""
        self._workers = workers
        self._deadline = deadline
        self._refusals = 0
        self._lock = Lock()

    @property
    def complete(self) -> bool:
        """Whether every write so far was answered."""
        return not self.faults and not self.stopped

    def write(self, chains: Iterable[Sequence[Write]]) -> None:
        """Returns when all chains have ended. Raises what a write raises that is no StoreError."""
        if self._workers > 1:
            with ThreadPoolExecutor(self._workers) as pool:
                list(pool.map(self._follow, chains))
        else:
            for chain in chains:
                self._follow(chain)

    def _follow(self, chain: Sequence[Write]) -> None:
        for write in chain:
            if self.stopped:
                return
            if not self._deadline.left():
                self._stop("its time was up")
                return
            try:
                write()
            except StoreError as fault:
                self._refused(fault)
                return
            self._refusals = 0

    def _refused(self, fault: StoreError) -> None:
        with self._lock:
            self.faults.append(str(fault))
            self._refusals += 1
            if self._refusals >= REFUSALS:
                self._stop(f"the table refused {self._refusals} writes in a row")

    def _stop(self, why: str) -> None:
        self.stopped = self.stopped or f"{why}: the next refresh writes the rest"
