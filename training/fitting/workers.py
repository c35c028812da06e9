"""Spreads the work of many models over all cores: one model a thread, not one model over all threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import torch

T = TypeVar("T")


def each(work: Callable[[int], T], count: int) -> list[T]:
    """Return work(0) to work(count - 1), as many at once as torch may use threads.

    Models are so small that two threads at one of them wait for each other; at two of them they do not. A
    single one is left to torch.
    """
    threads = torch.get_num_threads()
    if count < 2 or threads < 2:
        return [work(number) for number in range(count)]
    # Threads that torch meets now keep one to themselves, whatever is set for this one later.
    torch.set_num_threads(1)
    try:
        return list(_workers(threads).map(work, range(count)))
    finally:
        torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def _workers(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="fleet")
