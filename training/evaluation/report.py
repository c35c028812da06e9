"""The report of an evaluation: one HTML page that needs nothing from outside, and the same as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from growfolio.domain.times import DAY, utc_text

from training.evaluation.backtest import Equity
from training.evaluation.comparison import Comparison
from training.evaluation.drawing import Interval, Line, confusion_chart, interval_chart, line_chart
from training.evaluation.leaks import Check
from training.evaluation.picture import reliability_chart
from training.evaluation.scorecard import Scorecard
from training.fitting.settings import Epoch

MODEL_FIRST = 0
"""In each table the model stands first, then its baselines."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldReport:
    """One fold of one pool."""

    pool: str
    fold: str
    cuts: dict[str, int]
    """Moments in seconds, by name."""
    rows: dict[str, int]
    table: tuple[Scorecard, ...]
    epochs: tuple[Epoch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """All that an evaluation found."""

    made_at: int
    about: dict[str, object]
    folds: tuple[FoldReport, ...]
    comparisons: tuple[Comparison, ...]
    checks: dict[str, list[Check]]
    equity: tuple[Equity, ...]


def write_report(report: Report, out: Path) -> Path:
    """Write report.html and evaluation.json to the folder; gives the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "evaluation.json").write_text(json.dumps(_json(report), indent=1) + "\n")
    page = out / "report.html"
    page.write_text(_html(report))
    return page


def _json(report: Report) -> dict[str, object]:
    return {
        "made_at": utc_text(report.made_at),
        "about": report.about,
        "folds": [
            {
                "pool": fold.pool,
                "fold": fold.fold,
                "cuts": {name: utc_text(moment) for name, moment in fold.cuts.items()},
                "rows": fold.rows,
                "models": [judged.to_json() for judged in fold.table],
                "epochs": [[e.number, e.train_loss, e.validation_loss, e.best] for e in fold.epochs],
            }
            for fold in report.folds
        ],
        "comparisons": [found.to_json() for found in report.comparisons],
        "leak_checks": {
            pool: [{"name": c.name, "found": c.found, "passed": c.passed} for c in checks]
            for pool, checks in report.checks.items()
        },
        "backtest": [equity.to_json() for equity in report.equity],
    }


_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#0f172a;max-width:1180px;margin:24px auto;padding:0 16px}
h1{font-size:24px}h2{font-size:19px;margin-top:36px;border-bottom:1px solid #cbd5e1}h3{font-size:16px}
table{border-collapse:collapse;font-size:13px;width:100%}td,th{padding:4px 7px;text-align:right}
th{border-bottom:1px solid #94a3b8;font-weight:600}td:first-child,th:first-child{text-align:left}
tr.model{background:#eff6ff;font-weight:600}.i{color:#64748b;font-size:11px;font-weight:400;white-space:nowrap}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(330px,1fr));gap:12px;margin-top:12px}
.pairs{grid-template-columns:1fr 1fr}
svg{width:100%;font-size:11px;fill:#334155}svg .t{font-weight:600;font-size:12px}svg .s{font-size:10px}
.good{color:#047857}.bad{color:#b91c1c;font-weight:600}p.note{color:#475569;font-size:13px}
.scroll{overflow-x:auto}
"""

_NOTE = """Accuracy says little by itself: <i>base</i> is the share of the most frequent class. <i>Gain</i> is
how much log-loss (nats) lies below that of always answering the class shares of training; 0 is no skill. ECE
is the calibration error before and after temperature scaling, beside the band in which 90 % of perfectly
calibrated models would lie on as many rows. Small grey numbers: 90 % intervals, whole days drawn again.
<i>Direction</i>: of the moves, how many went to the likelier side; 0.5 is a coin."""


def _html(report: Report) -> str:
    about = " · ".join(f"{escape(str(name))}: {escape(str(value))}" for name, value in report.about.items())
    pools = dict.fromkeys(fold.pool for fold in report.folds)
    body = [
        "<h1>How good the models are</h1>",
        f"<p class=note>{utc_text(report.made_at)} · {about}</p><p class=note>{_NOTE}</p>",
        _comparisons(report.comparisons),
        _checks(report),
        _equity(report.equity),
        *(_pool(pool, [fold for fold in report.folds if fold.pool == pool]) for pool in pools),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    title = "<title>Evaluation</title>"
    top = f"<!doctype html><html lang=en><head>{head}{title}<style>{_STYLE}</style></head>"
    return f"{top}<body>{''.join(body)}</body></html>\n"


def _comparisons(comparisons: Sequence[Comparison]) -> str:
    """Two charts for each pool and part: what the model loses less, and how much higher its MCC is."""
    parts: dict[str, list[Comparison]] = {}
    for found in comparisons:
        parts.setdefault(f"{found.pool}, {found.part}", []).append(found)
    charts = []
    for title, own in parts.items():
        loss = [Interval(c.against, c.log_loss, *c.log_loss_between) for c in own]
        mcc = [Interval(c.against, c.mcc, *c.mcc_between) for c in own]
        charts += [
            interval_chart(f"{title}: log-loss", loss, "nats less is better", better_below=True),
            interval_chart(f"{title}: MCC", mcc, "more is better", better_below=False),
        ]
    return (
        "<h2>The model less each of the others, on the same bars</h2><p class=note>Lines are 90 % intervals, "
        "the same days drawn again for both; green lies wholly on the better side of 0, red on the worse.</p>"
        f'<div class="charts pairs">{"".join(charts)}</div>'
    )


def _checks(report: Report) -> str:
    rows = "".join(
        f"<tr><td>{escape(pool)}: {escape(check.name)}</td><td>{escape(check.found)}</td>"
        f"<td class={'good' if check.passed else 'bad'}>{'passed' if check.passed else 'FAILED'}</td></tr>"
        for pool, checks in report.checks.items()
        for check in checks
    )
    return f"<h2>Leak checks</h2><table>{rows}</table>"


def _equity(all_equity: Sequence[Equity]) -> str:
    rows, charts = [], []
    for equity in all_equity:
        found, pool = equity.to_json(), f"{equity.market} {equity.timeframe}"
        start = equity.points[0][0]
        rows.append(
            f"<tr><td>{pool}</td><td>{utc_text(start)}</td><td>{utc_text(equity.points[-1][0])}</td>"
            f"<td>{equity.signals:,}</td><td>{equity.trades:,}</td><td>{found['cost_each_way']:.2%}</td>"
            f"<td>{equity.points[-1][1] - 1:+.2%}</td><td>{equity.points[-1][2] - 1:+.2%}</td></tr>"
        )
        days = [((moment - start) / DAY, gross, net) for moment, gross, net in equity.points]
        lines = [
            Line("gross", [(d, g) for d, g, _ in days]),
            Line("after costs", [(d, n) for d, _, n in days]),
        ]
        charts.append(line_chart(f"{pool}: one unit", lines, "days", "equity"))
    head = "pool|from|until|signals|trades|cost each way|gross|after costs"
    return (
        "<h2>Following every signal, by the product's own refresh</h2>"
        f"<table>{_head(head)}{''.join(rows)}</table><div class=charts>{''.join(charts)}</div>"
    )


def _head(names: str) -> str:
    return "<tr>" + "".join(f"<th>{escape(name)}</th>" for name in names.split("|")) + "</tr>"


def _pool(pool: str, folds: Sequence[FoldReport]) -> str:
    lines = [
        Line(fold.fold, [(e.number, e.validation_loss) for e in fold.epochs]) for fold in folds if fold.epochs
    ]
    curves = line_chart("Learning: validation log-loss", lines, "epoch", "nats")
    return f"<h2>{escape(pool)}</h2>{''.join(_fold(fold) for fold in folds)}<div class=charts>{curves}</div>"


def _fold(fold: FoldReport) -> str:
    cuts = ", ".join(f"{name.replace('_', ' ')} {utc_text(moment)}" for name, moment in fold.cuts.items())
    counts = ", ".join(f"{count:,} {name}" for name, count in fold.rows.items())
    rows = "".join(_row(judged, model=at == MODEL_FIRST) for at, judged in enumerate(fold.table))
    model = fold.table[MODEL_FIRST]
    covered = [
        Line(judged.name, [(100 * c.share, c.direction) for c in judged.coverage], dotted=True)
        for judged in fold.table
        if judged.name != "majority"
    ]
    right = [
        Line(judged.name, [(100 * c.share, c.accuracy) for c in judged.coverage], dotted=True)
        for judged in fold.table
    ]
    charts = (
        line_chart("Direction of the most decided", covered, "% of rows", "right side"),
        line_chart("Accuracy of the surest", right, "% of rows", "right"),
        reliability_chart(model),
        confusion_chart("Confusion", model.confusion),
    )
    head = (
        "model|accuracy|base|macro F1|weighted F1|MCC|log-loss|prior|gain|ECE before|ECE|calibrated band|"
        "direction|top 5 %|top 10 %|top 20 %|top 50 %"
    )
    return (
        f"<h3>{escape(fold.fold)}</h3><p class=note>{escape(cuts)}; {counts}</p>"
        f"<div class=scroll><table>{_head(head)}{rows}</table></div><div class=charts>{''.join(charts)}</div>"
    )


def _row(judged: Scorecard, *, model: bool) -> str:
    s, between = judged.scores, judged.intervals
    low, high = s.ece_calibrated_90
    cells = [
        f"{s.accuracy:.3f}",
        f"{s.base_rate:.3f}",
        f"{judged.macro_f1:.3f}",
        f"{judged.weighted_f1:.3f}",
        f"{s.mcc:+.3f}{_between(between['mcc'])}",
        f"{s.log_loss:.4f}",
        f"{s.prior_log_loss:.4f}",
        f"{s.prior_log_loss - s.log_loss:+.4f}{_between(between['gain'])}",
        f"{judged.ece_before:.4f}",
        f"<span class={'good' if s.ece <= high else 'bad'}>{s.ece:.4f}</span>",
        f"{low:.4f} to {high:.4f}",
        f"{s.direction:.3f}{_between(between['direction'])}",
        *(f"{covered.direction:.3f}" for covered in judged.coverage[:4]),
    ]
    line = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr{' class=model' if model else ''}><td>{escape(judged.name)}</td>{line}</tr>"


def _between(interval: tuple[float, float]) -> str:
    return f"<br><span class=i>{interval[0]:+.3f} to {interval[1]:+.3f}</span>"
