"""manifest.json: which models a revision holds, what they were trained on, and which serves what.

Serving and training share this module: what training writes has passed the check of what serving reads.
Fields that are not named here are passed over; a change of meaning raises FORMAT.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.forecast import WINDOW
from growfolio.domain.label import LABEL_KINDS, Label
from growfolio.domain.timeframes import LENGTHS
from growfolio.domain.times import utc_text
from growfolio.errors import UnknownAsset
from growfolio.indicators.standard import FEATURES, FEATURES_VERSION
from growfolio.models.json_fields import Field, read_json
from growfolio.models.model_inputs import STANDARD_INPUTS, ModelInputs, read_inputs

MANIFEST = "manifest.json"
STANDARD_FORMAT = 1
"""All models see the sixteen: the manifest names them once, as older deployments read it."""
FORMAT = 2
"""Each model names its inputs. An older deployment, which would not look at them, refuses it."""
LARGEST_FILE = 64_000_000
"""Bytes; a model here has about 250 kB, and Lambda's writable folder 512 MB."""

_ID = r"[A-Za-z0-9_]+(-[A-Za-z0-9_]+)*"
_ONNX = r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.onnx"
_PTH = r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.pth"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file beside the manifest: its plain name, SHA-256 in lower-case hex, and size in bytes."""

    file: str
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Model:
    """One trained model. Times are seconds since the epoch.

    assets are the ids it was trained on. trained_until is the close of the last bar used for
    fitting or selecting it (the end of validation). metrics are parts (test, validation, ...) with
    their numbers, passed on as they are.
    """

    id: str
    market: Market
    timeframe: Timeframe
    network: str
    assets: tuple[str, ...]
    onnx: ModelFile
    pth: ModelFile | None
    label: Label
    trained_from: int
    trained_until: int
    expires_at: int | None
    metrics: Mapping[str, object]
    inputs: ModelInputs = STANDARD_INPUTS

    def expired(self, now: int) -> bool:
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True)
class Manifest:
    """The models of one revision by id, and the id of the model that serves each timeframe and asset id.

    Under the name of a market stands the model for those of its assets that are not named, such as new ones.
    """

    created_at: int
    data: Mapping[str, object]
    models: Mapping[str, Model]
    assignment: Mapping[Timeframe, Mapping[str, str]]

    def serving(self, asset: Asset, timeframe: Timeframe) -> Model | None:
        """The model assigned to this asset and timeframe, if any."""
        assigned = self.assignment.get(timeframe, {})
        model_id = assigned.get(asset.id, assigned.get(asset.market))
        return None if model_id is None else self.models[model_id]

    def assigned(self, market: Market) -> list[Model]:
        """The models that any asset of this market needs, each once."""
        used = {model_id for of_asset in self.assignment.values() for model_id in of_asset.values()}
        return [model for model in self.models.values() if model.id in used and model.market is market]

    def to_json(self) -> str:
        """The text of manifest.json. Raises PermanentModelError where parse_manifest would refuse it."""
        standard = all(model.inputs == STANDARD_INPUTS for model in self.models.values())
        document = {
            "format": STANDARD_FORMAT if standard else FORMAT,
            **({"features": {"version": FEATURES_VERSION, "names": list(FEATURES)}} if standard else {}),
            "window": WINDOW,
            "created_at": utc_text(self.created_at),
            "data": dict(self.data),
            "models": {model_id: _model_json(model, standard) for model_id, model in self.models.items()},
            "assignment": {frame.value: dict(of_asset) for frame, of_asset in self.assignment.items()},
        }
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        parse_manifest(text)
        return text


def parse_manifest(text: str | bytes) -> Manifest:
    """Raises PermanentModelError, naming the field, for anything that must not be served.

    Assets and timeframes that this product does not serve are left out, so that taking one away does
    not need new models.
    """
    document = read_json(MANIFEST, text)
    if document["format"].value not in (STANDARD_FORMAT, FORMAT):
        raise document["format"].fault(
            f"this version reads formats {STANDARD_FORMAT} and {FORMAT}, not {document['format'].value!r}"
        )
    if document["format"].value == STANDARD_FORMAT:
        _check_features(document)
    document["window"].whole(WINDOW, WINDOW)
    models = {
        model_id: _model(model_id, field)
        for model_id, field in document["models"].items()
        if _is_served(field["timeframe"])
    }
    assignment = {
        _timeframe(frame, of_asset): _assigned(frame, of_asset, models)
        for frame, of_asset in document["assignment"].items()
        if _is_served(Field(of_asset.path, frame))
    }
    return Manifest(document["created_at"].time(), document["data"].any_object(), models, assignment)


def files_of(text: str | bytes) -> list[ModelFile]:
    """Each file that a manifest names, once, those of timeframes that this product does not serve too.

    Raises PermanentModelError.
    """
    files = [
        _file(model[kind], pattern)
        for _, model in read_json(MANIFEST, text)["models"].items()
        for kind, pattern in (("onnx", _ONNX), ("pth", _PTH))
        if model[kind].value is not None
    ]
    return list(dict.fromkeys(files))


def _check_features(document: Field) -> None:
    """A model that was trained on other features would answer with numbers that mean nothing."""
    features = document["features"]
    version = features["version"]
    if version.value != FEATURES_VERSION:
        raise version.fault(
            f"trained on features of version {version.value!r}; serving has {FEATURES_VERSION}"
        )
    names = [name.text() for name in features["names"].elements()]
    if names != list(FEATURES):
        raise features["names"].fault(f"trained on {' '.join(names)}; serving has {' '.join(FEATURES)}")


def _model(model_id: str, field: Field) -> Model:
    Field(field.path, model_id).text(_ID, "a model's id is letters, digits, _ and -")
    model = Model(
        id=model_id,
        market=_market(field["market"]),
        timeframe=_timeframe(field["timeframe"].text(), field["timeframe"]),
        network=field["network"].text(),
        assets=tuple(asset.text() for asset in field["assets"].elements()),
        onnx=_file(field["onnx"], _ONNX),
        pth=None if field["pth"].value is None else _file(field["pth"], _PTH),
        label=_label(field["label"]),
        trained_from=field["trained_from"].time(),
        trained_until=field["trained_until"].time(),
        expires_at=None if field["expires_at"].value is None else field["expires_at"].time(),
        metrics=field["metrics"].any_object(),
        inputs=read_inputs(field["inputs"]) if field.has("inputs") else STANDARD_INPUTS,
    )
    if model.trained_from >= model.trained_until:
        raise field["trained_until"].fault("must be later than trained_from")
    if model.expires_at is not None and model.expires_at <= model.trained_until:
        raise field["expires_at"].fault("must be later than trained_until")
    return model


def _file(field: Field, name: str) -> ModelFile:
    return ModelFile(
        field["file"].text(name, f"must be a plain file name that matches {name}"),
        field["sha256"].text("[0-9a-f]{64}", "must be 64 lower-case hex digits"),
        field["bytes"].whole(1, LARGEST_FILE),
    )


def _label(field: Field) -> Label:
    return Label(
        field["kind"].text("|".join(LABEL_KINDS), f"must be {' or '.join(LABEL_KINDS)}"),
        field["horizon_bars"].whole(1, 1000),
        field["threshold"].fraction(),
        _class_shares(field),
    )


def _class_shares(label: Field) -> tuple[float, float, float] | None:
    given = label.value.get("class_shares") if isinstance(label.value, dict) else None
    if given is None:
        return None
    shares = [share.value for share in label["class_shares"].elements()]
    numbers = [float(share) for share in shares if isinstance(share, int | float)]
    if len(shares) != 3 or len(numbers) != 3 or abs(sum(numbers) - 1) > 1e-3 or min(numbers) < 0:
        raise label["class_shares"].fault("must be three shares that sum to 1")
    return numbers[0], numbers[1], numbers[2]


def _market(field: Field) -> Market:
    return Market(field.text("|".join(Market), f"must be {' or '.join(Market)}"))


def _is_served(timeframe: Field) -> bool:
    """False for a length of bars that there is, but not in this product's list."""
    return timeframe.value in set(Timeframe) or timeframe.value not in LENGTHS


def _timeframe(name: str, field: Field) -> Timeframe:
    try:
        return Timeframe(name)
    except ValueError:
        raise field.fault(f"there is no timeframe {name[:20]!r}; there are {', '.join(Timeframe)}") from None


def _assigned(frame: str, of_asset: Field, models: Mapping[str, Model]) -> dict[str, str]:
    assigned = {}
    for asset_id, field in of_asset.items():
        model = models.get(field.text())
        if model is None:
            raise field.fault(f"there is no model {field.value!r} in this manifest")
        if model.timeframe != frame:
            raise field.fault(f"model {model.id} is for {model.timeframe}")
        asset = _known_asset(asset_id)
        market = asset.market if asset else next((m for m in Market if m == asset_id), None)
        if market is None:
            continue
        if model.market is not market:
            raise field.fault(f"model {model.id} is for {model.market}, {asset_id} is one of {market}")
        assigned[asset.id if asset else market.value] = model.id
    return assigned


def _known_asset(asset_id: str) -> Asset | None:
    try:
        asset = find_asset(asset_id)
    except UnknownAsset:
        return None
    return asset if asset.id == asset_id else None


def _model_json(model: Model, standard: bool) -> dict[str, object]:
    times = ("trained_from", "trained_until", "expires_at")
    left_out = {"id", "inputs"} if standard else {"id"}
    document = {key: value for key, value in asdict(model).items() if key not in left_out}
    for key in times:
        document[key] = None if document[key] is None else utc_text(document[key])
    return document
