"""How an answer goes out: as it is documented, and with the tag and lifetime by which readers keep it."""

from hashlib import blake2b
from typing import Any

from fastapi import Request, Response
from growfolio.presentation import Json, to_json

from signals_api.problems import DESCRIPTIONS

NEVER_KEPT = {"Cache-Control": "no-store"}
SCHEMAS = "#/components/schemas/"
EVERYWHERE = (413, 500)
"""Problems that any request may meet."""

Responses = dict[int | str, dict[str, Any]]


def documented(schema: str, *problems: int) -> Responses:
    """What a route answers: a schema of contract.py, and problems by their status."""
    answers: Responses = {200: _content("application/json", schema, "As asked for.")}
    for status in sorted({*problems, *EVERYWHERE}):
        answers[status] = _content("application/problem+json", "Problem", DESCRIPTIONS[status])
    return answers


def _content(media_type: str, schema: str, description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {media_type: {"schema": {"$ref": f"{SCHEMAS}{schema}"}}},
    }


def entity_tag(text: str) -> str:
    """A strong ETag: a digest of the answer itself, so that it covers what is said and in which form."""
    return f'"{blake2b(text.encode(), digest_size=12).hexdigest()}"'


def answer(request: Request, body: Json, *, seconds: int) -> Response:
    """The answer, which any cache may keep for so many seconds; 304 for a reader that has it already."""
    return answer_text(request, to_json(body), "application/json", seconds=seconds)


def answer_text(request: Request, text: str, media_type: str, *, seconds: int) -> Response:
    """The same for an answer that is no JSON."""
    tag = entity_tag(text)
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={seconds}"}
    if _holds(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type=media_type)


def answer_once(body: Json) -> Response:
    """An answer about this moment only, which no cache may keep."""
    return Response(to_json(body), headers=NEVER_KEPT, media_type="application/json")


def _holds(if_none_match: str, tag: str) -> bool:
    held = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return tag in held or "*" in held
