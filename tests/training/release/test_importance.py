"""What inputs are worth: shuffling one that a model uses costs it, shuffling any other costs nothing."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.bars import Bars, CloseTimes
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from growfolio.errors import MissingCandles
from growfolio.indicators.registry import all_context_inputs, all_indicators
from growfolio.models.manifest import parse_manifest
from torch import Tensor, nn

from training.__main__ import main
from training.data.dataset import Part, Samples, build_samples
from training.exit_codes import Outcome
from training.networks.architectures import SignalModel, widths_of
from training.networks.export import write_onnx
from training.release.importance import validation_rows, worths

SEEN = Inputs(("close", "price_change"), ("weekday", "moves_against_market", "hour_slot"))
HOUR = slice(10, 22)
"""Columns of hour_slot behind those of the others."""


class OfTheHour(nn.Module):
    """Answers by the last price change and the slot of the hour alone."""

    def forward(self, windows: Tensor, answered: int, context: Tensor) -> Tensor:
        up = 3.0 * windows[:, -answered:, 1] + context[..., HOUR] @ torch.linspace(-2, 2, 12)
        return torch.stack([-up, torch.zeros_like(up), up], dim=-1)


@pytest.fixture(scope="module")
def samples(market: dict[Asset, Bars]) -> Samples:
    coins = {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}
    found, _ = build_samples(Market.CRYPTO, Timeframe.M5, coins, Label(), inputs=SEEN)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def folder(candle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("models")
    given = "--symbols BTC ETH --timeframes 5m --pooled-only --network lstm --epochs 1"
    inputs = f"--sequence {' '.join(SEEN.sequence)} --context {' '.join(SEEN.context)}"
    assert main(f"train --candles {candle_folder} --out {out} {given} {inputs}".split()) == Outcome.DONE
    return out


def test_only_what_a_model_looks_at_is_worth_anything(folder: Path, samples: Samples, tmp_path: Path) -> None:
    (model,) = parse_manifest((folder / "manifest.json").read_bytes()).models.values()
    network = SignalModel(OfTheHour(), widths_of(SEEN))
    network.normalisation.scale.fill_(1e-3)
    rows = samples.rows(Part.VALIDATION)[::3]
    windows = samples.features[rows[:5, None] + np.arange(-59, 1)]
    write_onnx(network, tmp_path / model.onnx.file, windows, samples.context[rows[:5]])
    # Labels that the model knows, mostly: what it looks at is worth something then.
    known = replace(samples, labels=samples.labels.copy())
    hours = samples.context[rows][:, HOUR].argmax(axis=1)
    known.labels[rows] = np.where(hours >= 6, 2, 0)
    found = {worth.name: worth for worth in worths(tmp_path, model, known, rows)}
    assert next(iter(found)) == "hour_slot"
    assert set(found) == {*SEEN.sequence, *SEEN.context}
    assert found["hour_slot"].between[0] > 0.3
    for name in ("close", "weekday", "moves_against_market"):
        assert found[name].nats == pytest.approx(0, abs=1e-6)
    assert found["price_change"].nats != 0


def test_rows_are_those_of_the_validation_part_that_the_manifest_notes(
    folder: Path, samples: Samples
) -> None:
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    (model,) = manifest.models.values()
    assert set(validation_rows(model, manifest, samples, 10**6)) == set(samples.rows(Part.VALIDATION))
    assert len(validation_rows(model, manifest, samples, 100)) == 100
    long_ago = [CloseTimes(times - 10**8) for times in (samples.bar_close, samples.decided)]
    early = replace(samples, bar_close=long_ago[0], decided=long_ago[1])
    with pytest.raises(MissingCandles, match="name the folders that it was trained on"):
        validation_rows(model, manifest, early, 100)


def test_the_command_lists_every_input_and_with_candles_its_worth(
    folder: Path, candle_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["indicators"]) == Outcome.DONE
    listed = capsys.readouterr().out.splitlines()
    names = {line.split()[0] for line in listed if line.endswith(("1", "2")) and "python" not in line}
    assert names == {*all_indicators(), *all_context_inputs()}
    assert "python -m training indicators --models DIR --candles DIR" in listed[-1]
    given = ["indicators", "--models", str(folder), "--candles", str(candle_folder), "--rows", "200"]
    assert main(given) == Outcome.DONE
    said = capsys.readouterr().out
    assert "crypto_5m_lstm: nats that shuffling an input costs, 200 validation bars" in said
    for name in (*SEEN.sequence, *SEEN.context):
        (line,) = [line for line in said.splitlines() if line.startswith(f"  {name} ")]
        assert "(" in line
    assert max(map(len, said.splitlines())) <= 80
    assert main([*given[:2], str(folder / "nothing"), *given[3:]]) == Outcome.CONFIGURATION
