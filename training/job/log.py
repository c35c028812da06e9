"""The job's log: one JSON object a line, for whatever collects logs."""

import logging
import time
from typing import TextIO

from pythonjsonlogger.json import JsonFormatter

FIELDS = ("asctime", "level", "run", "stage", "message")


class JobLog:
    """Writes lines of {"at", "level", "run", "stage", "message", ...facts}."""

    def __init__(self, out: TextIO, run: str) -> None:
        """run is the job's id; stage changes as the job goes on."""
        self.run, self.stage = run, "start"
        formatter = JsonFormatter(
            FIELDS, datefmt="%Y-%m-%dT%H:%M:%SZ", rename_fields={"asctime": "at"}, json_default=str
        )
        formatter.converter = time.gmtime
        handler = logging.StreamHandler(out)
        handler.setFormatter(formatter)
        self._logger = logging.getLogger("training.job")
        self._logger.setLevel(logging.INFO)
        self._logger.handlers, self._logger.propagate = [handler], False

    def info(self, message: str, **facts: object) -> None:
        self._log(logging.INFO, message, facts)

    def error(self, message: str, **facts: object) -> None:
        self._log(logging.ERROR, message, facts)

    def _log(self, level: int, message: str, facts: dict[str, object]) -> None:
        own = {"level": logging.getLevelName(level).lower(), "run": self.run, "stage": self.stage}
        # As an argument: a percent sign in a message is no format.
        self._logger.log(level, "%s", message, extra=own | facts)
