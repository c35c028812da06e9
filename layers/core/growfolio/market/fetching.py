"""Asking a provider for many things at once: each answer or fault by itself, none waited for too long.

Retries are written here rather than taken from a library (tenacity): it is one loop, two layers would
carry the dependency, and the tries must share one deadline with what all other assets are doing.
"""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from queue import Empty, SimpleQueue
from typing import TypeVar

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, opens_of
from growfolio.domain.grid import last_slots
from growfolio.domain.moves import doubtful
from growfolio.domain.quarantine import newest_published
from growfolio.domain.refusals import LATE_SLOTS
from growfolio.errors import MarketError, PermanentMarketError, TemporaryMarketError, WrongAnswer
from growfolio.limits import Backoff
from growfolio.market.ports import Fetched, Patience

log = logging.getLogger(__name__)

JITTER = 0.5
"""Of each pause between tries, so that assets do not come back as one."""

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Fetch = Callable[[Mapping[Asset, int], int], Fetched]
"""As MarketSource.fetch."""


def gather(
    keys: Iterable[K],
    ask: Callable[[K], V],
    patience: Patience,
    clock: Callable[[], float] = time.monotonic,
) -> dict[K, V | MarketError]:
    """Ask for all keys at once; for each, what ask returned or the MarketError that it ended with.

    ask blocks for about patience.request seconds at most and raises MarketError; a temporary one is
    tried again. A key without an answer at the deadline gets a TemporaryMarketError. Its thread is left
    behind: it is a daemon, and nobody reads what it still brings.
    """
    keys = list(keys)
    answers: SimpleQueue[tuple[K, V | MarketError]] = SimpleQueue()
    deadline = clock() + patience.deadline

    def answer(key: K) -> None:
        answers.put((key, _ask_until(deadline, key, ask, patience)))

    for key in keys:
        threading.Thread(target=answer, args=(key,), name=f"gather-{key}", daemon=True).start()
    found: dict[K, V | MarketError] = {}
    while len(found) < len(keys):
        try:
            key, answered = answers.get(timeout=max(0.0, deadline - clock()))
        except Empty:
            break
        found[key] = answered
    silence = TemporaryMarketError(f"no answer within {patience.deadline:g} s")
    return {key: found.get(key, silence) for key in keys}


def raise_for_status(status: int, provider: str, cure: str = "") -> None:
    """Raise the MarketError that an HTTP status stands for; do nothing where it stands for none.

    cure says what to do where the provider will never serve this address or account.
    """
    if status in (408, 418, 425, 429) or status >= 500:
        raise TemporaryMarketError(f"{provider} answered {status}")
    if status in (401, 403, 451):
        advice = f": {cure}" if cure else ""
        raise PermanentMarketError(f"{provider} refuses to serve this address or account ({status}){advice}")


def missing_quotes(answers: Mapping[Asset, object]) -> tuple[str, ...]:
    """Note each error among the answers once, with the assets that it kept from having a live price."""
    symbols = defaultdict(list)
    for asset, answer in answers.items():
        if isinstance(answer, MarketError):
            symbols[str(answer)].append(asset.symbol)
    return tuple(f"no live price of {', '.join(who)}: {reason}" for reason, who in symbols.items())


def wrong_answers(answers: Mapping[Asset, object]) -> tuple[str, ...]:
    """Note the answers to other questions than those asked."""
    return tuple(f"{a.symbol}: {answer}" for a, answer in answers.items() if isinstance(answer, WrongAnswer))


def fetch_checked(
    fetch: Fetch,
    since: Mapping[Asset, int],
    now: int,
    patience: Patience,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Fetched:
    """Fetch, and ask again what is doubtful or late.

    Prices that moved further than the asset's own do are asked for once more, at once: the second answer
    holds, whether it repeats them or not. An asset whose newest closed bar is not published yet, or in
    part, is asked for again every patience.publication_step seconds, for patience.publication seconds at
    most. One that has been silent for longer than a provider is late is not waited for, nor one without
    any answer: its tries are over. now stays what it was: waiting lets nothing in that had not closed by
    then.
    """
    answers = fetch(since, now)
    if doubted := _doubted(answers):
        _follow(answers, fetch(doubted, now))
    end = clock() + patience.publication
    for _ in range(int(patience.publication // patience.publication_step)):
        late = _late(answers, now)
        if not late or clock() + patience.publication_step > end:
            break
        wait(patience.publication_step)
        _follow(answers, fetch(late, now))
    return answers


def _follow(answers: Fetched, again: Fetched) -> None:
    """Put what came the second time in the place of what came the first time; an error changes nothing."""
    for asset, newer in again.items():
        known = answers[asset]
        if isinstance(newer, Bars) and isinstance(known, Bars):
            answers[asset] = known.followed_by(newer)


def _ask_until(deadline: float, key: K, ask: Callable[[K], V], patience: Patience) -> V | MarketError:
    last: MarketError = TemporaryMarketError("it was not asked for: patience.tries must be at least 1")
    for _ in Backoff(patience.tries, patience.pause, jitter=JITTER).attempts(deadline):
        try:
            return ask(key)
        except TemporaryMarketError as fault:
            last = fault.with_traceback(None)  # whose frames would keep the answer's socket open
        except MarketError as fault:
            return fault
        except Exception as fault:  # a provider's library met an answer that it cannot parse
            log.warning("an answer for %s could not be read", key, exc_info=True)
            return PermanentMarketError(f"an unreadable answer: {type(fault).__name__}: {fault}"[:200])
    return last


def _late(answers: Fetched, now: int) -> dict[Asset, int]:
    """The assets that lack only the newest closed bars, and since when to ask for them."""
    late = {}
    for asset, bars in answers.items():
        if isinstance(bars, Bars) and len(bars):
            newest = newest_published(bars)
            slots = opens_of(last_slots(asset.market, now, Timeframe.M5, LATE_SLOTS + 1))
            if newest is not None and slots[0] <= newest < slots[-1]:
                late[asset] = newest
    return late


def _doubted(answers: Fetched) -> dict[Asset, int]:
    """The assets with a bar that moved further than theirs do, and when the first such bar opened."""
    doubted = {}
    for asset, bars in answers.items():
        if isinstance(bars, Bars) and len(bars) > 1:
            far = doubtful(bars)
            if far.any():
                doubted[asset] = int(bars.open_time[far].min())
    return doubted
