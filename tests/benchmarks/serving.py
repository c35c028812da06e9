"""What the shipped models cost in serving, against one LSTM of 64 states that sees the same inputs.

Each graph answers 24 windows on one thread of ONNX Runtime, as a refresh runs it. Their repetitions
alternate, so that whatever else the machine does meets both. Ends with 1 where a model takes more than TIMES
the LSTM's time, or where all models together are larger than LARGEST.
"""

import os
import sys
import time
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from growfolio.domain.assets import assets_of
from growfolio.domain.features import BARS_NEEDED, FeatureArray
from growfolio.domain.indicators import indicators
from growfolio.indicators.views import views_of
from growfolio.models.manifest import MANIFEST, Model, parse_manifest

from tests.synthetic import synthetic_candles
from training.networks.architectures import build, widths_of
from training.networks.export import inputs_of, write_onnx

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

TIMES = 4.0
LARGEST = 3_000_000
"""Bytes of all shipped graphs."""
WINDOWS = 24
REPETITIONS = 61

Asked = dict[str, FeatureArray]


def asked_of(model: Model) -> Asked:
    """WINDOWS raw inputs of the model, made as a refresh makes them."""
    candles = synthetic_candles(
        assets_of(model.market), BARS_NEEDED[model.timeframe], timeframe=model.timeframe
    )
    rows = [number % len(candles.assets) for number in range(WINDOWS)]
    last = [candles.close.shape[1] - 1] * WINDOWS
    views = views_of(candles, rows, last, model.inputs.names, indicators(candles))
    return inputs_of(*views.of(model.inputs.names))


def opened(graph: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def one_lstm(model: Model, asked: Asked) -> bytes:
    """The graph of one LSTM with random weights that sees what the model sees."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lstm.onnx"
        lstm = build("lstm", widths=widths_of(model.inputs.names))
        write_onnx(lstm, path, asked["features"], asked.get("context"))
        return path.read_bytes()


def timings(model: Model, graph: bytes) -> np.ndarray:
    """Milliseconds (REPETITIONS, 2) of the LSTM and of the model."""
    asked = asked_of(model)
    sessions = [opened(one_lstm(model, asked)), opened(graph)]
    return np.array([[timed(session, asked) for session in sessions] for _ in range(REPETITIONS)])


def timed(session: onnxruntime.InferenceSession, asked: Asked) -> float:
    start = time.perf_counter()
    session.run(None, asked)
    return 1000 * (time.perf_counter() - start)


def main() -> int:
    folder = Path(str(files("growfolio.models"))) / "starter"
    manifest = parse_manifest((folder / MANIFEST).read_bytes())
    print(f"{WINDOWS} windows, one thread, ms (median of {REPETITIONS})")
    print(f"{'model':24}{'network':>14}{'one lstm':>10}{'model':>10}{'times':>8}{'kB':>8}")
    worst, size = 0.0, 0
    for model in manifest.models.values():
        found = timings(model, (folder / model.onnx.file).read_bytes())
        lstm, own = np.median(found, axis=0)
        times = float(np.median(found[:, 1] / found[:, 0]))
        worst, size = max(worst, times), size + model.onnx.bytes
        kilobytes = model.onnx.bytes / 1000
        print(f"{model.id:24}{model.network:>14}{lstm:10.2f}{own:10.2f}{times:8.2f}{kilobytes:8.0f}")
    held = worst <= TIMES and size <= LARGEST
    print(
        f"{'PASS' if held else 'FAIL'}: at most {worst:.1f} times one LSTM of 64 states, {size / 1e6:.2f} MB "
        f"in all; they may be {TIMES:g} times and {LARGEST / 1e6:g} MB"
    )
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
