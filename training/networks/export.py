"""A trained model as files: `.onnx` to serve, checked against torch, and `.pth` to go on training."""

import os
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from growfolio.domain.features import FeatureArray
from growfolio.domain.forecast import WINDOW, Windows
from growfolio.errors import PermanentModelError

from training.networks.architectures import SIXTEEN, Served, Widths, build_served

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
import onnxruntime

OPSET = 17
"""The oldest with all that our networks need, so that any runtime we meet can read the files."""
TOLERANCE = 1e-5
"""By how much a probability may differ between torch and the graph."""


FEATURES, CONTEXT, PROBABILITIES = "features", "context", "probabilities"
"""The graph's inputs and output; a model that takes no context has no second input."""


def write_onnx(model: Served, path: Path, probe: Windows, context: FeatureArray | None = None) -> float:
    """Write the graph raw windows (batch, 60, features) → probabilities (batch, 3); check it against torch.

    The graph of a model that takes context has it as its second input, (batch, context). probe and context
    hold raw inputs of the kind the model will see. Returns the largest difference; raises
    PermanentModelError, leaving no file, where it is more than TOLERANCE.
    """
    model = model.eval()
    names, blank = [FEATURES], [torch.zeros(1, WINDOW, model.widths.sequence)]
    if model.widths.context:
        names, blank = [*names, CONTEXT], [*blank, torch.zeros(1, model.widths.context)]
    with warnings.catch_warnings():
        # The TorchScript exporter is deprecated; its successor takes 8 s a model where it takes 0.05 s,
        # and writes the same LSTM nodes among more others. torch is pinned, so it cannot vanish unseen.
        # It also doubts that an LSTM takes batches of any size: ours starts from zeros; two are tried below.
        # And it warns of the checks of shapes inside torch's own layers.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.filterwarnings("ignore", "Exporting a model to ONNX with a batch_size other than 1")
        warnings.filterwarnings("ignore", "Converting a tensor to a Python boolean", module=r"torch\.nn")
        torch.onnx.export(
            model,
            tuple(blank),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=[PROBABILITIES],
            dynamic_axes={name: {0: "batch"} for name in (*names, PROBABILITIES)},
        )
    onnx.checker.check_model(str(path), full_check=True)
    asked = inputs_of(probe, context if model.widths.context else None)
    difference = max(
        _difference(model, path, {name: raw[:rows] for name, raw in asked.items()})
        for rows in (1, len(probe))
    )
    if not difference <= TOLERANCE:
        path.unlink()
        raise PermanentModelError(f"{path.name}: the graph differs from torch by {difference:.1e}")
    return difference


def inputs_of(windows: Windows, context: FeatureArray | None) -> dict[str, FeatureArray]:
    """What a graph is run on: by name, context only where there is any."""
    return {FEATURES: windows} | ({} if context is None or not context.shape[1] else {CONTEXT: context})


def _difference(model: Served, path: Path, asked: dict[str, FeatureArray]) -> float:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    served = session.run([PROBABILITIES], asked)[0]
    with torch.no_grad():
        trained = model(*(torch.from_numpy(raw) for raw in asked.values())).numpy()
    return float(np.abs(served - trained).max())


def write_pth(model: Served, path: Path) -> None:
    """Write the tensors, and nothing but tensors: `torch.load(weights_only=True)` reads them."""
    torch.save({name: tensor.detach().cpu() for name, tensor in model.state_dict().items()}, path)


def read_pth(path: Path, network: str, widths: Widths = SIXTEEN) -> Served:
    """The model that write_pth wrote. Raises PermanentModelError where the tensors are another network's."""
    model = build_served(network, widths)
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except RuntimeError as mismatch:
        raise PermanentModelError(f"{path.name} is no {network}: {mismatch}") from mismatch
    return model.eval()
