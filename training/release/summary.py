"""What a training run has come to, in lines for the person who started it."""

from pathlib import Path
from typing import cast

from growfolio.domain.assets import Asset, Market, Timeframe, assets_of
from growfolio.models.manifest import Manifest, Model

HEAD = ("pool", "model", "rows", "MCC", "log-loss", "prior")


def summary(manifest: Manifest, folder: Path) -> list[str]:
    """Return the scores of each pool, which model serves which asset, and the command that serves them."""
    pools = {
        (market, timeframe): manifest.models[serving[market]]
        for timeframe, serving in manifest.assignment.items()
        for market in Market
        if market in serving
    }
    rows = [HEAD, *(_row(market, timeframe, model) for (market, timeframe), model in pools.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows),
        "scores are those of the test part, which no choice has looked at; prior is the log-loss of always",
        "answering the class shares",
        *(line for pool, model in pools.items() for line in _serving(*pool, model, manifest)),
        f"{len(manifest.models)} models in {folder}; this serves them:",
        f"    GROWFOLIO_MODEL_REPOSITORY={folder} make run",
    ]


def _row(market: Market, timeframe: Timeframe, model: Model) -> tuple[str, ...]:
    test = cast("dict[str, float]", model.metrics["test"])
    losses = f"{test['log_loss']:.4f}", f"{test['prior_log_loss']:.4f}"
    return f"{market} {timeframe}", model.id, f"{test['rows']:,}", f"{test['mcc']:+.3f}", *losses


def _serving(market: Market, timeframe: Timeframe, pooled: Model, manifest: Manifest) -> list[str]:
    """Name the model of most assets, and those of assets that another one serves."""
    others: dict[str, list[Asset]] = {}
    for asset in assets_of(market):
        model = manifest.serving(asset, timeframe)
        if model is not None and model.id != pooled.id:
            others.setdefault(model.id, []).append(asset)
    named = [f"{model_id} serves {' '.join(a.symbol for a in own)}" for model_id, own in others.items()]
    rest = "the other" if named else "all"
    return [*named, f"{pooled.id} serves {rest} {market} on {timeframe}"]
