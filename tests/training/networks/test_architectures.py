"""Every network that can be chosen: the same interface, one graph, nothing seen of later bars."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from growfolio.domain.assets import Timeframe
from growfolio.errors import PermanentModelError
from growfolio.models.manifest import parse_manifest
from growfolio.training_jobs.networks import Network

from training.__main__ import main
from training.networks.architectures import (
    COSTS,
    MEMBERS,
    NETWORKS,
    EnsembleModel,
    Widths,
    attend,
    build_served,
)
from training.networks.batched import FLEET_NETWORKS
from training.networks.export import read_pth, write_onnx, write_pth

ALL = [network.value for network in Network]
WINDOWS = np.random.default_rng(0).normal(size=(24, 60, 16)).astype(np.float32)
CONTEXT = np.random.default_rng(1).normal(size=(24, 5)).astype(np.float32)
WITH_CONTEXT = Widths(16, 5)


def test_each_name_has_its_class_its_form_for_many_models_and_its_time() -> None:
    single = set(Network) - {Network.ENSEMBLE}
    assert set(NETWORKS) == set(FLEET_NETWORKS) == set(COSTS) == single


@pytest.mark.parametrize("network", ALL)
def test_each_network_is_one_graph_that_answers_as_torch_does_and_comes_back_from_its_tensors(
    network: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = build_served(network).eval()
    assert write_onnx(model, tmp_path / "m.onnx", WINDOWS) <= 1e-5
    assert inputs_of_graph(tmp_path / "m.onnx") == {"features": ["batch", 60, 16]}
    write_pth(model, tmp_path / "m.pth")
    again = read_pth(tmp_path / "m.pth", network)
    with torch.no_grad():
        assert torch.equal(again(torch.from_numpy(WINDOWS)), model(torch.from_numpy(WINDOWS)))


@pytest.mark.parametrize("network", ALL)
def test_each_network_takes_context_as_the_second_input_of_its_graph(network: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_served(network, WITH_CONTEXT).eval()
    for part in model.parts if isinstance(model, EnsembleModel) else [model]:
        assert part.of_context is not None
        part.of_context.centre.fill_(0.4)
        part.of_context.scale.fill_(1.3)
    assert write_onnx(model, tmp_path / "m.onnx", WINDOWS, CONTEXT) <= 1e-5
    assert inputs_of_graph(tmp_path / "m.onnx") == {"features": ["batch", 60, 16], "context": ["batch", 5]}
    write_pth(model, tmp_path / "m.pth")
    again = read_pth(tmp_path / "m.pth", network, WITH_CONTEXT)
    asked = torch.from_numpy(WINDOWS), torch.from_numpy(CONTEXT)
    with torch.no_grad():
        assert torch.equal(again(*asked), model(*asked))
        assert float((model(*asked) - model(asked[0], asked[1] + 1)).abs().max()) > 1e-4
    with pytest.raises(PermanentModelError, match=f"is no {network}"):
        read_pth(tmp_path / "m.pth", network)


@pytest.mark.parametrize("network", ALL)
def test_without_context_a_network_has_the_weights_that_it_always_had(network: str) -> None:
    """Tensors that were published before there was context must still fit."""
    names = set(build_served(network).state_dict())
    more = {name.split(".")[-2] for name in set(build_served(network, WITH_CONTEXT).state_dict()) - names}
    assert more <= {"of_context", "dense"}
    assert not any("context" in name for name in names)


def inputs_of_graph(path: Path) -> dict[str, list[object]]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return {own.name: own.shape for own in session.get_inputs()}


@pytest.mark.parametrize("network", ALL)
def test_an_answer_at_a_bar_does_not_depend_on_later_bars(network: str) -> None:
    model = build_served(network).eval()
    changed = WINDOWS.copy()
    changed[:, 50:] = 3.0
    with torch.no_grad():
        before, after = (model.logits(torch.from_numpy(w), 20) for w in (WINDOWS, changed))
    torch.testing.assert_close(before[:, :10], after[:, :10])
    assert float((before[:, 10:] - after[:, 10:]).abs().max()) > 1e-3


@pytest.mark.parametrize("asking", [1, 7, 60])
def test_attention_is_that_of_no_later_bar_in_weights_that_are_normal_numbers(asking: int) -> None:
    """Products of numbers below 1.2e-38 take a processor a hundred times as long."""
    torch.manual_seed(0)
    query, key = torch.randn(2, 4, asking, 12), torch.randn(2, 4, 60, 12)
    later = torch.arange(60)[None] > torch.arange(60 - asking, 60)[:, None]
    scores = (query @ key.transpose(-2, -1) / 12**0.5).masked_fill(later, -torch.inf)
    exact = torch.softmax(scores, dim=-1)
    # The values are the unit vectors, so that what is seen are the weights themselves.
    weights = attend(query, key, torch.eye(60).expand(2, 4, 60, 60))
    torch.testing.assert_close(weights, exact, rtol=1e-5, atol=1e-7)
    for size in (1.0, 1e3):
        weights = attend(size * query, size * key, torch.eye(60).expand(2, 4, 60, 60))
        assert float(weights.min()) >= torch.finfo(torch.float32).tiny
        assert float(weights[..., later].sum()) < 1e-9


def test_a_transformers_graph_makes_of_the_second_block_what_the_last_bar_needs(tmp_path: Path) -> None:
    write_onnx(build_served(Network.TRANSFORMER).eval(), tmp_path / "m.onnx", WINDOWS)
    model = onnx.load(tmp_path / "m.onnx")
    weights = [node.output[0] for node in model.graph.node if node.op_type == "Softmax"][:2]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in weights)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    seen = session.run(weights, {"features": WINDOWS})
    assert [one.shape for one in seen] == [(24, 4, 60, 60), (24, 4, 1, 60)]


def test_an_ensemble_answers_the_mean_of_its_members_calibrated_probabilities() -> None:
    model = build_served(Network.ENSEMBLE).eval()
    assert isinstance(model, EnsembleModel)
    windows = torch.from_numpy(WINDOWS)
    with torch.no_grad():
        model.parts[0].temperature.fill_(2.5)
        mean = torch.stack([member(windows) for member in model.parts]).mean(dim=0)
        torch.testing.assert_close(model(windows), mean)
    assert len(model.parts) == len(MEMBERS)


@pytest.mark.parametrize("network", ["gru", pytest.param("ensemble", marks=pytest.mark.slow)])
def test_the_command_trains_the_network_and_label_that_it_is_told(
    network: str, candle_folder: Path, tmp_path: Path
) -> None:
    given = f"train --candles {candle_folder} --out {tmp_path} --symbols BTC ETH --pooled-only --epochs 1"
    told = f"--timeframes 5m --network {network} --label triple_barrier --horizon 12 --threshold 0.5"
    assert main(f"{given} {told}".split()) == 0
    model = parse_manifest((tmp_path / "manifest.json").read_bytes()).models[f"crypto_5m_{network}"]
    assert (model.network, model.timeframe) == (network, Timeframe.M5)
    assert (model.label.kind, model.label.horizon_bars, model.label.threshold) == ("triple_barrier", 12, 0.5)
    assert model.label.class_shares is not None
    assert sum(model.label.class_shares) == pytest.approx(1)
