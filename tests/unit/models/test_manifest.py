"""What a manifest may say, and what is refused before anything is served."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.errors import PermanentModelError
from growfolio.models.manifest import Manifest, ModelFile, files_of, parse_manifest

from tests.fakes.models import EXPIRES_AT, TRAINED_UNTIL, Publication

Change = Callable[[dict[str, Any]], object]


def publication() -> Publication:
    return (
        Publication()
        .add("stocks_5m_lstm", b"one", ["AAPL", "MSFT"])
        .add("BTC_USDT_15m_lstm", b"two", ["BTC"], Timeframe.M15)
    )


def document() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(publication().manifest.to_json())
    return made


def test_what_training_writes_is_what_serving_reads() -> None:
    manifest = publication().manifest
    assert parse_manifest(manifest.to_json()) == manifest


def test_each_file_is_named_once_also_those_of_a_timeframe_that_is_not_served_here() -> None:
    changed = document()
    tensors = {"file": "stocks_5m_lstm.pth", "sha256": "e" * 64, "bytes": 7}
    changed["models"]["stocks_5m_lstm"]["pth"] = tensors
    changed["models"]["stocks_10m_lstm"] = {**changed["models"]["stocks_5m_lstm"], "timeframe": "10m"}
    text = json.dumps(changed)
    assert "stocks_10m_lstm" not in parse_manifest(text).models
    assert [file.file for file in files_of(text)] == [
        "stocks_5m_lstm.onnx",
        "stocks_5m_lstm.pth",
        "BTC_USDT_15m_lstm.onnx",
    ]


def test_times_are_written_for_people_and_read_as_seconds() -> None:
    written = document()["models"]["stocks_5m_lstm"]
    assert written["trained_until"] == "2024-03-09T16:00:00Z"
    assert parse_manifest(json.dumps(document())).models["stocks_5m_lstm"].trained_until == TRAINED_UNTIL


def test_each_asset_and_timeframe_is_served_by_its_assigned_model() -> None:
    manifest = publication().manifest
    served = {
        (symbol, timeframe): model.id
        for symbol in ("AAPL", "MSFT", "TSLA", "BTC")
        for timeframe in Timeframe
        if (model := manifest.serving(find_asset(symbol), timeframe))
    }
    assert served == {
        ("AAPL", Timeframe.M5): "stocks_5m_lstm",
        ("MSFT", Timeframe.M5): "stocks_5m_lstm",
        ("BTC", Timeframe.M15): "BTC_USDT_15m_lstm",
    }


def test_an_asset_that_the_product_has_just_added_is_served_by_its_markets_model() -> None:
    changed = document()
    changed["assignment"]["5m"]["stocks"] = "stocks_5m_lstm"
    manifest = parse_manifest(json.dumps(changed))
    model = manifest.serving(Asset("NEW", Market.STOCKS, "just listed"), Timeframe.M5)
    assert model is not None
    assert model.id == "stocks_5m_lstm"
    assert manifest.serving(find_asset("BTC"), Timeframe.M5) is None


def test_a_market_is_not_given_another_markets_model() -> None:
    changed = document()
    changed["assignment"]["5m"]["crypto"] = "stocks_5m_lstm"
    with pytest.raises(PermanentModelError, match="is for stocks"):
        parse_manifest(json.dumps(changed))


def test_a_market_needs_only_its_own_assigned_models() -> None:
    manifest = publication().add("spare_5m_lstm", b"three", ["AAPL"]).add("own", b"four", ["AAPL"]).manifest
    assert [model.id for model in manifest.assigned(Market.STOCKS)] == ["stocks_5m_lstm", "own"]
    assert [model.id for model in manifest.assigned(Market.CRYPTO)] == ["BTC_USDT_15m_lstm"]


def test_a_model_expires_at_the_stated_second() -> None:
    model = publication().manifest.models["stocks_5m_lstm"]
    assert not model.expired(EXPIRES_AT - 1)
    assert model.expired(EXPIRES_AT)
    assert not replace(model, expires_at=None).expired(EXPIRES_AT)


def test_an_asset_that_the_product_gave_up_does_not_stop_the_others() -> None:
    changed = document()
    changed["assignment"]["5m"]["GONE"] = "stocks_5m_lstm"
    assert parse_manifest(json.dumps(changed)) == publication().manifest


def model_of(changed: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = changed["models"]["stocks_5m_lstm"]
    return found


REFUSED: dict[str, tuple[Change, str]] = {
    "another format": (
        lambda d: d.update(format=3),
        r"manifest.json.format: this version reads formats 1 and 2, not 3",
    ),
    "no format": (lambda d: d.pop("format"), r"manifest.json: 'format' is missing"),
    "another version of the features": (
        lambda d: d["features"].update(version=2),
        r"features.version: trained on features of version 2; serving has 1",
    ),
    "other features": (
        lambda d: d["features"]["names"].reverse(),
        r"features.names: trained on hl_spread price_change .* serving has open high",
    ),
    "another window": (lambda d: d.update(window=120), r"window: must lie in 60 to 60, not 120"),
    "a path for a file": (
        lambda d: model_of(d)["onnx"].update(file="../../etc/passwd.onnx"),
        r"models.stocks_5m_lstm.onnx.file: must be a plain file name",
    ),
    "an absolute path for a file": (
        lambda d: model_of(d)["onnx"].update(file="/tmp/a.onnx"),
        r"onnx.file: must be a plain file name",
    ),
    "a hidden file": (lambda d: model_of(d)["onnx"].update(file=".onnx"), r"onnx.file: must be a plain"),
    "a pickle to serve": (
        lambda d: model_of(d)["onnx"].update(file="stocks_5m_lstm.pth"),
        r"onnx.file: must be a plain file name that matches .*onnx",
    ),
    "a checksum that is none": (
        lambda d: model_of(d)["onnx"].update(sha256="A" * 64),
        r"onnx.sha256: must be 64 lower-case hex digits",
    ),
    "an empty file": (lambda d: model_of(d)["onnx"].update(bytes=0), r"onnx.bytes: must lie in 1 to"),
    "a file too large to keep": (
        lambda d: model_of(d)["onnx"].update(bytes=10**9),
        r"onnx.bytes: must lie in 1 to 64000000, not 1000000000",
    ),
    "no network": (lambda d: model_of(d).pop("network"), r"models.stocks_5m_lstm: 'network' is missing"),
    "an unknown market": (lambda d: model_of(d).update(market="bonds"), r"market: must be stocks or crypto"),
    "an unknown timeframe": (
        lambda d: model_of(d).update(timeframe="1h"),
        r"timeframe: there is no timeframe '1h'; there are 5m, 15m",
    ),
    "a label that serving cannot explain": (
        lambda d: model_of(d)["label"].update(kind="oracle"),
        r"label.kind: must be fixed or volatility or triple_barrier, not 'oracle'",
    ),
    "a threshold in per cent": (
        lambda d: model_of(d)["label"].update(threshold=1.0),
        r"label.threshold: must be a number above 0 and below 1",
    ),
    "no horizon": (lambda d: model_of(d)["label"].update(horizon_bars=0), r"horizon_bars: must lie in 1 to"),
    "half a bar": (
        lambda d: model_of(d)["label"].update(horizon_bars=0.5),
        r"must be a whole number, not 0.5",
    ),
    "a time of no zone": (
        lambda d: model_of(d).update(trained_until="2024-03-09 16:00"),
        r"trained_until: must be a time like 2026-11-22T12:00:00Z, not '2024-03-09 16:00'",
    ),
    "training that ends before it starts": (
        lambda d: model_of(d).update(trained_until="2001-01-01T00:00:00Z"),
        r"trained_until: must be later than trained_from",
    ),
    "a model born expired": (
        lambda d: model_of(d).update(expires_at="2024-01-01T00:00:00Z"),
        r"expires_at: must be later than trained_until",
    ),
    "a model that is not there": (
        lambda d: d["assignment"]["5m"].update(AAPL="nothing"),
        r"assignment.5m.AAPL: there is no model 'nothing' in this manifest",
    ),
    "a model of another timeframe": (
        lambda d: d["assignment"]["5m"].update(BTC_USDT="BTC_USDT_15m_lstm"),
        r"assignment.5m.BTC_USDT: model BTC_USDT_15m_lstm is for 15m",
    ),
    "a model of another market": (
        lambda d: d["assignment"]["5m"].update(ETH_USDT="stocks_5m_lstm"),
        r"assignment.5m.ETH_USDT: model stocks_5m_lstm is for stocks, ETH_USDT is one of crypto",
    ),
    "a model id that is a path": (
        lambda d: d["models"].update({"../x": model_of(d)}),
        r"a model's id is letters, digits, _ and -, not '../x'",
    ),
    "models in a list": (lambda d: d.update(models=[]), r"manifest.json.models: must be an object"),
    "metrics that are no numbers": (
        lambda d: model_of(d)["metrics"].update(mcc=float("nan")),
        r"manifest.json: not JSON: NaN is not a number of JSON",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_manifest_is_refused_with_the_name_of_the_field_for(what: str) -> None:
    change, reason = REFUSED[what]
    changed = document()
    change(changed)
    with pytest.raises(PermanentModelError, match=reason):
        parse_manifest(json.dumps(changed))


@pytest.mark.parametrize("text", [b"", b"<html>502</html>", b"[]", b"1e999", b"\xff\xfe{", b"[" * 100_000])
def test_what_is_no_manifest_is_refused_and_never_half_read(text: bytes) -> None:
    with pytest.raises(PermanentModelError, match=r"manifest\.json"):
        parse_manifest(text)


def test_training_cannot_write_a_manifest_that_serving_would_refuse() -> None:
    manifest = publication().manifest
    model = manifest.models["stocks_5m_lstm"]
    bad = replace(model, onnx=ModelFile("a/b.onnx", model.onnx.sha256, 1))
    broken = Manifest(manifest.created_at, manifest.data, {model.id: bad}, {})
    with pytest.raises(PermanentModelError, match=r"onnx\.file: must be a plain file name"):
        broken.to_json()
