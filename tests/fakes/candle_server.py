"""A provider of candles on this machine: answers by symbol, with faults and delays to order."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Self
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

from growfolio.domain.bars import Bars

from tests.fakes.json_service import JsonAnswer, QuietServer
from tests.patience import HANG

ANY = "*"
"""In place of a symbol: every request, those for no symbol included."""
SILENCE = 0.05
"""Seconds that clients wait for what is never answered, whatever the patience they were given."""


@dataclass(frozen=True)
class Request:
    """One request as it came in. symbol is empty where it asked for none."""

    path: str
    query: Mapping[str, str]
    symbol: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in lower case."""


@dataclass
class Fault:
    """What requests meet in place of candles."""

    status: int = 200
    body: bytes = b""
    cut: bool = False
    """The connection breaks off before the promised length."""
    times: float = float("inf")
    """How many requests meet it; those after find all well."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that the answer has beside the usual ones."""


class CandleServer(ABC):
    """Base of the fakes: a subclass speaks one provider's wire format. Use it in a `with` block."""

    def __init__(self, candles: Mapping[str, Bars] | None = None) -> None:
        self.candles: dict[str, Bars] = dict(candles or {})
        """What there is, by the provider's symbol. May change while the server runs."""
        self.requests: list[Request] = []
        self.delays: dict[str, float] = {}
        """Seconds before a symbol's answer (or ANY's), for benchmarks."""
        self.silent: set[str] = set()
        """Symbols (or ANY) that are never answered: their requests are held until the server stops."""
        self.together: threading.Barrier | None = None
        """Answers to requests for symbols wait until so many have come in."""
        self.withheld: dict[str, int] = {}
        """For how many more answers a symbol's newest bar is not published yet."""
        self.swapped: dict[str, str] = {}
        """Symbols whose requests are answered with another symbol's candles."""
        self.clock_off = 0
        """Seconds that the Date of each answer is ahead of the true time."""
        self._faults: dict[str, Fault] = {}
        self._stopped = threading.Event()
        self._http = _Server(("127.0.0.1", 0), _handler(self))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def meet(self, symbol: str, fault: Fault) -> None:
        """Let requests for a symbol (or ANY) meet a fault."""
        self._faults[symbol] = fault

    def recover(self) -> None:
        """From now on all is well."""
        self._faults.clear()
        self.silent.clear()

    def keeps_silent(self, symbol: str) -> bool:
        return not self.silent.isdisjoint((symbol, ANY))

    def kill_idle_connections(self) -> None:
        """See JsonService."""
        self._http.deaths += 1

    def requested(self, symbol: str) -> list[Request]:
        return [request for request in self.requests if request.symbol == symbol]

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        if self.together:
            self.together.abort()
        self._http.shutdown()
        self._http.server_close()

    @abstractmethod
    def symbol_of(self, path: str, query: Mapping[str, str]) -> str:
        """The symbol that a request is for, empty for none."""

    @abstractmethod
    def answer(self, request: Request) -> tuple[int, bytes]:
        """Status and body when all is well."""

    def published(self, symbol: str) -> Bars | None:
        """The symbol's candles, less the newest while that is withheld."""
        bars = self.candles.get(self.swapped.get(symbol, symbol))
        if bars is None or self.withheld.get(symbol, 0) <= 0:
            return bars
        self.withheld[symbol] -= 1
        return bars.where(bars.open_time < bars.open_time.max())

    def respond(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes, Fault]:
        """Status, body and the fault that the answer met: whether to cut it short, and its headers."""
        request = Request(path, query, self.symbol_of(path, query), headers or {})
        self.requests.append(request)
        if self.keeps_silent(request.symbol):
            self._stopped.wait()
        if self.together and request.symbol:
            self.together.wait(HANG)
        self._stopped.wait(max(self.delays.get(request.symbol, 0), self.delays.get(ANY, 0)))
        fault = self._faults.get(request.symbol) or self._faults.get(ANY)
        if fault is not None and fault.times > 0:
            fault.times -= 1
            status, body = (200, self.answer(request)[1]) if fault.cut else (fault.status, fault.body)
            return status, body, fault
        return *self.answer(request), Fault()


def patience_with(server: object, url: SplitResult, given: float) -> float:
    """The time-out that a client's session uses: the one given, but SILENCE for what is never answered.

    So a time-out strikes where a server is silent, and nowhere else, however busy the machine is.
    """
    if not isinstance(server, CandleServer):  # one in another process
        return given
    silent = server.keeps_silent(server.symbol_of(url.path, dict(parse_qsl(url.query))))
    return min(given, SILENCE) if silent else given


class _Server(QuietServer):
    request_queue_size = 128


def _handler(server: CandleServer) -> type[BaseHTTPRequestHandler]:
    class Handler(JsonAnswer):
        wbufsize = 1 << 16
        """Head and body leave together: apart, the client's delayed ACK would cost 40 ms."""

        def do_GET(self) -> None:  # noqa: N802  (http.server calls it so)
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, body, met = server.respond(url.path, query, headers)
            self.send_response_only(status)
            self.send_header("Date", formatdate(time.time() + server.clock_off, usegmt=True))
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in met.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if met.cut else body)
            self.close_connection = met.cut

    return Handler
