"""Records of settled signals, as refreshes keep them."""

from dataclasses import replace

from growfolio.domain.assets import Market
from growfolio.record.entries import SCORED, entry_of
from growfolio.record.keeping import RecordKeeper
from growfolio.record.ledger import Ledger
from growfolio.storage.objects import MemoryObjects
from growfolio.storage.ports import RecordStore

from tests.samples import BAR, a_signal


def keep_record(store: RecordStore, market: Market, symbol: str, count: int) -> None:
    """A record, and the history's outcomes, of so many 5m signals up to BAR; every fourth is in sample."""
    entries = [
        replace(
            entry_of(a_signal(symbol, bar_close=BAR - 300 * ago)),
            status=SCORED,
            outcome="BUY",
            change=0.01,
            log_loss=0.5,
            in_sample=ago % 4 == 0,
        )
        for ago in range(count)
    ]
    ledger = Ledger(MemoryObjects(), market)
    ledger.add(entries)
    RecordKeeper(ledger, store, market).update(BAR + 5, entries)
