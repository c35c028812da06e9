"""Asking a provider for many things at once: each answer or fault by itself, none waited for too long.

Retries are written here rather than taken from a library (tenacity): it is one loop, two layers would
carry the dependency, and the tries must share one deadline with what all other assets are doing.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from queue import Empty, SimpleQueue
from typing import TypeVar

from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError
from growfolio.market.ports import Patience

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


def gather(keys: Iterable[K], ask: Callable[[K], V], patience: Patience) -> dict[K, V | MarketError]:
    """What ask gives for each key, all asked at once, or the MarketError that it ended with.

    ask blocks for about patience.request seconds at most and raises MarketError; a temporary one is
    tried again. A key without an answer at the deadline gets a TemporaryMarketError. Its thread is left
    behind: it is a daemon, and nobody reads what it still brings.
    """
    keys = list(keys)
    answers: SimpleQueue[tuple[K, V | MarketError]] = SimpleQueue()
    deadline = time.monotonic() + patience.deadline

    def answer(key: K) -> None:
        answers.put((key, _ask_until(deadline, key, ask, patience)))

    for key in keys:
        threading.Thread(target=answer, args=(key,), name=f"gather-{key}", daemon=True).start()
    found: dict[K, V | MarketError] = {}
    while len(found) < len(keys):
        try:
            key, answered = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            break
        found[key] = answered
    silence = TemporaryMarketError(f"no answer within {patience.deadline:g} s")
    return {key: found.get(key, silence) for key in keys}


def refuse(status: int, provider: str, cure: str = "") -> None:
    """Raises the MarketError that an HTTP status stands for; does nothing where it stands for none.

    cure says what to do where the provider will never serve this address or account.
    """
    if status in (408, 418, 425, 429) or status >= 500:
        raise TemporaryMarketError(f"{provider} answered {status}")
    if status in (401, 403, 451):
        advice = f": {cure}" if cure else ""
        raise PermanentMarketError(f"{provider} refuses to serve this address or account ({status}){advice}")


def _ask_until(deadline: float, key: K, ask: Callable[[K], V], patience: Patience) -> V | MarketError:
    pause = patience.pause
    for last in (False,) * (patience.tries - 1) + (True,):
        try:
            return ask(key)
        except TemporaryMarketError as fault:
            wait = pause * random.uniform(0.5, 1.5)  # noqa: S311  (so that assets do not come back as one)
            if last or time.monotonic() + wait >= deadline:
                return fault
        except MarketError as fault:
            return fault
        except Exception as fault:  # a provider's library met an answer that it cannot parse
            log.warning("an answer for %s could not be read", key, exc_info=True)
            return PermanentMarketError(f"an unreadable answer: {type(fault).__name__}: {fault}"[:200])
        time.sleep(wait)
        pause *= 2
    raise AssertionError("patience.tries must be at least 1")
