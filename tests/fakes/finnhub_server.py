"""Finnhub on this machine: the part of its wire format that quotes use."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

KEY = "finnhub-key"
UNKNOWN = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
"""What Finnhub answers for a symbol that it does not know."""


def a_quote(price: float, moment: int) -> dict[str, Any]:
    return {"c": price, "d": 1.0, "dp": 0.5, "h": price, "l": price, "o": price, "pc": price, "t": moment}


class FakeFinnhub:
    """A context manager. `quotes` holds the answer for each symbol; the rest is what goes wrong."""

    def __init__(self) -> None:
        self.quotes: dict[str, Any] = {}
        self.key = KEY
        """Who sends another gets 401."""
        self.status: dict[str, int] = {}
        """Symbols that are answered with this status."""
        self.bodies: dict[str, bytes] = {}
        """Symbols that are answered with these bytes, called JSON."""
        self.silent: dict[str, float] = {}
        """Symbols that are answered after so many seconds."""
        self.asked: list[str] = []
        self.targets: list[str] = []
        """Paths with their queries, as they would stand in a log."""
        self._server = _Server(("127.0.0.1", 0), _Answer)
        self._server.finnhub = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/api/v1"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, symbol: str, key: str) -> tuple[int, bytes]:
        time.sleep(self.silent.get(symbol, 0.0))
        if key != self.key:
            return 401, json.dumps({"error": "Invalid API key"}).encode()
        status = self.status.get(symbol, 200)
        if status != 200:
            return status, json.dumps({"error": "trouble"}).encode()
        return 200, self.bodies.get(symbol) or json.dumps(self.quotes.get(symbol, UNKNOWN)).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    finnhub: FakeFinnhub

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that lose patience hang up."""


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        finnhub, url = self.server.finnhub, urlsplit(self.path)
        finnhub.targets.append(self.path)
        if url.path != "/api/v1//quote":  # finnhub-python joins the two with one slash too many
            self._send(404, b"{}")
            return
        symbol = parse_qs(url.query)["symbol"][0]
        finnhub.asked.append(symbol)
        self._send(*finnhub.answer(symbol, self.headers.get("X-Finnhub-Token", "")))

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
