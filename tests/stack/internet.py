"""A private internet: this process has a network of its own, where the providers' hosts are on this machine.

So the built functions call their providers by the real names, over TLS, and nothing else is in reach.
"""

import fcntl
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ISOLATED = "STACK_TEST_ISOLATED"
"""Set by `make stack-test`, which runs the tests in a network and mount namespace of their own."""
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1


class Host(Protocol):
    """What answers under one name."""

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        """The status, and what is sent as JSON (or as it is, if it is text)."""


@contextmanager
def internet(hosts: Mapping[str, Host], folder: Path) -> Iterator[Path]:
    """Serve these hosts over TLS; gives the file of the authority that functions must trust."""
    _loopback_up()
    _name(hosts, folder)
    authority, context = _certificates(hosts, folder)
    server = ThreadingHTTPServer(("127.0.0.1", 443), type("Front", (_Front,), {"hosts": hosts}))
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hosts: Mapping[str, Host]

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        host = self.hosts[self.headers["Host"].partition(":")[0]]
        status, content = host.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body)
        payload = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        self.send_response_only(status)
        self.send_header("Content-Type", "text/plain" if isinstance(content, str) else "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = _answer  # noqa: N815  (the names http.server calls)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _loopback_up() -> None:
    if not os.environ.get(ISOLATED):
        raise RuntimeError("these tests change the network they run in: start them with `make stack-test`")
    with socket.socket() as any_socket:
        request = struct.pack("16sH", b"lo", 0)
        flags = struct.unpack("16sH", fcntl.ioctl(any_socket, GET_FLAGS, request))[1]
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH", b"lo", flags | UP))


def _name(hosts: Mapping[str, Host], folder: Path) -> None:
    """Only this mount namespace sees these names."""
    names = folder / "hosts"
    names.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {host}\n" for host in hosts))
    subprocess.run(["mount", "--bind", names, "/etc/hosts"], check=True)


def _certificates(hosts: Mapping[str, Host], folder: Path) -> tuple[Path, ssl.SSLContext]:
    """An authority of our own, and a certificate of it for all hosts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stack test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    authority, own = folder / "authority.pem", folder / "key.pem"
    authority.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    own.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority, own)
    return authority, context
