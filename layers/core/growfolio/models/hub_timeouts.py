"""How long the Hub is waited for. huggingface_hub alone may wait for minutes; a refresh has seconds.

Imports huggingface_hub: hub.py imports this module only when a download may be needed.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory, hf_request_event_hook  # not exported

from growfolio.errors import TemporaryModelError
from growfolio.limits import Backoff
from growfolio.models.repository import Patience

BACKOFF = Backoff(tries=3, pause=0.3, factor=3.0)
"""Of one request."""

_ONE_AT_A_TIME = threading.Lock()
"""huggingface_hub has one client for the whole process."""


@dataclass(frozen=True, slots=True)
class _Deadline:
    at: float
    patience: Patience

    def left(self) -> float:
        """Seconds that one step may take. Raises TemporaryModelError when the time is up."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TemporaryModelError(f"the Hub took longer than {self.patience.deadline:g} s")
        return min(left, self.patience.request)


class _Client(httpx2.Client):
    """Tries each request a few times, then raises TemporaryModelError, which huggingface_hub lets pass."""

    def __init__(self, deadline: _Deadline) -> None:
        super().__init__(event_hooks={"request": [hf_request_event_hook]}, follow_redirects=True)
        self.deadline = deadline

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        trouble = ""
        for _ in BACKOFF.attempts(self.deadline.at):
            limits = dict.fromkeys(("connect", "read", "write", "pool"), self.deadline.left())
            request.extensions = {**request.extensions, "timeout": limits}
            try:
                response = super().send(request, **options)
            except httpx2.TransportError as fault:
                trouble = f"did not answer: {fault or type(fault).__name__}"
                continue
            if response.status_code < 500 and response.status_code not in (408, 429):
                response.stream = _Stream(response.stream, self.deadline)
                return response
            response.close()
            trouble = f"answered {response.status_code}"
        raise TemporaryModelError(f"the Hub ({request.url.host}) {trouble}")


class _Stream(httpx2.SyncByteStream):
    """An answer's body that must be whole by the deadline, however slowly it drips."""

    def __init__(self, stream: Any, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            self._deadline.left()
            yield chunk

    def close(self) -> None:
        self._stream.close()


@contextmanager
def patient(silence: float) -> Iterator[None]:
    """Within it, an upload waits no longer than so many seconds for a Hub that is silent.

    huggingface_hub alone waits for ever, which a job pays for. It tries again by itself.
    """
    with _ONE_AT_A_TIME:
        set_client_factory(
            lambda: httpx2.Client(
                event_hooks={"request": [hf_request_event_hook]}, follow_redirects=True, timeout=silence
            )
        )
        try:
            yield
        finally:
            set_client_factory(default_client_factory)


@contextmanager
def bounded(patience: Patience) -> Iterator[None]:
    """Within it, no thread waits for the Hub longer than patience allows: TemporaryModelError is raised."""
    with _ONE_AT_A_TIME:
        deadline = _Deadline(time.monotonic() + patience.deadline, patience)
        set_client_factory(lambda: _Client(deadline))
        try:
            yield
        finally:
            set_client_factory(default_client_factory)
