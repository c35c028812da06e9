"""A provider's JSON service on this machine: what the fakes of single services have in common."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    deaths = 0
    """How often all open connections died."""
    hangs_up = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that lose patience hang up."""


class JsonAnswer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: QuietServer

    def setup(self) -> None:
        super().setup()
        self._born_after = self.server.deaths

    def parse_request(self) -> bool:
        if self.server.hangs_up or self._born_after < self.server.deaths:
            self.close_connection = True  # without an answer
            return False
        return super().parse_request()

    def send_json(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class JsonService:
    """A context manager that serves, by the server it is given, while its block runs."""

    def __init__(self, server: QuietServer) -> None:
        self.targets: list[str] = []
        """Paths with their queries, as they would stand in a log."""
        self.stopping = threading.Event()
        """Set when the block ends: what is never answered until then is let go."""
        self._server = server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def hang_up(self) -> None:
        """From now on end every connection without an answer."""
        self._server.hangs_up = True

    def kill_idle_connections(self) -> None:
        """Let every open connection end without an answer when its next request comes in.

        The client has no sign of it before: a firewall forgot the connection, or the machine slept.
        """
        self._server.deaths += 1

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
