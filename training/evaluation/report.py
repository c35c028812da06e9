"""The report of an evaluation: evaluation.json, and a page that is drawn from it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from growfolio.domain.times import utc_text
from growfolio.errors import ConfigurationError

from training.evaluation.backtest import Equity
from training.evaluation.comparison import Comparison
from training.evaluation.leaks import Check
from training.evaluation.page import page_of
from training.evaluation.scorecard import Scorecard
from training.fitting.settings import Epoch

FOUND, PAGE = "evaluation.json", "report.html"


@dataclass(frozen=True, slots=True, eq=False)
class FoldReport:
    """One fold of one pool; in the table the model stands first, then its baselines."""

    pool: str
    fold: str
    cuts: dict[str, int]
    """Moments in seconds, by name."""
    rows: dict[str, int]
    table: tuple[Scorecard, ...]
    epochs: tuple[Epoch, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "pool": self.pool,
            "fold": self.fold,
            "cuts": {name: utc_text(moment) for name, moment in self.cuts.items()},
            "rows": self.rows,
            "models": [card.to_json() for card in self.table],
            "epochs": [[e.number, e.train_loss, e.validation_loss, e.best] for e in self.epochs],
        }


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """All that an evaluation found."""

    made_at: int
    about: dict[str, object]
    folds: tuple[FoldReport, ...]
    comparisons: tuple[Comparison, ...]
    checks: dict[str, list[Check]]
    equity: tuple[Equity, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "made_at": utc_text(self.made_at),
            "about": self.about,
            "folds": [fold.to_json() for fold in self.folds],
            "comparisons": [found.to_json() for found in self.comparisons],
            "leak_checks": {
                pool: [{"name": c.name, "found": c.found, "passed": c.passed} for c in checks]
                for pool, checks in self.checks.items()
            },
            "backtest": [equity.to_json() for equity in self.equity],
        }


def write_report(report: Report, out: Path) -> Path:
    """Write evaluation.json and report.html to the folder; gives the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    (out / FOUND).write_text(json.dumps(report.to_json(), separators=(",", ":")) + "\n")
    return draw_page(out)


def draw_page(folder: Path) -> Path:
    """Draw report.html again from the folder's evaluation.json. Raises ConfigurationError without one."""
    page = folder / PAGE
    try:
        found = json.loads((folder / FOUND).read_text())
    except FileNotFoundError:
        raise ConfigurationError(f"no {FOUND} in {folder}: name the folder of a report") from None
    page.write_text(page_of(found))
    return page
