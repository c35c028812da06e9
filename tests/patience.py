"""How long tests wait for what should come: so long that only a hang is given up, on a busy machine too."""

from growfolio.market.ports import Patience

HANG = 300.0
"""Seconds. A test that needs a time-out to strike has a server that never answers, and its own limit."""

PATIENT = Patience(request=HANG, deadline=HANG, pause=0.001, publication=HANG, publication_step=HANG / 3)
"""With a healthy provider. Waits for late bars end after two of them, and are to be skipped by `no_wait`."""


def no_wait(seconds: float) -> None:
    """In place of a pause."""
