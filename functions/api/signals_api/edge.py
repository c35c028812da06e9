"""What every answer carries, and what a reader gets when our own code fails."""

from aws_lambda_powertools import Logger
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from signals_api import SERVICE
from signals_api.problems import unexpected

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
}
"""For data; a page that needs more sets its own policy, which holds."""

logger = Logger(service=SERVICE)


class Edge:
    """ASGI middleware: security headers on every answer, and an answer even to the unexpected.

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

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            if started:
                raise
            logger.exception("unexpected error")
            await unexpected(Request(scope))(scope, receive, send_with_headers)
