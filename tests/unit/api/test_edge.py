"""Who may read from a browser, and what every answer carries."""

import pytest

from tests.unit.api.conftest import EXTENSION, Api

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
