"""The page that people look at: a handful of files of our own, under a policy that lets in nothing else."""

from functools import cache
from hashlib import blake2b
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from signals_api.answers import answer_text
from signals_api.problems import Problem

TYPES = {"css": "text/css", "js": "text/javascript"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""No script but ours, no style but ours, and no request but to where the page came from."""
A_YEAR = 31_536_000
FIVE_MINUTES = 300

router = APIRouter(include_in_schema=False)


@router.get("/")
async def show_page(request: Request) -> Response:
    """The page, with the addresses of its own version of scripts and styles."""
    answered = answer_text(request, _page(), "text/html", seconds=FIVE_MINUTES)
    answered.headers["Content-Security-Policy"] = POLICY
    return answered


@router.get("/static/{version}/{name}")
async def show_file(version: str, name: str) -> Response:
    """A script or style. Its address has its version, so that it never changes and is kept for good."""
    content = _files().get(name)
    if content is None or version != _version():
        raise Problem(404, "no-such-route", "There is no such file in this version: load the page again.")
    headers = {"Cache-Control": f"public, max-age={A_YEAR}, immutable"}
    return Response(content, headers=headers, media_type=TYPES[name.rpartition(".")[2]])


@cache
def _files() -> dict[str, str]:
    """Scripts and styles by name."""
    folder = files("signals_api") / "page"
    return {
        path.name: path.read_text("utf-8")
        for path in sorted(folder.iterdir(), key=lambda path: path.name)
        if path.name.rpartition(".")[2] in TYPES
    }


@cache
def _version() -> str:
    """Differs where any of the files does."""
    return blake2b(repr(_files()).encode(), digest_size=8).hexdigest()


@cache
def _page() -> str:
    page = (files("signals_api") / "page" / "index.html").read_text("utf-8")
    return page.replace("{{static}}", f"/static/{_version()}")
