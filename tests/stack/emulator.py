"""The built functions in AWS's own Lambda Runtime Interface Emulator, with nothing else on their path."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.patience import HANG

SESSION, USER_TIME, SYSTEM_TIME = 3, 11, 12
"""Places in /proc/<pid>/stat, after the name."""


@dataclass(frozen=True)
class Runtime:
    """What stands around a function: the emulator, python3.13, and what Lambda's runtime brings (boto3)."""

    emulator: Path
    python: Path
    brought: Path


@dataclass(frozen=True)
class Package:
    """A function as it is shipped: its own folder, and its layers in their order."""

    code: Path
    layers: Sequence[Path]

    def opt(self, into: Path) -> Path:
        """One python folder as Lambda lays it out under /opt: a later layer's file hides an earlier one's."""
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        for layer in self.layers:
            subprocess.run(["cp", "-alf", f"{layer / 'python'}/.", into], check=True)
        return into


@dataclass(frozen=True)
class Answer:
    """What one invocation gave."""

    payload: Any
    started: float
    """By perf_counter."""
    seconds: float

    @property
    def error(self) -> str:
        """The error's type and message; empty for a good answer."""
        payload = self.payload if isinstance(self.payload, dict) else {}
        failed = "errorType" in payload or "errorMessage" in payload
        return f"{payload.get('errorType')}: {payload.get('errorMessage')}" if failed else ""


class Emulated:
    """A function under way. Its first invocation is cold: the emulator starts Python only then."""

    def __init__(self, process: int, port: int, log: Path, principal: str) -> None:
        self.principal = principal
        """Its access key."""
        self._process = process
        self._address = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self._log = log

    def invoke(self, event: Any, timeout: float = HANG) -> Answer:
        request = urllib.request.Request(self._address, json.dumps(event).encode(), method="POST")
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                body = response.read()
        except urllib.error.HTTPError as failure:  # the function did not start
            body = failure.read()
        return Answer(json.loads(body or b"null"), started, time.perf_counter() - started)

    @property
    def cpu(self) -> float:
        """Seconds of a core that the function has used since it was started."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                numbers = stat.read_text().rpartition(")")[2].split()
            except OSError:  # it has just ended
                continue
            if int(numbers[SESSION]) == self._process:
                ticks += int(numbers[USER_TIME]) + int(numbers[SYSTEM_TIME])
        return ticks / os.sysconf("SC_CLK_TCK")

    @property
    def log(self) -> str:
        """All that the function has printed."""
        return self._log.read_text(errors="replace")

    def metrics(self) -> list[dict[str, Any]]:
        """The metrics it has printed in CloudWatch's embedded format."""
        lines = (line.strip() for line in self.log.splitlines() if '"_aws"' in line)
        return [json.loads(line[line.index("{") :]) for line in lines]


@contextmanager
def emulated(
    runtime: Runtime,
    package: Package,
    environment: Mapping[str, str],
    folder: Path,
    trusting: Path | None = None,
) -> Iterator[Emulated]:
    """Start a function; nothing of this process's environment or packages reaches it.

    trusting is the file of the only authority whose certificates it takes.
    """
    opt = package.opt(folder / "opt")
    if trusting:
        _trust(trusting, opt)
    port, api_port = _free_ports()
    log = folder / "log.txt"
    ours = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        # A temporary folder of its own, as in Lambda.
        "TMPDIR": str(folder),
        "GROWFOLIO_MODEL_CACHE": str(folder / "models"),
        "HF_HOME": str(folder / "hub"),
        "LANG": "C.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": str(package.code),
        "PYTHONPATH": os.pathsep.join(map(str, [package.code, opt, runtime.brought])),
        "SSL_CERT_FILE": str(trusting or ""),
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    # fmt: off
    # -S: no site-packages of this machine.
    command: list[str | Path] = [
        runtime.emulator, "--log-level", "error",
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{api_port}",
        runtime.python, "-S", "-m", "awslambdaric", "app.handler",
    ]
    # fmt: on
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=package.code,
            env={**environment, **ours},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(port, process)
        yield Emulated(process.pid, port, log, environment.get("AWS_ACCESS_KEY_ID", ""))
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=HANG)


def _trust(authority: Path, opt: Path) -> None:
    """Put our authority in the place of the public ones that certifi brings."""
    bundle = opt / "certifi/cacert.pem"
    if bundle.exists():
        bundle.unlink()
        shutil.copy(authority, bundle)


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def _wait(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + HANG
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the Lambda emulator does not start") from None
            time.sleep(0.02)
        else:
            return
