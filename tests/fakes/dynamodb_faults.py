"""A server that fails the way DynamoDB fails, in a given order, then answers empty."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOST = "lost"
"""The connection is cut before an answer comes."""
SLOW = "slow"
"""Never an answer."""
CUT = "cut"
"""An answer whose body is empty, as an orderly close leaves it."""
BROKEN = "InternalServerError"
OVERLOADED = "ServiceUnavailable"


class FaultyDynamoDB(ThreadingHTTPServer):
    """Meets each request with the next fault: an error code, LOST or SLOW."""

    daemon_threads = True

    def __init__(self, faults: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.faults = faults
        self.requests = 0
        self.stopping = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self) -> str | None:
        self.requests += 1
        return self.faults.pop(0) if self.faults else None


class _Handler(BaseHTTPRequestHandler):
    server: FaultyDynamoDB

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        fault = self.server.next_fault()
        if fault == SLOW:
            self.server.stopping.wait()
        if fault in (LOST, SLOW):
            self.close_connection = True
        elif fault == CUT:
            self._answer(200, {})
        elif fault is None:
            self._answer(200, {"Items": [], "Count": 0})
        else:
            status = {BROKEN: 500, OVERLOADED: 503}.get(fault, 400)
            self._answer(
                status, {"__type": f"com.amazonaws.dynamodb.v20120810#{fault}", "message": "said so"}
            )

    def _answer(self, status: int, body: dict[str, object]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@contextmanager
def faulty_dynamodb(*faults: str) -> Iterator[FaultyDynamoDB]:
    with FaultyDynamoDB(list(faults)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()
