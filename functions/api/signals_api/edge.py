"""What every request and answer passes: limits on what comes in, headers on what goes out."""

from aws_lambda_powertools import Logger
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signals_api import SERVICE
from signals_api.problems import Problem, answer, unexpected

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""For data; a page that needs more sets its own policy, which holds."""

LONGEST_BODY = 65_536
"""Bytes that a request may bring: the extension's are some hundred."""
TOO_LARGE = f"A request may have a body of at most {LONGEST_BODY} bytes; send only the members that are used."

logger = Logger(service=SERVICE)


class Edge:
    """ASGI middleware: security headers, no huge request, HEAD, and an answer even to the unexpected.

    HEAD is answered as GET without its body. Starlette's own answer to an unexpected error passes by the
    CORS layer, so that a browser could not read it; this one does not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        going_out = _GoingOut(send, without_body=scope["method"] == "HEAD")
        inner = {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope
        try:
            _check_length(Headers(scope=scope))
            await self.app(inner, _counted(receive), going_out)
        except Problem as problem:
            await answer(Request(scope), problem)(scope, receive, going_out)
        except Exception:
            if going_out.started:
                raise
            logger.exception("unexpected error")
            await unexpected(Request(scope))(scope, receive, going_out)


class _GoingOut:
    """Sends an answer with what every answer carries."""

    def __init__(self, send: Send, without_body: bool) -> None:
        self._send = send
        self._without_body = without_body
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if "GET" in headers.get("allow", ""):
                headers["allow"] += ", HEAD"
        elif self._without_body:
            message = {**message, "body": b""}
        await self._send(message)


def _check_length(headers: Headers) -> None:
    """Raises Problem where a request announces too much, or nothing that can be understood."""
    for given in headers.getlist("content-length"):
        if not (given.isascii() and given.isdigit()):
            detail = "Content-Length must be a number of bytes, in decimal digits."
            raise Problem(400, "bad-content-length", detail)
        digits = given.lstrip("0")
        if len(digits) > len(str(LONGEST_BODY)) or int(digits or "0") > LONGEST_BODY:
            raise Problem(413, "too-large", TOO_LARGE)


def _counted(receive: Receive) -> Receive:
    """Counts what really comes: a chunked body announces nothing."""
    brought = 0

    async def counted() -> Message:
        nonlocal brought
        message = await receive()
        brought += len(message.get("body", b""))
        if brought > LONGEST_BODY:
            raise HTTPException(413, TOO_LARGE)  # FastAPI passes on no other error in the middle of a body
        return message

    return counted
