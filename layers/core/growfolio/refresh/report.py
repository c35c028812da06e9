"""What one refresh did, for the log, the alarm and the caller."""

from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.signals import Attempt

_counting = Lock()


@dataclass(slots=True)
class RefreshReport:
    """Counts are of pairs of asset and timeframe."""

    market: Market
    written: int = 0
    unchanged: int = 0
    by_other_models: int = 0
    """Signals of models other than the promoted ones, which could not answer."""
    stopped: str = ""
    """Why the run ended before all was written; empty where it did not."""
    late: int = 0
    """Bars of the backlog that were handled for the history only."""
    over_budget: int = 0
    """Signals stored after their budget (domain/freshness_budget.py): readers saw `stale` before them."""
    troubles: dict[tuple[Asset, Timeframe], Attempt] = field(default_factory=dict)
    store_faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What an operator should know, though every signal was made: prices that are not live."""

    @property
    def assets_not_served(self) -> set[Asset]:
        """Assets that got no signal on some timeframe, whatever the reason: candles, or no model."""
        return {asset for asset, _ in self.troubles}

    def count(self, changed: bool) -> None:
        """Count one answered write. Writers share the report."""
        with _counting:
            self.written += changed
            self.unchanged += not changed

    def count_late(self) -> None:
        """Count one signal that came after its budget."""
        with _counting:
            self.over_budget += 1

    def metrics(self) -> dict[str, int]:
        """By the name of its metric, how often each kind of trouble struck; nothing while all is well."""
        counts = {
            "AssetsNotServed": len(self.assets_not_served),
            "SignalsByOtherModels": self.by_other_models,
            "RefreshStopped": int(bool(self.stopped)),
            "BudgetPassed": self.over_budget,
        }
        return {name: count for name, count in counts.items() if count}

    def summary(self) -> dict[str, Any]:
        """For the log and the caller: counts, and each trouble in words."""
        return {
            "market": self.market.value,
            "written": self.written,
            "unchanged": self.unchanged,
            "late": self.late,
            "by_other_models": self.by_other_models,
            "stopped": self.stopped,
            "troubles": {f"{a.symbol} {tf}": "; ".join(t.reasons) for (a, tf), t in self.troubles.items()},
            "store_faults": self.store_faults,
        }
