"""The report as one HTML page, made from evaluation.json alone: it can be drawn again without the models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from growfolio.domain.times import DAY, utc_text
from growfolio.record.resampling import BLOCK_DAYS
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from training.evaluation.charts import (
    Interval,
    Line,
    confusion_chart,
    interval_chart,
    line_chart,
    reliability_chart,
)
from training.evaluation.comparison import LAST_PART

MAJORITY = "majority"
LEAST_TRADES = 100
"""Trades under which a backtest shows no result: chance decides what a few have earned."""
Found = Mapping[str, Any]
"""evaluation.json, or a part of it."""


def page_of(found: Found) -> str:
    """Render the page; it needs no script, style, font or picture from outside."""
    names = dict.fromkeys(fold["pool"] for fold in found["folds"])
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["utc"] = utc_text
    return environment.get_template("report.html.jinja").render(
        found=found,
        about=found["about"],
        verdict=verdict(found),
        between=_between,
        expected=_expected,
        block_days=BLOCK_DAYS,
        least_trades=LEAST_TRADES,
        comparison_charts=list(map(_svg, _comparison_charts(found["comparisons"]))),
        equity_charts=[_svg(_equity_chart(run)) for run in found["backtest"] if run.get("points")],
        pools=[_pool(name, [fold for fold in found["folds"] if fold["pool"] == name]) for name in names],
    )


def verdict(found: Found) -> str:
    """Say in one sentence whether models know how far prices move, and which way, on the last part."""
    last = [fold for fold in found["folds"] if fold["fold"] == LAST_PART]
    if not last:
        return "There is no last part to judge the models on."
    models = [fold["models"][0] for fold in last]
    far = sum(model["intervals_90"]["gain"][0] > 0 for model in models)
    side = sum(model["intervals_90"]["direction"][0] > 0.5 for model in models)
    return (
        f"On the last part of the candles, which no choice has looked at, {models[0]['name']} beats always "
        f"answering the class shares beyond chance in {far} of {len(last)} pools, and foresees the direction "
        f"of moves beyond chance in {side}."
    )


def _comparison_charts(comparisons: Sequence[Found]) -> list[str]:
    """Two charts for each pool and part: how much less the model loses, and how much higher its MCC is."""
    parts: dict[str, list[Found]] = {}
    for one in comparisons:
        parts.setdefault(f"{one['pool']}, {one['part']}", []).append(one)
    charts = []
    for title, own in parts.items():
        loss = [Interval(c["against"], c["log_loss"], *c["log_loss_90"]) for c in own]
        mcc = [Interval(c["against"], c["mcc"], *c["mcc_90"]) for c in own]
        charts += [
            interval_chart(f"{title}: log-loss", loss, "nats, less is better", better_below=True),
            interval_chart(f"{title}: MCC", mcc, "more is better", better_below=False),
        ]
    return charts


def _equity_chart(run: Found) -> str:
    if run["trades"] < LEAST_TRADES:
        return ""
    start = run["points"][0][0]
    days = [((moment - start) / DAY, gross, net) for moment, gross, net in run["points"]]
    lines = [Line("gross", [(d, g) for d, g, _ in days]), Line("after costs", [(d, n) for d, _, n in days])]
    return line_chart(f"{run['market']} {run['timeframe']}: one unit", lines, "days", "equity")


def _pool(name: str, folds: Sequence[Found]) -> Found:
    """A pool's folds with charts of the newest, the last part where there is one: a page of all is slow."""
    lines = [Line(fold["fold"], [(epoch[0], epoch[2]) for epoch in fold["epochs"]]) for fold in folds]
    return {
        "name": name,
        "folds": [
            dict(fold) | {"charts": list(map(_svg, _fold_charts(fold))) if fold is folds[-1] else []}
            for fold in folds
        ],
        "learning": _svg(line_chart("Learning: validation log-loss", lines, "epoch", "nats")),
    }


def _fold_charts(fold: Found) -> list[str]:
    models = fold["models"]
    sides = [_covered(model, "direction") for model in models if model["name"] != MAJORITY]
    return [
        line_chart("Direction of the most decided", sides, "% of rows", "right side"),
        line_chart("Accuracy of the surest", [_covered(m, "accuracy") for m in models], "% of rows", "right"),
        reliability_chart(models[0]),
        confusion_chart(models[0]),
    ]


def _covered(model: Found, what: str) -> Line:
    return Line(model["name"], [(100 * c["share"], c[what]) for c in model["coverage"]], marked=True)


def _svg(drawn: str) -> Markup:
    """A chart, whose texts matplotlib has escaped."""
    return Markup(drawn)  # noqa: S704


def _expected(form: str, found: float, expected: float) -> str:
    """A value, and in brackets what it would be if the probabilities were right."""
    return f"{form % found} ({form % expected})"


def _between(interval: tuple[float, float]) -> Markup:
    return Markup('<br><span class="i">{:+.3f} to {:+.3f}</span>').format(*interval)
