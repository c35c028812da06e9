"""Reading JSON that others wrote: each value is checked where it is taken, and a fault names its field."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

from growfolio.domain.times import from_utc_text
from growfolio.errors import PermanentModelError


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a document and where it stands. Every method raises PermanentModelError naming it."""

    path: str
    value: object

    def fault(self, problem: str) -> PermanentModelError:
        return PermanentModelError(f"{self.path}: {problem}")

    def __getitem__(self, key: str) -> "Field":
        fields = self._object()
        if key not in fields:
            raise self.fault(f"{key!r} is missing")
        return Field(f"{self.path}.{key}", fields[key])

    def has(self, key: str) -> bool:
        return key in self._object()

    def items(self) -> Iterator[tuple[str, "Field"]]:
        for key, value in self._object().items():
            yield key, Field(f"{self.path}.{key}", value)

    def elements(self) -> list["Field"]:
        if not isinstance(self.value, list):
            raise self.fault("must be a list")
        return [Field(f"{self.path}[{i}]", value) for i, value in enumerate(self.value)]

    def text(self, pattern: str = ".+", means: str = "must be a text") -> str:
        """A string that matches the whole pattern; means says so in words."""
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value, re.ASCII):
            raise self.fault(f"{means}, not {_short(self.value)}")
        return self.value

    def whole(self, least: int, most: int) -> int:
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.fault(f"must be a whole number, not {_short(self.value)}")
        if not least <= self.value <= most:
            raise self.fault(f"must lie in {least} to {most}, not {_short(self.value)}")
        return self.value

    def fraction(self) -> float:
        """A number above 0 and below 1."""
        number = self.value
        if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 1:
            raise self.fault(f"must be a number above 0 and below 1, not {_short(number)}")
        return float(number)

    def time(self) -> int:
        """A moment such as 2026-11-22T12:00:00Z, as seconds since the epoch."""
        try:
            return from_utc_text(self.text())
        except ValueError:
            raise self.fault(f"must be a time like 2026-11-22T12:00:00Z, not {_short(self.value)}") from None

    def any_object(self) -> dict[str, object]:
        """An object whose content is only passed on."""
        return dict(self._object())

    def _object(self) -> dict[str, object]:
        if not isinstance(self.value, dict):
            raise self.fault("must be an object")
        return self.value


def read_json(name: str, text: str | bytes) -> Field:
    """The whole document. Raises PermanentModelError where it is not JSON, or holds a NaN or infinity."""
    try:
        return Field(name, json.loads(text, parse_float=_finite, parse_constant=_finite))
    except (ValueError, RecursionError) as fault:
        raise PermanentModelError(f"{name}: not JSON: {fault}") from None


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"{text} is not a number of JSON")
    return number


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
