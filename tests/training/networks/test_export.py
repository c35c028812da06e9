"""The files of a model: a graph that answers as torch does, and tensors that are only tensors."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from growfolio.domain.forecast import Windows
from growfolio.errors import PermanentModelError

from training.networks.architectures import SignalModel, build
from training.networks.export import read_pth, write_onnx, write_pth


@pytest.fixture
def windows() -> Windows:
    return np.random.default_rng(0).normal(0.3, 2.0, (33, 60, 16)).astype(np.float32)


@pytest.fixture
def model() -> SignalModel:
    torch.manual_seed(0)
    model = build("lstm")
    model.normalisation.centre.fill_(0.3)
    model.normalisation.scale.fill_(1.7)
    model.temperature.fill_(1.4)
    return model.eval()


def served(path: Path, windows: Windows) -> np.ndarray:
    (probabilities,) = onnxruntime.InferenceSession(path).run(None, {"features": windows})
    return np.asarray(probabilities)


def test_the_graph_takes_raw_features_and_gives_the_calibrated_probabilities_of_torch(
    model: SignalModel, windows: Windows, tmp_path: Path
) -> None:
    assert write_onnx(model, tmp_path / "m.onnx", windows) <= 1e-5
    answers = served(tmp_path / "m.onnx", windows)
    with torch.no_grad():
        normalised = ((torch.from_numpy(windows) - 0.3) / 1.7).clamp(-5, 5)
        by_hand = torch.softmax(model.network(normalised)[:, 0] / 1.4, dim=1)
    np.testing.assert_allclose(answers, by_hand.numpy(), atol=1e-5)
    np.testing.assert_allclose(answers.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("rows", [1, 2, 24])
def test_the_graph_takes_batches_of_any_size(
    model: SignalModel, windows: Windows, tmp_path: Path, rows: int
) -> None:
    write_onnx(model, tmp_path / "m.onnx", windows)
    together = served(tmp_path / "m.onnx", windows)
    np.testing.assert_allclose(served(tmp_path / "m.onnx", windows[:rows]), together[:rows], atol=1e-6)


def test_the_graph_runs_the_recurrence_in_the_runtimes_own_node(
    model: SignalModel, windows: Windows, tmp_path: Path
) -> None:
    import onnx

    write_onnx(model, tmp_path / "m.onnx", windows)
    nodes = [node.op_type for node in onnx.load(tmp_path / "m.onnx").graph.node]
    assert nodes.count("LSTM") == 2
    assert "Loop" not in nodes
    assert "Scan" not in nodes


class Fickle(SignalModel):
    """Answers differently when it is written to a graph."""

    def forward(self, windows: torch.Tensor, context: torch.Tensor | None = None) -> torch.Tensor:
        shift = 0.001 if torch.onnx.is_in_onnx_export() else 0.0
        return super().forward(windows, context) + shift


def test_a_graph_that_answers_otherwise_than_torch_is_not_kept(windows: Windows, tmp_path: Path) -> None:
    with pytest.raises(PermanentModelError, match="differs from torch"):
        write_onnx(Fickle(build("lstm").network), tmp_path / "m.onnx", windows)
    assert not (tmp_path / "m.onnx").exists()


def test_tensors_come_back_with_weights_only(model: SignalModel, windows: Windows, tmp_path: Path) -> None:
    write_pth(model, tmp_path / "m.pth")
    tensors = torch.load(tmp_path / "m.pth", weights_only=True)
    assert all(type(tensor) is torch.Tensor for tensor in tensors.values())
    again = read_pth(tmp_path / "m.pth", "lstm")
    with torch.no_grad():
        assert torch.equal(again(torch.from_numpy(windows)), model(torch.from_numpy(windows)))


def test_tensors_of_another_network_are_refused(tmp_path: Path) -> None:
    torch.save({"temperature": torch.ones(())}, tmp_path / "m.pth")
    with pytest.raises(PermanentModelError, match=r"m\.pth is no lstm"):
        read_pth(tmp_path / "m.pth", "lstm")


def test_an_answer_at_a_bar_is_made_of_the_bars_up_to_it(model: SignalModel, windows: Windows) -> None:
    with torch.no_grad():
        answers = model.logits(torch.from_numpy(windows), answered=20)
        earlier = model.logits(torch.from_numpy(windows[:, :50]), answered=1)
    torch.testing.assert_close(answers[:, 9], earlier[:, 0])
