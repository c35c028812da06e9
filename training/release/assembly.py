"""Assembles the repository to publish: accepted new models, and the champion's models elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.models.manifest import MANIFEST, Manifest, Model, ModelFile

from training.fitting.champion import Champion
from training.release.card import CARD
from training.release.gate import Verdict
from training.release.publish import PICTURES


def assemble(
    folder: Path,
    new: Manifest,
    champion: Champion | None,
    verdicts: Mapping[str, Verdict],
    out: Path,
    created_at: int,
) -> Manifest:
    """Write to out all models that will serve, their manifest, and a card with the gate's verdicts.

    A champion whose id a new model takes goes on under its id and the start of its checksum. What the new
    models were not asked about (another timeframe, another market) stays as it is.
    """
    models: dict[str, Model] = {}
    contents: dict[str, bytes] = {}
    assignment: dict[Timeframe, dict[str, str]] = {}
    old = champion.manifest.assignment if champion else {}
    taken = {model_id for model_id, verdict in verdicts.items() if verdict.accepted}
    for timeframe in Timeframe:
        assigned, serving = new.assignment.get(timeframe, {}), old.get(timeframe, {})
        for key in dict.fromkeys([*assigned, *serving]):
            if assigned.get(key) in taken:
                model = new.models[assigned[key]]
                contents |= {f.file: (folder / f.file).read_bytes() for f in _files(model)}
            elif champion is not None and (before := _serving(champion.manifest, timeframe, key)):
                model = _kept(before, before.id in taken)
                contents |= _contents(champion, before, model)
            else:
                continue
            models[model.id] = model
            assignment.setdefault(timeframe, {})[key] = model.id
    gate = {model_id: verdict.to_json() for model_id, verdict in verdicts.items()}
    data = dict(new.data) | {"gate": gate, "champion": champion.revision if champion else None}
    manifest = Manifest(created_at, data, models, assignment)
    contents |= {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in PICTURES}
    card = (folder / CARD).read_text() + gate_section(verdicts, manifest)
    out.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (out / name).write_bytes(content)
    (out / CARD).write_text(card)
    (out / MANIFEST).write_text(manifest.to_json())
    return manifest


def gate_section(verdicts: Mapping[str, Verdict], manifest: Manifest) -> str:
    """Markdown: each new model's verdict, and which older models go on serving."""
    rows = [
        "| {} | {} | {} | {} |".format(
            model_id,
            "serves" if verdict.accepted else "does not serve",
            verdict.figures.get("against", ""),
            "; ".join(verdict.reasons) or "not worse, calibrated, graph and features as they should be",
        )
        for model_id, verdict in verdicts.items()
    ]
    older = sorted(model_id for model_id in manifest.models if not _accepted(model_id, verdicts))
    return (
        "\n## Gate\n\nA new model serves only if it is not worse than the one before it, on bars that "
        "neither has seen.\n\n| new model | | compared with | why |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + (f"\n\nGo on serving from the revision before: {', '.join(older)}.\n" if older else "\n")
    )


def _accepted(model_id: str, verdicts: Mapping[str, Verdict]) -> bool:
    return model_id in verdicts and verdicts[model_id].accepted


def _serving(manifest: Manifest, timeframe: Timeframe, key: str) -> Model | None:
    if key in set(Market):
        model_id = manifest.assignment.get(timeframe, {}).get(key)
        return manifest.models[model_id] if model_id else None
    return manifest.serving(find_asset(key), timeframe)


def _kept(model: Model, id_is_taken: bool) -> Model:
    """The model itself, or under another id with files of that name."""
    if not id_is_taken:
        return model
    name = f"{model.id}-{model.onnx.sha256[:8]}"
    onnx = replace(model.onnx, file=f"{name}.onnx")
    pth = None if model.pth is None else replace(model.pth, file=f"{name}.pth")
    return replace(model, id=name, onnx=onnx, pth=pth)


def _contents(champion: Champion, before: Model, kept: Model) -> dict[str, bytes]:
    contents = {kept.onnx.file: champion.graphs[before.id]}
    if kept.pth is not None:
        contents[kept.pth.file] = champion.tensors[before.id]
    return contents


def _files(model: Model) -> list[ModelFile]:
    return [file for file in (model.onnx, model.pth) if file is not None]
