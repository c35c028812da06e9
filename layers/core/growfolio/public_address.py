"""Whether the API's public address answers: what readers use, from outside of the function that serves it."""

import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from growfolio.errors import PublicAddressError

SECONDS = 12.0
"""How long to wait: a cold start of the API and its ten seconds at most."""
HEALTH = "/v1/health"


def check(url: str, seconds: float = SECONDS) -> None:
    """Ask for the health. Raises PublicAddressError unless the API itself answers, well or ill.

    An ill market is another alarm's concern: what counts here is that readers reach the API.
    """
    if not url.startswith(("https://", "http://127.0.0.1")):
        raise PublicAddressError(f"{url} is no https address: set GROWFOLIO_PUBLIC_URL to the API's")
    request = Request(url.rstrip("/") + HEALTH, headers={"Accept": "application/json"})  # noqa: S310
    try:
        with urlopen(request, timeout=seconds) as answer:  # noqa: S310  (https, checked above)
            body = answer.read(1_000_000)
    except HTTPError as refusal:
        if refusal.code != 503:
            raise PublicAddressError(f"{url}{HEALTH} answered {refusal.code}") from refusal
        body = refusal.read(1_000_000)
    except OSError as fault:
        raise PublicAddressError(f"{url} does not answer: {fault}") from fault
    if not _is_health(body):
        raise PublicAddressError(f"{url}{HEALTH} answered something that is not the API's health")


def _is_health(body: bytes) -> bool:
    try:
        answer = json.loads(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and "markets" in answer
