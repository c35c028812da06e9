"""Charts of the report and of model cards, drawn by matplotlib: SVG text that needs nothing from outside."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#475569")
GOOD, BAD, UNDECIDED = COLOURS[2], COLOURS[1], COLOURS[5]
LEAST_ROWS = 30
"""Rows of a reliability bin; fewer say nothing of how often it is right."""
_WIDTH, _HEIGHT = 3.5, 2.6
"""Of one chart, in inches."""
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "growfolio",
    "svg.fonttype": "none",
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.prop_cycle": f"cycler('color', {list(COLOURS)})",
    "lines.linewidth": 1.3,
    "lines.markersize": 3,
    "legend.fontsize": 7,
    "legend.frameon": False,
}
_METADATA: dict[str, Any] = dict.fromkeys(("Creator", "Date", "Format", "Type"))
"""Nothing of when and by what a chart was drawn: the same numbers give the same bytes."""
_IN_TAG = r"(?=[^<>]*>)"
_SHORTER = (
    (r' id="[a-z0-9]+_\d+"| id="matplotlib\.axis_\d+"| transform="rotate\(-0 [^)]*\)"', ""),
    (r"\s*\n\s*(?=[<\"])|(?<=>)\s*\n\s*", ""),
    (r"\s*\n\s*", " "),
    (r"(?<=[:;]) +" + _IN_TAG, ""),
    (r"(?<![#\w])(-?\d+\.\d)\d+" + _IN_TAG, r"\1"),  # a tenth of a point is what a screen shows
    (r"(?<=\d)\.0(?=[^\d])" + _IN_TAG, ""),
    (r" ?\b([MLCQ]) (?=-?\d)" + _IN_TAG, r"\1"),
    (r' xmlns:xlink="[^"]*"', ""),
    (r"\bxlink:(?=href)|(?<=[#\"][mp][0-9a-f]{6})[0-9a-f]{4}\b" + _IN_TAG, ""),
    (r"(?<=#000)000\b", ""),
    (r"\*\{", "text{font:8px sans-serif}*{"),
    (r"font-size:8px;|font-family:[^;\"]*;?|stroke-linejoin:miter;" + _IN_TAG, ""),
    (r'(<use [^>]*) style="stroke:#000;stroke-width:0\.8"', r"\1"),  # its path says so
    # Nothing is to be seen of these.
    (r'<path d="[^"]*" style="fill:none"/>|<path d="M[-.\d]+ [-.\d]+" [^>]*/>| style=""', ""),
    (r"<g>(<(?:use|path) [^>]*/>|<text [^>]*>[^<]*</text>|)</g>", r"\1"),
    (r"<g>(<(?:use|path) [^>]*/>|<text [^>]*>[^<]*</text>|)</g>", r"\1"),
)
"""What matplotlib writes, and what says the same: regular expressions with what takes their place."""


@dataclass(frozen=True, slots=True)
class Line:
    """A named line of points (x, y); marked where it was measured at a few places only."""

    name: str
    points: Sequence[tuple[float, float]]
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Interval:
    """A named value between two bounds."""

    name: str
    value: float
    low: float
    high: float

    def colour(self, *, better_below: bool) -> str:
        """Good or bad where 0 lies outside the interval, else undecided."""
        if self.low <= 0 <= self.high:
            return UNDECIDED
        return GOOD if (self.high < 0) is better_below else BAD


def line_chart(title: str, lines: Sequence[Line], across: str, up: str) -> str:
    """Draw lines over shared axes; nothing where no line has points."""
    if not any(line.points for line in lines):
        return ""
    with _drawing() as (figure, (axes,)):
        _draw_lines(axes, title, lines, across, up)
    return _svg(figure)


def interval_chart(title: str, intervals: Sequence[Interval], across: str, *, better_below: bool) -> str:
    """Draw values with their bounds, one under the other, beside 0."""
    with _drawing(height=0.9 + 0.24 * len(intervals)) as (figure, (axes,)):
        axes.set_title(title)
        axes.axvline(0, color=UNDECIDED, linestyle=":", linewidth=0.8)
        for at, one in enumerate(intervals):
            colour = one.colour(better_below=better_below)
            axes.plot([one.low, one.high], [at, at], color=colour, linewidth=2)
            axes.plot([one.value], [at], color=colour, marker="o", markersize=5)
        axes.set_yticks(range(len(intervals)), [one.name for one in intervals])
        axes.invert_yaxis()
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(across)
    return _svg(figure)


def reliability_chart(model: Mapping[str, Any]) -> str:
    """Draw how often a model of evaluation.json is right, over how sure it says it is."""
    with _drawing() as (figure, (axes,)):
        _draw_reliability(axes, model)
    return _svg(figure)


def confusion_chart(model: Mapping[str, Any]) -> str:
    """Draw what happened (rows) against what was answered (columns), in shares of the row."""
    with _drawing() as (figure, (axes,)):
        _draw_confusion(axes, model)
    return _svg(figure)


def model_picture(model: Mapping[str, Any]) -> str:
    """Draw a model's reliability, its most decided rows and its confusion as one file for a model card."""
    with _drawing(columns=3, height=_HEIGHT + 0.3) as (figure, (reliability, decided, confusion)):
        figure.suptitle(model["name"], fontsize=10)
        _draw_reliability(reliability, model)
        surest = [(100 * c["share"], c["accuracy"]) for c in model["coverage"]]
        widest = [(100 * c["share"], c["direction"]) for c in model["coverage"]]
        lines = [Line("right, of the surest", surest, True), Line("right side, of moves", widest, True)]
        _draw_lines(decided, "The most decided", lines, "% of rows", "share")
        _draw_confusion(confusion, model)
    return _svg(figure).replace("<svg ", '<svg style="background:#fff" ', 1)


def _draw_lines(axes: Axes, title: str, lines: Sequence[Line], across: str, up: str) -> None:
    axes.set_title(title)
    for line in lines:
        if line.points:
            xs, ys = zip(*line.points, strict=True)
            axes.plot(xs, ys, marker="o" if line.marked else "", label=line.name)
    axes.locator_params(nbins=5)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.legend(ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.22))


def _draw_reliability(axes: Axes, model: Mapping[str, Any]) -> None:
    bins = [(confidence, right) for confidence, right, rows in model["reliability"] if rows >= LEAST_ROWS]
    if bins:
        edges = min(x for x, _ in bins), max(x for x, _ in bins)
        axes.plot(edges, edges, color=UNDECIDED, linestyle=":", linewidth=0.8)
    _draw_lines(axes, "Reliability", [Line(model["name"], bins, True)], "confidence", "right")


def _draw_confusion(axes: Axes, model: Mapping[str, Any]) -> None:
    names = ("sell", "hold", "buy")
    shares = [[count / max(1, sum(row)) for count in row] for row in model["confusion"]]
    axes.set_title("Confusion")
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1.4, edgecolors="white")
    for y, row in enumerate(model["confusion"]):
        for x, count in enumerate(row):
            text = f"{shares[y][x]:.0%}\n{count:,}"
            axes.text(x + 0.5, y + 0.5, text, ha="center", va="center")
    axes.set_xticks([0.5, 1.5, 2.5], [f"{name}?" for name in names])
    axes.set_yticks([0.5, 1.5, 2.5], [f"was {name}" for name in names])
    axes.tick_params(length=0)
    axes.invert_yaxis()


@contextmanager
def _drawing(columns: int = 1, height: float = _HEIGHT) -> Iterator[tuple[Figure, list[Axes]]]:
    with rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH * columns, height), layout="constrained")
        axes = figure.subplots(1, columns, squeeze=False)
        yield figure, list(axes[0])


def _svg(figure: Figure) -> str:
    """The figure as an element to be put into a page or a file, without the ids that other charts share."""
    out = StringIO()
    with rc_context(_STYLE):
        figure.savefig(out, format="svg", transparent=True, metadata=_METADATA)
    drawn = out.getvalue()
    return _short(drawn[drawn.index("<svg ") :])


def _short(svg: str) -> str:
    """The same picture in half the characters: matplotlib writes for the eye, and a page has many charts."""
    for spelt, shorter in _SHORTER:
        svg = re.sub(spelt, shorter, svg)
    return svg
