"""SSM on this machine, answering what a real one answers on a bad day."""

from tests.fakes.json_service import JsonAnswer, JsonService, QuietServer


class FaultyParameters(JsonService):
    """A context manager. Answers each request with `status` and `body`, and may close before the end."""

    def __init__(self, body: bytes, *, status: int = 200, announced: int | None = None) -> None:
        """announced is the length that the headers promise; the body's own by default."""
        server = _Server(("127.0.0.1", 0), _Answer)
        server.parameters = self
        super().__init__(server)
        self.status = status
        self.body = body
        self.announced = len(body) if announced is None else announced


class _Server(QuietServer):
    parameters: FaultyParameters


class _Answer(JsonAnswer):
    server: _Server

    def do_POST(self) -> None:  # noqa: N802  (http.server calls it so)
        parameters = self.server.parameters
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(parameters.status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(parameters.announced))
        self.end_headers()
        self.wfile.write(parameters.body)
        self.close_connection = True
