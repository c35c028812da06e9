"""From a training run to a served revision: the gate on candles, the succession, one commit, promotion."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import boto3
import numpy as np
import pytest
import torch
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.forecast import Inputs
from growfolio.domain.times import DAY
from growfolio.errors import ConfigurationError, PermanentModelError
from growfolio.indicators.views import STANDARD
from growfolio.models.manifest import Manifest, ModelFile, parse_manifest
from growfolio.models.repository import FolderRepository

from infra.local.embedded_aws import embedded_aws
from tests.fakes.hub_server import FakeHub, Repository
from tests.training.conftest import END
from training.__main__ import main
from training.data.dataset import Part
from training.fitting.champion import Champion, champion_of
from training.fitting.settings import FitSettings
from training.networks.export import read_pth, write_onnx, write_pth
from training.pools import gather
from training.release.assembly import assemble
from training.release.decision import decide, promote, serving_now
from training.release.gate import GateRule, Verdict
from training.release.publish import hub_target
from training.settings import TrainSettings
from training.train import train

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

NAME = "growfolio/signals"
LENIENT = GateRule(loss_margin=1.0, mcc_margin=1.0, least_rows=100, simulations=200)
COINS = (find_asset("BTC"), find_asset("ETH"))


CONTEXT = Inputs(("close", "rsi_14"), ("hour_slot", "market_moves", "moves_against_market"))


def trained(candles: Path, out: Path, inputs: Inputs = STANDARD, **fit: object) -> Path:
    """Small models of the simulated coins."""
    settings = TrainSettings(
        (candles,),
        out,
        assets=COINS,
        timeframes=(Timeframe.M5,),
        fit=FitSettings(**{"epochs": 2, "batch_size": 16, **fit}),  # type: ignore[arg-type]
        pooled_only=True,
        least_training=100,
        least_validation=20,
        inputs=inputs,
    )
    train(settings, END, lambda: 0.0, lambda line: None)
    return out


@pytest.fixture(scope="module")
def models(candle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(candle_folder, tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def others(candle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(candle_folder, tmp_path_factory.mktemp("others"), seed=1)


def constant(models: Path, candles: Path, out: Path, temperature: float = 1.0) -> Path:
    """The same network, made to answer the class shares of the newest bars, whatever it is asked."""
    ((samples,), _) = gather(TrainSettings((candles,), out, assets=COINS, timeframes=(Timeframe.M5,)), END)
    newest = samples.rows(Part.TEST)
    shares = np.bincount(samples.labels[newest], minlength=3) / len(newest)
    model = read_pth(models / "crypto_5m_lstm.pth", "lstm")
    state = {name: torch.zeros_like(t) if ".head." in name else t for name, t in model.state_dict().items()}
    model.load_state_dict(state | {"network.head.bias": torch.from_numpy(np.log(shares))})
    model.temperature.fill_(temperature)
    out.mkdir()
    write_onnx(model, out / "crypto_5m_lstm.onnx", samples.features[None, :60])
    write_pth(model, out / "crypto_5m_lstm.pth")
    manifest = manifest_of(models)
    (before,) = manifest.models.values()
    onnx, pth = (file_of(out / f"crypto_5m_lstm.{kind}") for kind in ("onnx", "pth"))
    after = replace(manifest, models={before.id: replace(before, onnx=onnx, pth=pth)})
    (out / "manifest.json").write_text(after.to_json())
    (out / "MODEL_CARD.md").write_text("# Constant\n")
    return out


def file_of(path: Path) -> ModelFile:
    content = path.read_bytes()
    return ModelFile(path.name, hashlib.sha256(content).hexdigest(), len(content))


def manifest_of(folder: Path) -> Manifest:
    return parse_manifest((folder / "manifest.json").read_bytes())


def champion_in(folder: Path) -> Champion:
    """As if the folder had been published and were serving."""
    found = FolderRepository(folder, "f" * 40).fetch("f" * 40, list(Market))
    tensors = {m.id: (folder / m.pth.file).read_bytes() for m in found.manifest.models.values() if m.pth}
    return Champion(found.revision, found.manifest, found.graphs, tensors)


def verdict(
    models: Path, champion: Champion | None, candles: Path, out: Path, rule: GateRule = LENIENT
) -> Verdict:
    (found,) = decide(models, champion, (candles,), rule, out, END).verdicts.values()
    return found


def test_models_of_different_inputs_are_compared_each_on_its_own(
    models: Path, candle_folder: Path, tmp_path: Path
) -> None:
    new = trained(candle_folder, tmp_path / "new", CONTEXT)
    for at, (one, other) in enumerate([(new, models), (models, new)]):
        out = tmp_path / f"out{at}"
        found = verdict(one, champion_in(other), candle_folder, out, replace(LENIENT, ece_allowance=1.0))
        assert found.accepted, found.reasons
        assert "crypto_5m_lstm of" in str(found.figures["against"])
        assert 0 < found.figures["features_difference"] < 1e-3  # type: ignore[operator]
        inputs = manifest_of(out).models["crypto_5m_lstm"].inputs
        assert inputs.names == (CONTEXT if one is new else STANDARD)


def test_a_first_model_is_measured_by_the_class_shares_of_earlier_bars(
    models: Path, candle_folder: Path, tmp_path: Path
) -> None:
    found = verdict(constant(models, candle_folder, tmp_path / "new"), None, candle_folder, tmp_path / "out")
    assert found.accepted, found.reasons
    assert found.figures["against"] == "the class shares of earlier bars"
    assert found.figures["mcc_of_champion"] == 0
    assert found.figures["log_loss"] <= found.figures["log_loss_of_champion"]  # type: ignore[operator]


def test_a_model_that_is_too_sure_is_kept_back(models: Path, candle_folder: Path, tmp_path: Path) -> None:
    rash = constant(models, candle_folder, tmp_path / "new", temperature=0.5)
    found = verdict(rash, None, candle_folder, tmp_path / "out")
    assert found.reasons
    assert all(reason.startswith("its calibration error") for reason in found.reasons)


def test_a_new_model_is_measured_by_the_one_that_serves_on_bars_that_both_have_not_seen(
    models: Path, others: Path, candle_folder: Path, tmp_path: Path
) -> None:
    champion = champion_in(others)
    found = verdict(models, champion, candle_folder, tmp_path)
    assert found.figures["against"] == f"crypto_5m_lstm of {'f' * 12}"
    assert found.figures["log_loss"] != found.figures["log_loss_of_champion"]
    (old,) = champion.manifest.models.values()
    later = replace(old, trained_until=old.trained_until + DAY)
    knows_more = replace(champion, manifest=replace(champion.manifest, models={old.id: later}))
    fewer = verdict(models, knows_more, candle_folder, tmp_path)
    assert found.figures["rows"] - fewer.figures["rows"] == 2 * 288  # type: ignore[operator]


def test_the_same_model_again_differs_in_nothing(models: Path, candle_folder: Path, tmp_path: Path) -> None:
    found = verdict(models, champion_in(models), candle_folder, tmp_path)
    assert found.figures["log_loss_difference_upper_bound"] == 0
    assert found.figures["mcc_difference_lower_bound"] == 0
    assert found.figures["onnx_difference"] < 1e-5  # type: ignore[operator]
    assert found.figures["features_difference"] < 1e-3  # type: ignore[operator]


def test_a_graph_of_another_model_is_kept_back(
    models: Path, others: Path, candle_folder: Path, tmp_path: Path
) -> None:
    """Checksums are right, tensors and graph are each good: only asking both shows that they differ."""
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    for path in models.iterdir():
        (mixed / path.name).write_bytes(path.read_bytes())
    (mixed / "crypto_5m_lstm.pth").write_bytes((others / "crypto_5m_lstm.pth").read_bytes())
    found = verdict(mixed, None, candle_folder, tmp_path / "out")
    assert not found.accepted
    assert any("its graph differs from torch" in reason for reason in found.reasons)


def test_a_model_whose_newest_candles_are_not_there_is_kept_back(
    models: Path, tmp_path: Path, candle_folder: Path
) -> None:
    assert verdict(models, None, tmp_path / "nothing", tmp_path).reasons == (
        "only 0 bars are later than both models; 100 are needed",
    )


ACCEPTED, REFUSED = Verdict(True, ()), Verdict(False, ("its log-loss may be 0.0100 higher",))


def test_an_accepted_model_replaces_the_one_of_its_name(models: Path, others: Path, tmp_path: Path) -> None:
    verdicts = {"crypto_5m_lstm": ACCEPTED}
    after = assemble(models, manifest_of(models), champion_in(others), verdicts, tmp_path, END)
    assert list(after.models) == ["crypto_5m_lstm"]
    assert (tmp_path / "crypto_5m_lstm.onnx").read_bytes() == (models / "crypto_5m_lstm.onnx").read_bytes()


def test_where_a_model_is_refused_the_old_one_stays_and_the_card_says_why(
    models: Path, others: Path, tmp_path: Path
) -> None:
    verdicts = {"crypto_5m_lstm": REFUSED}
    after = assemble(models, manifest_of(models), champion_in(others), verdicts, tmp_path, END)
    assert after.assignment == manifest_of(others).assignment
    assert (tmp_path / "crypto_5m_lstm.onnx").read_bytes() == (others / "crypto_5m_lstm.onnx").read_bytes()
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "| crypto_5m_lstm | does not serve |" in card
    assert "its log-loss may be 0.0100 higher" in card
    assert "Go on serving from the revision before: crypto_5m_lstm." in card
    assert after.data["gate"]["crypto_5m_lstm"]["accepted"] is False  # type: ignore[index]


def test_without_a_champion_a_refused_model_leaves_nobody_to_serve(models: Path, tmp_path: Path) -> None:
    after = assemble(models, manifest_of(models), None, {"crypto_5m_lstm": REFUSED}, tmp_path, END)
    assert after.models == {}
    assert after.assignment == {}


def test_an_old_model_whose_name_is_taken_goes_on_under_its_checksum(
    models: Path, others: Path, tmp_path: Path
) -> None:
    """The new pooled model passes; BTC's own new model does not, and BTC was served by the old pooled one."""
    new = manifest_of(models)
    (pooled,) = new.models.values()
    of_btc = replace(pooled, id="BTC_USDT_5m_lstm")
    serving = dict(new.assignment[Timeframe.M5]) | {"BTC_USDT": of_btc.id}
    new = replace(new, models=dict(new.models) | {of_btc.id: of_btc}, assignment={Timeframe.M5: serving})
    champion = champion_in(others)
    verdicts = {pooled.id: ACCEPTED, of_btc.id: REFUSED}
    after = assemble(models, new, champion, verdicts, tmp_path, END)
    old = champion.manifest.models["crypto_5m_lstm"]
    renamed = f"crypto_5m_lstm-{old.onnx.sha256[:8]}"
    assert set(after.models) == {"crypto_5m_lstm", renamed}
    assert after.assignment[Timeframe.M5]["BTC_USDT"] == renamed
    assert after.assignment[Timeframe.M5]["ETH_USDT"] == "crypto_5m_lstm"
    served = FolderRepository(tmp_path).fetch("r", [Market.CRYPTO])
    assert served.graphs[renamed] == champion.graphs["crypto_5m_lstm"]


def test_what_was_not_trained_anew_stays_as_it_is(models: Path, tmp_path: Path) -> None:
    starter = champion_of("", "starter")
    after = assemble(models, manifest_of(models), starter, {"crypto_5m_lstm": ACCEPTED}, tmp_path, END)
    assert after.assignment[Timeframe.M15] == starter.manifest.assignment[Timeframe.M15]
    kept = starter.manifest.assignment[Timeframe.M5]["AAPL"]
    assert after.assignment[Timeframe.M5]["AAPL"] == kept
    assert after.models[kept] == starter.manifest.models[kept]
    assert FolderRepository(tmp_path).fetch("r", list(Market)).graphs.keys() == after.models.keys()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    with FakeHub() as server:
        server.repositories[NAME] = Repository()
        monkeypatch.setenv("HF_TOKEN", "hf_may_write")
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


@pytest.fixture
def parameter(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with embedded_aws() as endpoint:
        for name, value in {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }.items():
            monkeypatch.setenv(name, value)
        name = "/growfolio/test/model-revision"
        boto3.client("ssm").put_parameter(Name=name, Value="starter", Type="String", Overwrite=True)
        yield name


def promoted(parameter: str) -> str:
    return boto3.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]


def test_the_promoted_revision_is_the_champion(hub: FakeHub, parameter: str, models: Path) -> None:
    target = hub_target(NAME)
    starter = serving_now(target, target.head(), parameter)
    assert starter is not None
    assert starter.revision == "starter"
    files = {path.name: path.read_bytes() for path in models.iterdir()}
    published, newer = hub.publish(NAME, files), hub.publish(NAME, {"manifest.json": b"{}"})
    assert promote(parameter, published) == "starter"
    champion = serving_now(target, target.head(), parameter)
    assert champion is not None
    assert champion.revision == published != newer
    assert champion.tensors == {"crypto_5m_lstm": files["crypto_5m_lstm.pth"]}


def test_an_empty_repository_has_no_champion(hub: FakeHub) -> None:
    target = hub_target(NAME)
    assert serving_now(target, target.head(), "") is None


def test_what_cannot_be_promoted_is_said_to_be_published_all_the_same(parameter: str) -> None:
    with pytest.raises(ConfigurationError, match="is published but not promoted"):
        promote(parameter, "main")
    assert promoted(parameter) == "starter"


def test_starter_models_have_no_tensors_to_go_on_from() -> None:
    with pytest.raises(PermanentModelError, match="published without tensors"):
        champion_of("", "starter").network("crypto_5m_lstm")


def test_the_command_publishes_what_passes_and_promotes_it(
    hub: FakeHub, parameter: str, models: Path, candle_folder: Path, tmp_path: Path
) -> None:
    new = constant(models, candle_folder, tmp_path / "new")
    first = hub.publish(NAME, {path.name: path.read_bytes() for path in new.iterdir()})
    promote(parameter, first)
    given = f"publish --models {new} --repo {NAME} --candles {candle_folder}"
    assert main([*given.split(), "--promote", parameter]) == 0
    second = hub.repositories[NAME].head
    assert promoted(parameter) == second != first
    there = hub.repositories[NAME].commits[second]
    assert parse_manifest(there["manifest.json"]).data["champion"] == first
    assert there["crypto_5m_lstm.onnx"] == (new / "crypto_5m_lstm.onnx").read_bytes()


def test_the_command_publishes_nothing_where_no_model_passes(
    hub: FakeHub,
    parameter: str,
    models: Path,
    candle_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rash = constant(models, candle_folder, tmp_path / "new", temperature=0.3)
    given = f"publish --models {rash} --repo {NAME} --candles {candle_folder}"
    assert main([*given.split(), "--promote", parameter]) == 0
    assert "nothing is published: no new model passed the gate" in capsys.readouterr().out
    assert hub.repositories[NAME].commits == {}
    assert promoted(parameter) == "starter"
