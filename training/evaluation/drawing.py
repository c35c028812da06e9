"""Small charts as SVG text, for a page that needs nothing from outside."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#475569")
GOOD, BAD = COLOURS[2], COLOURS[1]
WIDTH, HEIGHT, LEFT, BOTTOM = 340, 230, 46, 34


@dataclass(frozen=True, slots=True)
class Line:
    """A named line of points (x, y)."""

    name: str
    points: Sequence[tuple[float, float]]
    dotted: bool = False
    """Marks at the points, for what was measured at a few places."""


def line_chart(title: str, lines: Sequence[Line], across: str, up: str, diagonal: bool = False) -> str:
    """Lines over shared axes; diagonal adds y = x, for calibration."""
    drawn = [line for line in lines if line.points]
    if not drawn:
        return ""
    xs = [x for line in drawn for x, _ in line.points]
    ys = [y for line in drawn for _, y in line.points] + ([min(xs), max(xs)] if diagonal else [])
    x_scale = _scale(min(xs), max(xs), LEFT, WIDTH - 10)
    y_scale = _scale(min(ys), max(ys), HEIGHT - BOTTOM, 24)
    parts = [_axes(title, across, up, (min(xs), max(xs)), (min(ys), max(ys)))]
    if diagonal:
        low, high = min(xs), max(xs)
        parts.append(
            f'<line x1="{x_scale(low):.1f}" y1="{y_scale(low):.1f}" x2="{x_scale(high):.1f}" '
            f'y2="{y_scale(high):.1f}" stroke="#94a3b8" stroke-dasharray="4 3"/>'
        )
    for number, line in enumerate(drawn):
        colour = COLOURS[number % len(COLOURS)]
        at = [(x_scale(x), y_scale(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
        if line.dotted:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{colour}"/>' for x, y in at]
        x, y = LEFT + 150 * (number % 2), HEIGHT + 8 + 14 * (number // 2)
        parts.append(f'<rect x="{x}" y="{y - 8}" width="9" height="9" fill="{colour}"/>')
        parts.append(f'<text x="{x + 13}" y="{y}">{escape(line.name)}</text>')
    return _svg(parts, HEIGHT + 14 * -(-len(drawn) // 2))


def confusion_chart(title: str, confusion: Sequence[Sequence[int]]) -> str:
    """A matrix of three classes: rows what happened, columns what was answered, in shares of the row."""
    parts = [f'<text x="{WIDTH / 2}" y="15" text-anchor="middle" class="t">{escape(title)}</text>']
    names, cell = ("sell", "hold", "buy"), 56
    for i, row in enumerate(confusion):
        parts.append(f'<text x="88" y="{66 + cell * i}" text-anchor="end">was {names[i]}</text>')
        parts.append(f'<text x="{122 + cell * i}" y="34" text-anchor="middle">{names[i]}?</text>')
        for j, count in enumerate(row):
            share = count / max(1, sum(row))
            x, y = 94 + cell * j, 40 + cell * i
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" fill="#2563eb" '
                f'fill-opacity="{0.06 + 0.8 * share:.2f}"/>'
                f'<text x="{x + cell / 2 - 1}" y="{y + 26}" text-anchor="middle">{share:.0%}</text>'
                f'<text x="{x + cell / 2 - 1}" y="{y + 41}" text-anchor="middle" class="s">{count:,}</text>'
            )
    return _svg(parts)


@dataclass(frozen=True, slots=True)
class Interval:
    """A named value between two bounds."""

    name: str
    value: float
    low: float
    high: float


def interval_chart(title: str, intervals: Sequence[Interval], across: str, *, better_below: bool) -> str:
    """Values with their bounds, one under the other, beside 0; coloured where 0 lies outside."""
    left, height = 124, 62 + 22 * len(intervals)
    ends = [0.0, *(bound for one in intervals for bound in (one.low, one.high))]
    place = _scale(min(ends), max(ends), left, WIDTH - 14)
    parts = [
        f'<text x="{WIDTH / 2}" y="15" text-anchor="middle" class="t">{escape(title)}</text>',
        f'<path d="M{place(0):.1f} 24V{height - 30}" stroke="#94a3b8" stroke-dasharray="4 3"/>',
        f'<text x="{left}" y="{height - 16}" class="s">{min(ends):+.4f}</text>',
        f'<text x="{WIDTH - 14}" y="{height - 16}" text-anchor="end" class="s">{max(ends):+.4f}</text>',
        f'<text x="{(left + WIDTH) / 2}" y="{height - 4}" text-anchor="middle">{escape(across)}</text>',
    ]
    for number, one in enumerate(intervals):
        y = 36 + 22 * number
        sides = (GOOD, BAD) if better_below else (BAD, GOOD)
        colour = sides[0] if one.high < 0 else sides[1] if one.low > 0 else COLOURS[5]
        parts.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{escape(one.name)}</text>')
        parts.append(
            f'<path d="M{place(one.low):.1f} {y}H{place(one.high):.1f}" stroke="{colour}" stroke-width="2"/>'
            f'<circle cx="{place(one.value):.1f}" cy="{y}" r="3.4" fill="{colour}"/>'
        )
    return _svg(parts, height=height)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From values between low and high to places between start and end."""
    span = (high - low) or 1.0
    return lambda value: start + (value - low) / span * (end - start)


def _axes(title: str, across: str, up: str, xs: tuple[float, float], ys: tuple[float, float]) -> str:
    base = HEIGHT - BOTTOM
    return (
        f'<text x="{WIDTH / 2}" y="15" text-anchor="middle" class="t">{escape(title)}</text>'
        f'<path d="M{LEFT} 24V{base}H{WIDTH - 10}" fill="none" stroke="#94a3b8"/>'
        f'<text x="{LEFT}" y="{base + 14}" class="s">{xs[0]:.4g}</text>'
        f'<text x="{WIDTH - 10}" y="{base + 14}" text-anchor="end" class="s">{xs[1]:.4g}</text>'
        f'<text x="{WIDTH / 2}" y="{base + 28}" text-anchor="middle">{escape(across)}</text>'
        f'<text x="{LEFT - 4}" y="{base}" text-anchor="end" class="s">{ys[0]:.4g}</text>'
        f'<text x="{LEFT - 4}" y="32" text-anchor="end" class="s">{ys[1]:.4g}</text>'
        f'<text transform="translate(12 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>'
    )


def side_by_side(charts: Sequence[str], title: str) -> str:
    """Charts in one row, as a file of its own: with its styles, on white."""
    drawn = [chart for chart in charts if chart]
    wide, tall = len(drawn) * (WIDTH + 20), HEIGHT + 60
    placed = "".join(
        chart.replace(
            "<svg ", f'<svg x="{number * (WIDTH + 20)}" y="24" width="{WIDTH}" height="{tall - 30}" ', 1
        )
        for number, chart in enumerate(drawn)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {tall}" width="{wide}" '
        'font-family="system-ui,sans-serif" font-size="11" fill="#334155">'
        "<style>.t{font-weight:600;font-size:12px}.s{font-size:10px}</style>"
        f'<rect width="{wide}" height="{tall}" fill="#fff"/>'
        f'<text x="12" y="16" class="t">{escape(title)}</text>{placed}</svg>\n'
    )


def _svg(parts: Sequence[str], height: int = HEIGHT) -> str:
    """height in the chart's units, of which it is WIDTH wide."""
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{"".join(parts)}</svg>'
