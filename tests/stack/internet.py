"""A private internet: this process has a network of its own, where the providers' hosts are on this machine.

So the built functions call their providers by the real names, over TLS, and nothing else is in reach.
"""

import fcntl
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
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

ISOLATED = "STACK_TEST_ISOLATED"
"""Set by `make stack-test`, which runs the tests in a network and mount namespace of their own."""
_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1


Answer = tuple[int, bytes]
"""A status and a body."""


class Host(Protocol):
    """What answers under one name."""

    def answer(self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> Answer:
        """headers' names are in lower case."""


@contextmanager
def internet(hosts: Mapping[str, Host], folder: Path) -> Iterator[Path]:
    """Serve these hosts over TLS; gives the file of the authority that functions must trust.

    The loopback must be up.
    """
    _name(hosts, folder)
    authority, context = _certificates(hosts, folder)
    server = _Server(("127.0.0.1", 443), type("Front", (_Front,), {"hosts": hosts}))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield authority
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that does not trust us hangs up, and its own words tell why."""


class _Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hosts: Mapping[str, Host]

    def _answer(self) -> None:
        sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        host = self.hosts[self.headers["Host"].partition(":")[0]]
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, body = host.answer(parts.path, dict(parse_qsl(parts.query)), headers, sent)
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = _answer  # noqa: N815  (the names http.server calls)

    def log_message(self, *_: object) -> None:
        """Quiet."""


def loopback_up() -> None:
    """A new network has even its loopback down. Raises RuntimeError in a network that is not our own."""
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
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate("stack test authority", authority_key, None, authority_key)
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    leaf = _certificate("stack test", key, root.subject, authority_key, names)
    authority, chain = folder / "authority.pem", folder / "chain.pem"
    pem = serialization.Encoding.PEM
    authority.write_bytes(root.public_bytes(pem))
    form, open_to_all = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    chain.write_bytes(key.private_bytes(pem, form, open_to_all) + leaf.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return authority, context


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name | None,
    signed_by: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName | None = None,
) -> x509.Certificate:
    """A certificate of one day; an authority's where it has no names."""
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    now = datetime.now(UTC)
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key())
    uses = dict.fromkeys(_USES, False) | {"digital_signature": True, "key_cert_sign": names is None}
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer or own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=names is None, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(**uses), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(signer, critical=False)
    )
    if names is not None:
        servers = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(names, critical=False).add_extension(servers, critical=False)
    return builder.sign(signed_by, hashes.SHA256())
