"""The watch's handler: shares out, and an error when readers cannot reach the API."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from growfolio.domain.assets import ASSETS, Timeframe
from growfolio.errors import PublicAddressError
from growfolio.public_address import check
from growfolio.settings import Settings

from functions.watch.app import make_handler
from tests.fakes.memory_store import MemoryStore
from tests.samples import a_signal

NOON = int(datetime(2024, 9, 5, 16, 0, tzinfo=UTC).timestamp())
HEALTHY = b'{"healthy": true, "markets": []}'
UNHEALTHY = b'{"type": "urn:growfolio:unhealthy", "status": 503, "markets": []}'


class Context:
    function_name = "watch"
    memory_limit_in_mb = 256
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:watch"
    aws_request_id = "1"


@dataclass
class Address:
    """An address that answers whatever a test says."""

    url: str = ""
    status: int = 200
    body: bytes = HEALTHY


@pytest.fixture
def address() -> Iterator[Address]:
    own = Address()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(own.status if self.path == "/v1/health" else 404)
            self.end_headers()
            self.wfile.write(own.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        own.url = f"http://127.0.0.1:{server.server_port}"
        yield own
        server.shutdown()


@pytest.mark.parametrize(("status", "body"), [(200, HEALTHY), (503, UNHEALTHY)])
def test_an_api_that_answers_well_or_ill_is_reached(address: Address, status: int, body: bytes) -> None:
    address.status, address.body = status, body
    check(address.url)


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (500, HEALTHY, "answered 500"),
        (403, b"Forbidden", "answered 403"),
        (503, b'{"message": "Service Unavailable"}', "not the API's health"),
        (200, b"<html>parked</html>", "not the API's health"),
        (200, b"[]", "not the API's health"),
    ],
)
def test_whatever_else_answers_is_not_the_api(address: Address, status: int, body: bytes, fault: str) -> None:
    address.status, address.body = status, body
    with pytest.raises(PublicAddressError, match=fault):
        check(address.url)


def test_a_silent_address_is_named() -> None:
    with pytest.raises(PublicAddressError, match=r"http://127\.0\.0\.1:1 does not answer"):
        check("http://127.0.0.1:1")


def test_only_https_is_asked() -> None:
    with pytest.raises(PublicAddressError, match="no https address"):
        check("file:///etc/passwd")


def test_shares_are_measured_before_the_address_is_called(
    address: Address, capsys: pytest.CaptureFixture[str]
) -> None:
    address.status = 500
    settings = Settings(stage="test", public_url=address.url)
    with pytest.raises(PublicAddressError):
        make_handler(MemoryStore(), settings, lambda: NOON)({}, Context())
    assert '"FreshShare"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("symbol", "ill", "well"), [("BTC", "crypto", "stocks"), ("AAPL", "stocks", "crypto")]
)
def test_a_market_that_cannot_be_judged_is_not_fresh_and_the_other_is_judged_all_the_same(
    symbol: str, ill: str, well: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = MemoryStore()
    for asset in ASSETS:
        for timeframe in Timeframe:
            made = a_signal(asset.symbol, timeframe, bar_close=NOON)
            expires = "soon" if asset.symbol == symbol else NOON + 390
            store.put_signal(replace(made, expires_at=expires))  # type: ignore[arg-type]
    shares = make_handler(store, Settings(stage="test"), lambda: NOON)({}, Context())
    assert shares == {ill: 0.0, well: 1.0}
    assert f"no share of {ill}" in caplog.text
    assert "TypeError" in caplog.text


def test_without_an_address_the_watch_only_measures() -> None:
    shares = make_handler(MemoryStore(), Settings(stage="test"), lambda: NOON)({}, Context())
    assert shares == {"stocks": 0.0, "crypto": 0.0}
