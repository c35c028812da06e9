"""AWS inside this process, for `make run` and for tests."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def embedded_aws() -> Iterator[str]:
    """moto over HTTP, for as long as the block runs; gives its endpoint. Its state is the process's own.

    It answers one request at a time: moto checks a condition and writes in two steps without a lock,
    which DynamoDB never does.
    """
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=False, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
