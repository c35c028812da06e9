"""Model repositories as training publishes them, with graphs small enough to be read."""

import hashlib
from collections.abc import Collection, Sequence
from math import log
from pathlib import Path
from typing import Self

import numpy as np
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.forecast import WINDOW
from growfolio.domain.label import Label
from growfolio.domain.times import DAY
from growfolio.models.manifest import MANIFEST, Manifest, Model, ModelFile
from growfolio.models.model_inputs import STANDARD_INPUTS, ModelInputs
from growfolio.models.repository import ModelSet
from onnx import TensorProto, helper, numpy_helper

TRAINED_FROM, TRAINED_UNTIL, CREATED_AT, NOW = 1_700_000_000, 1_710_000_000, 1_711_000_000, 1_715_000_000
EXPIRES_AT = NOW + 30 * DAY
INPUT = ("batch", 60, 16)


def constant_graph(sell_hold_buy: Sequence[float], shape: Sequence[int | str] = INPUT) -> bytes:
    """softmax(0 * mean of the window + log of the given probabilities): the same for every finite window."""
    return _graph([0.0, 0.0, 0.0], [log(p) for p in sell_hold_buy], ["Softmax"], shape)


def telling_graph(sequence: int, context: int) -> bytes:
    """softmax of 0, ten times the mean of the window, and the mean of the context where it takes any."""
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", WINDOW, sequence])]
    nodes = [
        helper.make_node("ReduceMean", ["features", "both"], ["window"], keepdims=1),
        helper.make_node("Flatten", ["window"], ["mean"]),
        helper.make_node("Mul", ["mean", "ten"], ["scaled"]),
        helper.make_node("Sub", ["mean", "mean"], ["zero"]),
    ]
    last = "zero"
    if context:
        inputs.append(helper.make_tensor_value_info("context", TensorProto.FLOAT, ["batch", context]))
        nodes.append(helper.make_node("ReduceMean", ["context", "one"], ["context_mean"], keepdims=1))
        last = "context_mean"
    nodes += [
        helper.make_node("Concat", ["zero", "scaled", last], ["scores"], axis=1),
        helper.make_node("Softmax", ["scores"], ["probabilities"]),
    ]
    made = helper.make_graph(
        nodes,
        "telling",
        inputs,
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])],
        [
            numpy_helper.from_array(np.array([1, 2], np.int64), "both"),
            numpy_helper.from_array(np.array([1], np.int64), "one"),
            numpy_helper.from_array(np.array([[10]], np.float32), "ten"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def raw_graph(sell_hold_buy: Sequence[float]) -> bytes:
    """The given numbers as they are, probabilities or not."""
    return _graph([0.0] * len(sell_hold_buy), sell_hold_buy, [], INPUT)


def logarithm_graph() -> bytes:
    """log(mean of the window) as all three: 1/3 where the mean is exp(1/3), not a number below zero."""
    return _graph([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], ["Log"], INPUT)


def endless_graph() -> bytes:
    """A graph of the right form that loops for ever."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["on"], ["still_on"]),
            helper.make_node("Identity", ["held"], ["given"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("held", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("still_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("given", TensorProto.FLOAT, None),
        ],
    )
    made = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["features", "axes"], ["means"], keepdims=0),
            helper.make_node("Loop", ["", "true", "means"], ["probabilities"], body=body),
        ],
        "endless",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, list(INPUT))],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])],
        [
            numpy_helper.from_array(np.array([1], np.int64), "axes"),
            numpy_helper.from_array(np.array(True), "true"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def _graph(
    weights: Sequence[float], bias: Sequence[float], heads: Sequence[str], shape: Sequence[int | str]
) -> bytes:
    nodes = [
        helper.make_node("ReduceMean", ["features", "axes"], ["means"], keepdims=1),
        helper.make_node("Flatten", ["means"], ["mean"]),
        helper.make_node("Gemm", ["mean", "weights", "bias"], ["scores"]),
        helper.make_node(heads[0] if heads else "Identity", ["scores"], ["probabilities"]),
    ]
    made = helper.make_graph(
        nodes,
        "signal",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, list(shape))],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [shape[0], 3])],
        [
            numpy_helper.from_array(np.array([weights], np.float32), "weights"),
            numpy_helper.from_array(np.array(bias, np.float32), "bias"),
            numpy_helper.from_array(np.array([1, 2], np.int64), "axes"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


class Publication:
    """A model repository in the making."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}
        self._graphs: dict[str, bytes] = {}
        self._assignment: dict[Timeframe, dict[str, str]] = {}

    def add(
        self,
        model_id: str,
        graph: bytes,
        serves: Sequence[str],
        timeframe: Timeframe = Timeframe.M5,
        *,
        expires_at: int | None = EXPIRES_AT,
        inputs: ModelInputs = STANDARD_INPUTS,
    ) -> Self:
        """A model, and the symbols of one market that it serves."""
        assets = [find_asset(symbol) for symbol in serves]
        self._models[model_id] = Model(
            id=model_id,
            market=assets[0].market,
            timeframe=timeframe,
            network="lstm",
            assets=tuple(asset.id for asset in assets),
            onnx=ModelFile(f"{model_id}.onnx", hashlib.sha256(graph).hexdigest(), len(graph)),
            pth=None,
            label=Label("fixed", 1, 0.001),
            trained_from=TRAINED_FROM,
            trained_until=TRAINED_UNTIL,
            expires_at=expires_at,
            metrics={"test": {"mcc": 0.14}},
            inputs=inputs,
        )
        self._graphs[f"{model_id}.onnx"] = graph
        self._assignment.setdefault(timeframe, {}).update((asset.id, model_id) for asset in assets)
        return self

    @property
    def manifest(self) -> Manifest:
        return Manifest(CREATED_AT, {"description": "made up"}, self._models, self._assignment)

    def files(self) -> dict[str, bytes]:
        """By name."""
        return {MANIFEST: self.manifest.to_json().encode()} | self._graphs

    def model_set(self, revision: str = "test", markets: Collection[Market] = tuple(Market)) -> ModelSet:
        """As if it had been fetched."""
        graphs = {name.removesuffix(".onnx"): graph for name, graph in self._graphs.items()}
        return ModelSet(revision, self.manifest, frozenset(markets), graphs)

    def write_to(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.files().items():
            (folder / name).write_bytes(content)
        return folder
