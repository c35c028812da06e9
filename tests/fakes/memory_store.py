"""The store in memory, which notes down what it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import SignalRecord
from growfolio.storage.records import Explanation, HistoryPage, MarketRecord, Outcomes, StoredRecord

from infra.local import memory_store


@dataclass
class MemoryStore(memory_store.MemoryStore):
    """reads lists what was asked for, in order."""

    reads: list[str] = field(default_factory=list)

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        self.reads.append(f"signals {timeframe}")
        return super().signals(timeframe)

    def markets(self, assets: Sequence[Asset]) -> list[MarketRecord]:
        self.reads.append("markets")
        return super().markets(assets)

    def hours(self, market: Market) -> MarketHours | None:
        self.reads.append(f"hours {market}")
        return super().hours(market)

    def explanations(self, timeframe: Timeframe) -> list[Explanation]:
        self.reads.append(f"explanations {timeframe}")
        return super().explanations(timeframe)

    def record(self, market: Market, timeframe: Timeframe) -> StoredRecord | None:
        self.reads.append(f"record {market} {timeframe}")
        return super().record(market, timeframe)

    def outcomes(self, market: Market, timeframe: Timeframe, start: int, end: int) -> Outcomes:
        self.reads.append(f"outcomes {market} {timeframe}")
        return super().outcomes(market, timeframe, start, end)

    def history(
        self, asset: Asset, timeframe: Timeframe, limit: int, before: int | None = None
    ) -> HistoryPage:
        self.reads.append(f"history {asset.symbol} {timeframe}")
        return super().history(asset, timeframe, limit, before)
