"""A fresh process that serves from the Hub: what it loads, what it asks, and what it never opens."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import growfolio
import pytest

from tests.fakes.hub_server import FakeHub
from tests.fakes.models import NOW, Publication, constant_graph
from tests.patience import HANG

NAME = "growfolio/signals"
GRAPH = constant_graph((0.1, 0.2, 0.7))
PROCESS = f"""
import json, os, sys
opened, unpickled = [], []
def watch(event, arguments):
    if event == "open" and str(arguments[0]).endswith((".onnx", ".pth", ".json")):
        opened.append(os.path.basename(str(arguments[0])))
    if event == "pickle.find_class":
        unpickled.append(arguments)
sys.addaudithook(watch)

from growfolio.settings import Settings
from growfolio.models.loader import model_loader
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.forecast import Views
from growfolio.indicators.standard import FEATURES
import numpy as np

at_start = sorted(sys.modules)
loaded = model_loader(Settings.from_environment(os.environ), [Market.STOCKS]).load()
(answer,) = loaded.forecaster.forecast(
    [(find_asset("AAPL"), Timeframe.M5)], Views(np.zeros((1, 60, 16), np.float32), FEATURES), {NOW}
)
print(json.dumps(dict(
    answer=str(getattr(answer, "model_id", answer)), revision=loaded.revision, notes=loaded.notes,
    opened=opened, unpickled=len(unpickled), at_start=at_start, at_end=sorted(sys.modules),
    telemetry=os.environ.get("ORT_DISABLE_TELEMETRY"), home=os.environ.get("HF_HOME"),
)))
"""

UNPICKLING = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "torch"}


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub() as server:
        yield server


def serve(hub: FakeHub, folder: Path, **settings: str) -> dict[str, Any]:
    """What a new process answers for AAPL, and what it did on the way."""
    ours = ("HF_", "ORT_", "GROWFOLIO_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | {
        "HF_ENDPOINT": hub.endpoint,
        "HOME": str(folder / "home"),
        "GROWFOLIO_MODEL_CACHE": str(folder / "cache"),
        **settings,
    }
    return run(PROCESS, environment)


def run(program: str, environment: dict[str, str]) -> dict[str, Any]:
    """What a process says at its end."""
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG)
    assert ran.returncode == 0, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def malicious_pickle(marker: Path) -> bytes:
    """Bytes that make a file when somebody unpickles them."""
    return b"cos\nsystem\n(S'touch %s'\ntR." % str(marker).encode()


def test_a_process_serves_the_revision_of_its_environment_and_never_touches_a_pickle(
    hub: FakeHub, tmp_path: Path
) -> None:
    marker = tmp_path / "unpickled"
    files = Publication().add("stocks_5m_lstm", GRAPH, ["AAPL"]).files()
    commit = hub.publish(NAME, files | {"stocks_5m_lstm.pth": malicious_pickle(marker)})
    told = serve(hub, tmp_path, GROWFOLIO_MODEL_REPOSITORY=NAME, GROWFOLIO_MODEL_REVISION=commit)
    assert (told["answer"], told["revision"], told["notes"]) == ("stocks_5m_lstm", commit, [])
    assert told["unpickled"] == 0
    assert "stocks_5m_lstm.onnx" in told["opened"]
    assert "stocks_5m_lstm.pth" not in told["opened"]
    assert not marker.exists()


def test_a_folder_with_a_malicious_pickle_is_served_without_opening_it(hub: FakeHub, tmp_path: Path) -> None:
    marker = tmp_path / "unpickled"
    folder = Publication().add("stocks_5m_lstm", GRAPH, ["AAPL"]).write_to(tmp_path / "models")
    (folder / "stocks_5m_lstm.pth").write_bytes(malicious_pickle(marker))
    told = serve(hub, tmp_path, GROWFOLIO_MODEL_REPOSITORY=str(folder))
    assert told["answer"] == "stocks_5m_lstm"
    assert "stocks_5m_lstm.onnx" in told["opened"]
    assert (told["unpickled"], marker.exists(), "stocks_5m_lstm.pth" in told["opened"]) == (0, False, False)


def test_the_watch_for_pickles_would_have_seen_one(tmp_path: Path) -> None:
    marker = tmp_path / "unpickled"
    pickled = tmp_path / "model.pth"
    pickled.write_bytes(malicious_pickle(marker))
    start = "from growfolio.settings import Settings"
    planted = f"import pickle\nwith open({str(pickled)!r}, 'rb') as file:\n    pickle.load(file)\n{start}"
    told = run(PROCESS.replace(start, planted), os.environ | {"GROWFOLIO_MODEL_REPOSITORY": ""})
    assert (told["unpickled"], "model.pth" in told["opened"], marker.exists()) == (1, True, True)


def test_no_code_of_the_product_can_unpickle() -> None:
    found = []
    for path in Path(growfolio.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [f"{path.name}: {name}" for name in names if name.split(".")[0] in UNPICKLING]
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant)
                assert node.value.value is False
    assert found == []


def test_the_hub_is_asked_only_for_the_manifest_and_the_models_and_told_nothing(
    hub: FakeHub, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, Publication().add("stocks_5m_lstm", GRAPH, ["AAPL"]).files())
    settings = {"GROWFOLIO_MODEL_REPOSITORY": NAME, "GROWFOLIO_MODEL_REVISION": commit, "HF_TOKEN": "hf_mine"}
    told = serve(hub, tmp_path, **settings)
    assert [f"{r.method} {r.path.split('/')[1]}" for r in hub.requests] == [
        "HEAD growfolio",
        "GET growfolio",
        "HEAD growfolio",
        "GET storage",
    ]
    assert {r.token for r in hub.requests} == {""}
    assert told["telemetry"] == "1"
    assert told["home"] == str(tmp_path / "cache")
    assert not (tmp_path / "home").exists()
    hub.requests.clear()
    assert serve(hub, tmp_path, **settings)["revision"] == commit
    assert hub.requests == []


def test_libraries_are_imported_when_needed_and_heavy_ones_never(hub: FakeHub, tmp_path: Path) -> None:
    folder = Publication().add("stocks_5m_lstm", GRAPH, ["AAPL"]).write_to(tmp_path / "models")
    told = serve(hub, tmp_path, GROWFOLIO_MODEL_REPOSITORY=str(folder))
    assert not {"onnxruntime", "huggingface_hub", "botocore"} & set(told["at_start"])
    assert "onnxruntime" in told["at_end"]
    assert not {"huggingface_hub", "torch", "pandas", "hf_xet", "boto3", "onnx"} & set(told["at_end"])
