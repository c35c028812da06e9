"""Finnhub on this machine: the part of its wire format that quotes use."""

import json
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.json_service import JsonAnswer, JsonService, QuietServer
from tests.patience import HANG

KEY = "finnhub-key"
UNKNOWN = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
"""What Finnhub answers for a symbol that it does not know."""


def a_quote(price: float, moment: int) -> dict[str, Any]:
    return {"c": price, "d": 1.0, "dp": 0.5, "h": price, "l": price, "o": price, "pc": price, "t": moment}


class FakeFinnhub(JsonService):
    """A context manager. `quotes` holds the answer for each symbol; the rest is what goes wrong."""

    def __init__(self) -> None:
        server = _Server(("127.0.0.1", 0), _Answer)
        server.finnhub = self
        super().__init__(server)
        self.quotes: dict[str, Any] = {}
        self.key = KEY
        """Who sends another gets 401."""
        self.status: dict[str, int] = {}
        """Symbols that are answered with this status."""
        self.bodies: dict[str, bytes] = {}
        """Symbols that are answered with these bytes, called JSON."""
        self.silent: set[str] = set()
        """Symbols that are never answered."""
        self.together: threading.Barrier | None = None
        """Answers wait until so many requests have come in."""
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"{super().url}/api/v1"

    def answer(self, symbol: str, key: str) -> tuple[int, bytes]:
        if symbol in self.silent:
            self.stopping.wait()
        if self.together:
            self.together.wait(HANG)
        if key != self.key:
            return 401, json.dumps({"error": "Invalid API key"}).encode()
        status = self.status.get(symbol, 200)
        if status != 200:
            return status, json.dumps({"error": "trouble"}).encode()
        return 200, self.bodies.get(symbol) or json.dumps(self.quotes.get(symbol, UNKNOWN)).encode()


class _Server(QuietServer):
    finnhub: FakeFinnhub


class _Answer(JsonAnswer):
    server: _Server

    def do_GET(self) -> None:  # noqa: N802  (http.server calls it so)
        finnhub, url = self.server.finnhub, urlsplit(self.path)
        finnhub.targets.append(self.path)
        if url.path != "/api/v1//quote":  # finnhub-python joins the two with one slash too many
            self.send_json(404, b"{}")
            return
        symbol = parse_qs(url.query)["symbol"][0]
        finnhub.asked.append(symbol)
        self.send_json(*finnhub.answer(symbol, self.headers.get("X-Finnhub-Token", "")))
