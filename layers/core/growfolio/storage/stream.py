"""The table's stream: which of its records bring a signal that was not there before."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.signals import SignalRecord
from growfolio.errors import BadItem, UnknownAsset
from growfolio.storage.codec import DAMAGE
from growfolio.storage.items import record_from, signal_partition

log = logging.getLogger(__name__)

PARTITIONS = {signal_partition(timeframe) for timeframe in Timeframe}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A changed signal, and the name by which its stream record can be asked for again."""

    sequence: str
    record: SignalRecord

    @property
    def key(self) -> tuple[Asset, Timeframe]:
        return self.record.asset, self.record.timeframe


def changed_signals(event: Mapping[str, Any]) -> Iterator[Delivery]:
    """The new signals among a batch of stream records, in their order.

    Left out: items of other kinds, deletions, and changes of the last attempt alone. Records of
    another shape are logged and left out too: no second delivery would mend them.
    """
    for record in event.get("Records", ()):
        try:
            change = record["dynamodb"]
            new, old = change.get("NewImage", {}), change.get("OldImage", {})
            partition, sort = change["Keys"]["pk"], change["Keys"]["sk"]
            if partition["S"] not in PARTITIONS or "signal" not in new or new["signal"] == old.get("signal"):
                continue
            item = {**new, "pk": partition, "sk": sort}
            delivery = Delivery(str(change["SequenceNumber"]), record_from(item))
        except (*DAMAGE, AttributeError, BadItem, UnknownAsset) as fault:
            log.warning("a stream record that is no signal's was left out: %s", type(fault).__name__)
            continue
        if delivery.record.signal:
            yield delivery
