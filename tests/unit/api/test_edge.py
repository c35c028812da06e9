"""Who may read from a browser, and what every answer carries."""

import asyncio
import json
from typing import Any

import pytest
from signals_api.edge import LONGEST_BODY

from tests.unit.api.conftest import EXTENSION, READ_PATHS, Api

EVERY_KIND = ["/v1/signals", "/v1/assets", "/v1/health", "/v1/signals/GME", "/nowhere", "/openapi.json"]


@pytest.mark.parametrize("path", EVERY_KIND)
def test_the_extension_may_read_every_answer_and_its_tag(api: Api, path: str) -> None:
    answer = api.client.get(path, headers={"Origin": EXTENSION})
    assert answer.headers["access-control-allow-origin"] == EXTENSION
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "chrome-extension://zzz", EXTENSION + ".evil", EXTENSION.upper(), "null"],
)
def test_no_other_origin_may(api: Api, origin: str) -> None:
    answer = api.client.get("/v1/signals", headers={"Origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    preflight = api.client.options(
        "/v1/signals", headers={"Origin": origin, "Access-Control-Request-Method": "GET"}
    )
    assert preflight.status_code == 400
    assert "access-control-allow-origin" not in preflight.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_extension_may_ask_with_a_tag_and_post(api: Api, method: str) -> None:
    preflight = api.client.options(
        "/v1/signals",
        headers={
            "Origin": EXTENSION,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "if-none-match,content-type",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == EXTENSION


def test_a_shared_cache_keeps_answers_to_different_origins_apart(api: Api) -> None:
    assert api.get("/v1/signals").headers["vary"] == "Origin"


@pytest.mark.parametrize("path", EVERY_KIND)
def test_every_answer_is_only_what_it_says_it_is(api: Api, path: str) -> None:
    headers = api.client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert "max-age" in headers["strict-transport-security"]


@pytest.mark.parametrize("path", [*READ_PATHS, "/", "/openapi.json", "/nowhere", "/analyze_trader_type"])
def test_head_is_answered_as_get_without_its_body(api: Api, path: str) -> None:
    whole, head = api.client.get(path), api.client.head(path)
    assert (head.status_code, head.content) == (whole.status_code, b"")
    assert head.headers == whole.headers


@pytest.mark.parametrize("path", READ_PATHS)
@pytest.mark.parametrize("query", ["nonsense=1", "Timeframe=5m", "=", "%00", "a[]=1"])
def test_a_parameter_that_a_route_does_not_have_is_refused_on_all_of_them(
    api: Api, path: str, query: str
) -> None:
    answer = api.get(f"{path}?{query}")
    assert answer.status_code == 422
    assert api.store.reads == []


def sent(
    api: Api, *chunks: bytes, path: str = "/recommend_stock", headers: dict[str, str] | None = None
) -> tuple[int, Any, int]:
    """What a POST is answered that comes in these chunks: status, JSON, and how many chunks were read."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
        "client": ("203.0.113.7", 443),
        "server": ("api.example", 443),
    }
    coming = list(chunks)
    answered: list[Any] = []

    async def receive() -> dict[str, Any]:
        body = coming.pop(0) if coming else b""
        return {"type": "http.request", "body": body, "more_body": bool(coming)}

    async def send(message: Any) -> None:
        answered.append(message)

    asyncio.run(api.client.app(scope, receive, send))  # type: ignore[arg-type]
    body = b"".join(message.get("body", b"") for message in answered)
    return answered[0]["status"], json.loads(body), len(chunks) - len(coming)


@pytest.mark.parametrize("size", [LONGEST_BODY + 1, 30_000_000])
def test_bytes_are_counted_while_they_come_whatever_was_announced(api: Api, size: int) -> None:
    chunk = b" " * 16_384
    chunks = [chunk] * (size // len(chunk)) + [chunk[: size % len(chunk)]]
    status, problem, read = sent(api, *chunks)
    assert (status, problem["type"]) == (413, "urn:growfolio:too-large")
    assert "65536 bytes" in problem["detail"]
    assert read <= 5, "nothing is read beyond what is too much"


def test_as_much_as_is_allowed_is_read(api: Api) -> None:
    body = b'{"stock_name": "AAPL"'
    status, answer, _ = sent(api, body, b" " * (LONGEST_BODY - len(body) - 1), b"}")
    assert (status, answer["stock"]) == (200, "AAPL")


@pytest.mark.parametrize(
    ("length", "status", "kind"),
    [
        ("", 400, "bad-content-length"),
        ("abc", 400, "bad-content-length"),
        ("-1", 400, "bad-content-length"),
        ("+5", 400, "bad-content-length"),
        ("1e3", 400, "bad-content-length"),
        ("5, 5", 400, "bad-content-length"),
        ("0x10", 400, "bad-content-length"),
        ("12.0", 400, "bad-content-length"),
        ("\u00b2", 400, "bad-content-length"),
        ("\u00bd", 400, "bad-content-length"),
        ("65537", 413, "too-large"),
        ("9" * 30, 413, "too-large"),
        ("9" * 5000, 413, "too-large"),
    ],
)
def test_a_content_length_of_any_form_is_answered(api: Api, length: str, status: int, kind: str) -> None:
    answered, problem, _ = sent(api, b"{}", headers={"content-length": length})
    assert (answered, problem["type"]) == (status, f"urn:growfolio:{kind}")


@pytest.mark.parametrize("length", ["0", "00000000000000000000000000000022", "65536"])
def test_a_content_length_that_is_a_number_is_believed_no_further_than_the_body(
    api: Api, length: str
) -> None:
    status, _, _ = sent(api, b'{"stock_name": "AAPL"}', headers={"content-length": length})
    assert status == 200


@pytest.mark.parametrize("host", ["", "[", "a:b:c", "[::1", "x y"])
def test_a_host_of_any_form_is_answered(api: Api, host: str) -> None:
    status, problem, _ = sent(api, b"{", headers={"host": host})
    assert (status, problem["instance"]) == (422, "/recommend_stock")


@pytest.mark.parametrize(
    "given",
    [
        {"numbers": [1e-300] * 4000},
        {"numbers": [1e300] * 4000},
        {"text": "\U0001f600" * 8000},
        {"nested": [[[[[1e-14] * 5000]]]]},
    ],
)
def test_what_is_sent_back_is_not_many_times_what_came(api: Api, given: dict[str, Any]) -> None:
    """64 KiB of 1e-300, each written out with its 300 zeros, would be 20 MB."""
    body = json.dumps({"stock_name": "AAPL", "ml_output": given}, ensure_ascii=False).encode()
    status, answer, _ = sent(api, body)
    assert (status, answer["ml_output"]) == (200, given)
    text = api.client.post("/recommend_stock", content=body).text
    assert len(text) < 8 * len(body)
