"""The application put together: routes, errors, and what every answer carries."""

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from growfolio.domain.times import HOUR
from growfolio.settings import Settings
from growfolio.storage.ports import ReaderStore

from signals_api import extension, pages, problems, routes
from signals_api.documentation import describe
from signals_api.edge import Edge
from signals_api.reading import Clock, Reader


def create_app(store: ReaderStore, clock: Clock, settings: Settings) -> FastAPI:
    """The API over a store. clock gives seconds since the epoch: every judgement asks it, nothing else."""
    app = FastAPI(
        title="Growfolio Signals",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        strict_content_type=False,  # a body that says nothing of its type is read as what it must be
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.reader = Reader(store, clock, settings.reader_cache_seconds)
    app.state.settings = settings
    for part in (routes, extension, pages):
        app.include_router(part.router)
    problems.install(app)
    describe(app)
    # The last added is the outermost: an unexpected error's answer, too, must pass CORS to be readable.
    app.add_middleware(Edge)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_methods=("GET", "POST", "OPTIONS"),
        allow_headers=("Content-Type", "If-None-Match"),
        expose_headers=("ETag", "Retry-After"),
        max_age=HOUR,
    )
    return app
