"""What a warm function has read, kept for as long as it cannot have changed."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Read = TypeVar("Read")


class Kept(Generic[Read]):
    """What was read last under each key, with the stretch of time that it speaks for.

    No entry is ever served outside of that stretch. Threads may share it: two that find nothing both
    read, and either's reading is as good.
    """

    def __init__(self, longest: int) -> None:
        """longest is how many seconds anything is kept at most; 0 keeps nothing."""
        self._longest = longest
        self._entries: dict[Hashable, tuple[int, int, Read]] = {}

    def get(self, key: Hashable, now: int, read: Callable[[], Read], until: Callable[[Read], int]) -> Read:
        """What is kept for now (seconds since the epoch), else what read gives, kept until that moment."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] <= now < entry[1]:
            return entry[2]
        found = read()
        if self._longest:
            self._entries[key] = (now, min(until(found), now + self._longest), found)
        return found
