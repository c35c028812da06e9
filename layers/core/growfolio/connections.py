"""HTTP connections of the requests library that are kept from one refresh to the next."""

from queue import Empty
from types import TracebackType
from typing import Self

from requests import Session
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import ProtocolError, ReadTimeoutError


def reconnecting(session: Session, connections: int = 10) -> Session:
    """Make the session send a request once more, at once, that met a connection which died while idle.

    connections is how many are kept to each host. Returns the session.
    """
    once = _ReconnectOnce(
        total=None,
        connect=0,
        read=1,
        redirect=False,
        status=0,
        other=0,
        allowed_methods=None,  # any: no answer had begun
        respect_retry_after_header=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=connections, max_retries=once))
    return session


class _ReconnectOnce(Retry):
    """Tries again only where a connection broke off before an answer: no time-out, no refusal, no status.

    The connections beside it in the pool were idle for as long. They are dropped, so that the second try
    opens a new one.
    """

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> Self:
        if isinstance(error, ReadTimeoutError):
            raise error.with_traceback(_stacktrace)
        if isinstance(error, ProtocolError) and isinstance(_pool, HTTPConnectionPool):
            _drop_idle(_pool)
        return super().increment(method, url, response, error, _pool, _stacktrace)


def _drop_idle(pool: HTTPConnectionPool) -> None:
    while pool.pool is not None:
        try:
            connection = pool.pool.get_nowait()
        except Empty:
            return
        if connection is not None:
            connection.close()
