"""What every answer carries, and what a reader gets when our own code fails."""

from aws_lambda_powertools import Logger
from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signals_api import SERVICE
from signals_api.problems import too_large, unexpected

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""For data; a page that needs more sets its own policy, which holds."""

LONGEST_BODY = 65_536
"""Bytes that a request may bring: the extension's are some hundred."""

logger = Logger(service=SERVICE)


class Edge:
    """ASGI middleware: security headers on every answer, no huge request, an answer even to the unexpected.

    Starlette's own answer to an unexpected error passes by the CORS layer, so that a browser could
    not read it; this one does not.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > LONGEST_BODY:
            await too_large(Request(scope), LONGEST_BODY)(scope, receive, send_with_headers)
            return
        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            if started:
                raise
            logger.exception("unexpected error")
            await unexpected(Request(scope))(scope, receive, send_with_headers)
