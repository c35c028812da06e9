"""Errors as readers see them: application/problem+json (RFC 9457), saying what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from growfolio.domain.assets import ASSETS
from growfolio.errors import TemporaryStoreError, UnknownAsset
from growfolio.presentation import Json, to_json
from starlette.exceptions import HTTPException

from signals_api import SERVICE

STORE_RETRY_SECONDS = 5
SHOWN = 40
"""Characters of what a reader sent that an error repeats."""

DESCRIPTIONS = {
    400: "Not a request that can be read, or a trader type that is not served; see `detail`.",
    404: "No such asset; `known` lists those there are.",
    413: "More than a request may bring.",
    415: "The body says that it is something other than JSON.",
    422: "A parameter is unknown or out of its limits; `errors` says which, and what it should be.",
    500: "Something failed on our side; it has been logged.",
    503: "The store did not answer, or an open market lacks current signals; see `detail`.",
}
"""What each status means, for the document."""

logger = Logger(service=SERVICE)


class Problem(Exception):
    """An answer other than the one asked for.

    kind names it for programs, detail says what to do, and retry_after in how many seconds the same
    request may succeed; more are members that only this kind has.
    """

    def __init__(
        self, status: int, kind: str, detail: str, retry_after: int | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after
        self.more = more

    def as_json(self, instance: str) -> Json:
        """The problem of one request; instance is its path."""
        return {
            "type": f"urn:growfolio:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.more,
        }


def answer(request: Request, problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response; no cache may keep it."""
    all_headers = {"Cache-Control": "no-store", **(headers or {})}
    if problem.retry_after is not None:
        all_headers["Retry-After"] = str(problem.retry_after)
    body = to_json(problem.as_json(request.scope["path"]))
    return Response(body, problem.status, all_headers, "application/problem+json")


def unexpected(request: Request) -> Response:
    """The answer where our own code failed; the log has the rest, under the same request id."""
    event = request.scope.get("aws.event") or {}
    request_id = event.get("requestContext", {}).get("requestId")
    detail = "Something failed on our side, and it has been logged. Try again in a minute."
    more = {"request_id": request_id} if request_id else {}
    return answer(request, Problem(500, "unexpected", detail, **more))


def install(app: FastAPI) -> None:
    """Register an answer for every error that a request may meet."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, problem: Problem) -> Response:
        return answer(request, problem)

    @app.exception_handler(UnknownAsset)
    async def _unknown_asset(request: Request, error: UnknownAsset) -> Response:
        known = [asset.symbol for asset in ASSETS]
        return answer(request, Problem(404, "unknown-symbol", str(error), known=known))

    @app.exception_handler(TemporaryStoreError)
    async def _store_is_busy(request: Request, error: TemporaryStoreError) -> Response:
        logger.warning("the store did not answer", exc_info=error)
        detail = f"The store of signals did not answer. Try again in {STORE_RETRY_SECONDS} seconds."
        return answer(request, Problem(503, "store-busy", detail, STORE_RETRY_SECONDS))

    @app.exception_handler(RequestValidationError)
    async def _bad_parameters(request: Request, error: RequestValidationError) -> Response:
        return answer(request, _bad_request([_fault(entry) for entry in error.errors()]))

    @app.exception_handler(HTTPException)
    async def _http_error(request: Request, error: HTTPException) -> Response:
        kind, detail = {
            404: ("no-such-route", "There is nothing here. GET /openapi.json lists what there is."),
            405: ("method-not-allowed", f"{request.method} is not possible here; see the Allow header."),
            413: ("too-large", str(error.detail)),
        }.get(error.status_code, ("http-error", str(error.detail)))
        return answer(request, Problem(error.status_code, kind, detail), error.headers)


def bad_parameter(parameter: str, detail: str, given: str) -> Problem:
    """The problem of a parameter that only a route can judge."""
    return _bad_request([{"parameter": parameter, "detail": detail, "given": given[:SHOWN]}])


def _bad_request(faults: list[dict[str, str]]) -> Problem:
    detail = "; ".join(f"{fault['parameter']}: {fault['detail']}" for fault in faults)
    return Problem(422, "bad-parameter", detail, errors=faults)


def _fault(entry: dict[str, Any]) -> dict[str, str]:
    """One fault of a request: which parameter, what it should be, and what was given."""
    if entry["type"] == "json_invalid":
        return {"parameter": "body", "detail": f"this is not JSON: {entry['ctx']['error']}"}
    _, *path = entry["loc"]
    parameter = ".".join(map(str, path))[:SHOWN] or "body"
    if entry["type"] == "extra_forbidden":
        return {"parameter": parameter, "detail": "there is no such parameter"}
    if entry["type"] == "missing":
        return {"parameter": parameter, "detail": "it is missing"}
    return {"parameter": parameter, "detail": entry["msg"], "given": str(entry["input"])[:SHOWN]}
