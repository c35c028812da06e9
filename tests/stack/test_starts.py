"""What a function pays before its first work: seconds beside a hello-world's, and what it imports."""

import os
import subprocess
from collections import defaultdict
from pathlib import Path
from statistics import median

import pytest
from growfolio.domain.assets import Market

from tests.stack.emulator import Package, emulated
from tests.stack.stories import EVENT, STORIES, requested
from tests.stack.world import World

ROUNDS = int(os.environ.get("ROUNDS", "1"))
HELLO = "hello world"
BARS = {"RefreshStocksFunction": 16, "RefreshCryptoFunction": 16, "ApiFunction": 7}
"""So many times a hello-world's first answer may pass before a refresh's first request to a provider, and
before the API's first answer. `make bench-start` prints what does: seconds decide no test.
"""


def test_starts_are_printed_beside_a_hello_world(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every round starts each function anew, in turn, so that all have the same share of the machine."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 'hello'\n")
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    cpu: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(ROUNDS):
        with emulated(world.runtime, Package(tmp_path, []), {}, tmp_path) as process:
            before = process.cpu
            seconds[HELLO].append(process.invoke({}).seconds)
            cpu[HELLO].append(process.cpu - before)
        for name in BARS:
            took, spent = _start(world, name)
            seconds[name].append(took)
            cpu[name].append(spent)
    with capsys.disabled():
        print(f"\n{f'{ROUNDS} starts':<24}{'median':>10}{'least':>10}{'times hello':>13}{'bar':>6}")
        for name, own in seconds.items():
            times = median(a / b for a, b in zip(own, seconds[HELLO], strict=True))
            bar = BARS.get(name, "")
            print(f"{name:<24}{median(own):>8.2f} s{min(own):>8.2f} s{times:>13.1f}{bar:>6}")
        shares = {name: median(own) for name, own in cpu.items()}
        print("whole first invocation, seconds of a core: ", end="")
        print(", ".join(f"{name} {spent:.2f}" for name, spent in shares.items()))


def _start(world: World, function: str) -> tuple[float, float]:
    """Seconds until a new function did what its users wait for, and of a core for the whole invocation."""
    event = EVENT
    if function == "ApiFunction":
        event = requested(world, [])
    else:
        world.forget_signals(Market.STOCKS if "Stocks" in function else Market.CRYPTO)
    with world.running(function) as process:
        before = process.cpu
        answer = process.invoke(event)
        spent = process.cpu - before
        assert answer.error == "", process.log[-3000:]
    if function == "ApiFunction":
        return answer.seconds, spent
    return min(moment for moment in world.providers.asked if moment > answer.started) - answer.started, spent


NOT_AT_START = {
    "RefreshStocksFunction": (
        *("pandas", "yfinance", "bs4", "peewee", "finnhub", "requests", "ccxt"),
        *("onnxruntime", "huggingface_hub", "httpx2", "fastapi", "boto3", "grpc"),
    ),
    "RefreshCryptoFunction": (
        *("pandas", "yfinance", "finnhub", "ccxt.kraken", "ccxt.okx", "aiohttp"),
        *("onnxruntime", "huggingface_hub", "httpx2", "fastapi", "boto3", "google"),
    ),
    "ApiFunction": ("numpy", "pandas", "onnxruntime", "ccxt", "yfinance", "boto3", "requests"),
    "ExplainFunction": ("numpy", "pandas", "onnxruntime", "fastapi", "boto3"),
    "TrainFunction": ("numpy", "boto3", "aws_lambda_powertools"),
    "WatchFunction": ("numpy", "fastapi", "pydantic", "boto3"),
}
"""What a function must not have imported when it is ready for its first event."""
MOST_MODULES = {
    "RefreshStocksFunction": 800,
    "RefreshCryptoFunction": 830,
    "ApiFunction": 670,
    "ExplainFunction": 445,
    "TrainFunction": 365,
    "WatchFunction": 430,
}
"""How many modules it may have imported by then. A count, for a clock says little on a machine that is busy;
who passes it finds what is new by `python -X importtime`, and imports it where it is needed.
"""


@pytest.mark.parametrize("function", STORIES)
def test_a_start_imports_no_more_than_it_needs(world: World, tmp_path: Path, function: str) -> None:
    imported = _imported_at_start(world, tmp_path, function)
    assert "growfolio" in imported
    assert imported & set(NOT_AT_START[function]) == set()
    assert len(imported) <= MOST_MODULES[function], sorted(imported)


def _imported_at_start(world: World, folder: Path, function: str) -> set[str]:
    package = world.package(function)
    path = f"{package.code}:{package.opt(folder / 'opt')}:{world.runtime.brought}"
    probe = "import sys, app; print(*sys.modules)"
    environment = world.environment(function) | {"PYTHONPATH": path, "AWS_LAMBDA_FUNCTION_NAME": function}
    environment |= {"AWS_DEFAULT_REGION": "us-east-1", "HOME": str(folder)}
    command = [str(world.runtime.python), "-S", "-c", probe]
    ran = subprocess.run(
        command, env=environment, cwd=package.code, capture_output=True, text=True, check=True
    )
    return set(ran.stdout.split())
