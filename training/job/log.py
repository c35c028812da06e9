"""What a job says: one JSON object a line, for whatever collects logs."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TextIO

from growfolio.domain.times import utc_text


@dataclass(slots=True)
class JobLog:
    """Lines of {"at", "level", "run", "stage", "message", ...facts}; now gives seconds since the epoch."""

    out: TextIO
    now: Callable[[], float]
    run: str
    stage: str = field(default="start")

    def info(self, message: str, **facts: object) -> None:
        self._line("info", message, facts)

    def error(self, message: str, **facts: object) -> None:
        self._line("error", message, facts)

    def _line(self, level: str, message: str, facts: dict[str, object]) -> None:
        line = {"at": utc_text(int(self.now())), "level": level, "run": self.run, "stage": self.stage}
        self.out.write(json.dumps(line | {"message": message} | facts, default=str) + "\n")
        self.out.flush()
