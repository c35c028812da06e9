"""What the table holds. Stream records carry the same items, so the stream's reader reads them here too.

    pk                            sk             attributes
    SIGNAL#<timeframe>            <symbol>       signal {…}, attempt {…}
    HISTORY#<symbol>#<timeframe>  <bar_close>    signal {…}, ttl
    MARKET                        <symbol>       price {…}, bars, last_bar
    SESSION                       <market>       sessions [[open, close] …], first_open
    EXPLANATION#<timeframe>       <symbol>       bar_close, action, text, source, written_at
    BAR#<market>#<timeframe>      <bar_close>    revision, signals, failures, at, ttl
    RECORD#<market>#<timeframe>   record         content, sums, newest, through
    OUTCOMES#<market>#<timeframe> <hour>         outcomes, known, ttl
    BUDGET#<name>                 <window>       calls, ttl

Records become attributes by their codecs. Attributes that a reader does not know are ignored; one that it
needs and cannot read makes BadItem.
"""

import json
import logging
import zlib
from collections.abc import Callable
from dataclasses import astuple, replace
from typing import TypeVar

from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import Attempt, Price, Signal, SignalRecord, Status
from growfolio.errors import BadItem
from growfolio.storage.attributes import Item, Value, binary, fields, number, text
from growfolio.storage.codec import DAMAGE, Codec, unreadable
from growfolio.storage.picture import Bar, pack, unpack
from growfolio.storage.records import Completion, Explanation, MarketRecord, Outcome, Outcomes, StoredRecord
from growfolio.storage.retention import COMPLETION_SECONDS, HISTORY_SECONDS

log = logging.getLogger(__name__)

MARKET = "MARKET"
SESSION = "SESSION"
REASON_LENGTH = 300
"""Characters of a reason or caveat that are kept: a provider's error page must not fill the table."""

NAMES = {
    "price.value": "price",
    "price.time": "price_time",
    "price.source": "price_source",
    "model.id": "model",
}
"""A signal's attributes that do not have the name of their field."""
SIGNAL = Codec(Signal, key=("asset", "timeframe"), flat=("price", "model", "facts"), names=NAMES)
ATTEMPT = Codec(Attempt)
PRICE = Codec(Price)
HOURS = Codec(MarketHours, key=("market",))
EXPLANATION = Codec(Explanation, key=("asset", "timeframe"))
COMPLETION = Codec(Completion, key=("market", "timeframe", "bar_close"))

_Read = TypeVar("_Read")


def key(partition: str, sort: str) -> Item:
    return {"pk": text(partition), "sk": text(sort)}


def signal_partition(timeframe: Timeframe) -> str:
    return f"SIGNAL#{timeframe}"


_TIMEFRAMES = {signal_partition(timeframe): timeframe for timeframe in Timeframe}


def signal_key(asset: Asset, timeframe: Timeframe) -> Item:
    return key(signal_partition(timeframe), asset.symbol)


def history_partition(asset: Asset, timeframe: Timeframe) -> str:
    return f"HISTORY#{asset.symbol}#{timeframe}"


def history_sort(bar_close: int) -> str:
    """Ten digits, so that text order is time order until the year 2286."""
    return f"{bar_close:010d}"


def explanation_partition(timeframe: Timeframe) -> str:
    return f"EXPLANATION#{timeframe}"


def budget_key(budget: str, window: int) -> Item:
    return key(f"BUDGET#{budget}", str(window))


def signal_value(signal: Signal) -> Value:
    """A signal without its asset and timeframe, which are its key."""
    if signal.caveats:
        signal = replace(signal, caveats=_cut(signal.caveats))
    return fields(SIGNAL.encode(signal))


def signal_from(asset: Asset, timeframe: Timeframe, value: Value) -> Signal:
    """Raises BadItem."""
    try:  # without _read: a reader's question reads 24
        return SIGNAL.decode(value["M"], asset, timeframe)
    except DAMAGE as fault:
        raise unreadable(f"the stored {timeframe} signal of {asset.symbol}", fault) from fault


def history_item(signal: Signal, written_at: int) -> Item:
    """written_at is by the machine's clock, by which DynamoDB expires: a replayed day is kept like today."""
    return {
        **key(history_partition(signal.asset, signal.timeframe), history_sort(signal.bar_close)),
        "signal": signal_value(signal),
        "ttl": number(written_at + HISTORY_SECONDS),
    }


def attempt_value(attempt: Attempt) -> Value:
    return fields(ATTEMPT.encode(replace(attempt, reasons=_cut(attempt.reasons))))


def attempt_from(asset: Asset, timeframe: Timeframe, value: Value) -> Attempt:
    """Raises BadItem."""
    return _read(f"the stored {timeframe} attempt of {asset.symbol}", lambda: ATTEMPT.decode(value["M"]))


def _cut(reasons: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(reason[:REASON_LENGTH] for reason in reasons)


def record_from(item: Item) -> SignalRecord:
    """The record of one SIGNAL item.

    What of it cannot be read is logged and counts as absent; an unreadable signal says so in the
    reasons of the attempt, so that its reader sees why. Raises UnknownAsset for an asset that the
    product no longer has.
    """
    asset = find_asset(item["sk"]["S"])
    timeframe = _TIMEFRAMES[item["pk"]["S"]]
    attempt = signal = None
    try:
        attempt = attempt_from(asset, timeframe, item["attempt"]) if "attempt" in item else None
    except BadItem as fault:
        log.warning("%s", fault)
    try:
        signal = signal_from(asset, timeframe, item["signal"]) if "signal" in item else None
    except BadItem as fault:
        log.warning("%s", fault)
        failed = attempt or Attempt(0, 0, Status.NO_DATA)
        attempt = replace(failed, reasons=(str(fault), *failed.reasons))
    if signal and (attempt is None or attempt.bar_close <= signal.bar_close):
        attempt = Attempt(signal.bar_close, signal.generated_at, Status.OK)
    return SignalRecord(asset, timeframe, signal, attempt)


def market_item(record: MarketRecord) -> Item:
    return {
        **key(MARKET, record.asset.symbol),
        "price": fields(PRICE.encode(record.price)),
        "bars": binary(pack(record.bars)),
        "last_bar": number(record.bars[-1][0] if record.bars else 0),
    }


def market_record_from(asset: Asset, item: Item) -> MarketRecord:
    """Raises BadItem."""

    def read() -> MarketRecord:
        return MarketRecord(asset, PRICE.decode(item["price"]["M"]), _bars(item["bars"]))

    return _read(f"the market item of {asset.symbol}", read)


def _bars(stored: Value) -> tuple[Bar, ...]:
    """Packed, or as one text with a line each, in which they were stored before."""
    if "S" in stored:
        return tuple(_bar(line) for line in stored["S"].splitlines())
    return unpack(stored["B"])


def _bar(line: str) -> Bar:
    close_time, open_, high, low, close, volume = line.split(",")
    return int(close_time), open_, high, low, close, volume


def hours_item(hours: MarketHours) -> Item:
    return {
        **key(SESSION, hours.market),
        **HOURS.encode(hours),
        "first_open": number(hours.sessions[0].open if hours.sessions else 0),
    }


def hours_from(market: Market, item: Item) -> MarketHours:
    """Raises BadItem."""
    return _read(f"the session item of {market}", lambda: HOURS.decode(item, market))


def explanation_item(explanation: Explanation) -> Item:
    partition = explanation_partition(explanation.timeframe)
    return {**key(partition, explanation.asset.symbol), **EXPLANATION.encode(explanation)}


def explanation_from(asset: Asset, timeframe: Timeframe, item: Item) -> Explanation:
    """Raises BadItem."""
    return _read(
        f"the {timeframe} explanation of {asset.symbol}", lambda: EXPLANATION.decode(item, asset, timeframe)
    )


def completion_partition(market: Market, timeframe: Timeframe) -> str:
    return f"BAR#{market}#{timeframe}"


def completion_item(completion: Completion, written_at: int) -> Item:
    """written_at is by the machine's clock, as in history_item."""
    partition = completion_partition(completion.market, completion.timeframe)
    return {
        **key(partition, history_sort(completion.bar_close)),
        **COMPLETION.encode(completion),
        "ttl": number(written_at + COMPLETION_SECONDS),
    }


def completion_from(market: Market, timeframe: Timeframe, item: Item) -> Completion:
    """Raises BadItem."""
    return _read(
        f"the completion of a {timeframe} bar of {market}",
        lambda: COMPLETION.decode(item, market, timeframe, int(item["sk"]["S"])),
    )


def record_partition(market: Market, timeframe: Timeframe) -> str:
    return f"RECORD#{market}#{timeframe}"


def record_key(market: Market, timeframe: Timeframe) -> Item:
    return key(record_partition(market, timeframe), "record")


def record_item(record: StoredRecord) -> Item:
    return {
        **record_key(record.market, record.timeframe),
        "content": binary(zlib.compress(record.content.encode(), 9)),
        "sums": binary(zlib.compress(record.sums.encode(), 9)),
        "newest": number(record.newest),
        "through": number(record.through),
    }


def stored_record_from(market: Market, timeframe: Timeframe, item: Item) -> StoredRecord:
    """Raises BadItem."""

    def read() -> StoredRecord:
        try:
            content, sums = (zlib.decompress(item[name]["B"]).decode() for name in ("content", "sums"))
        except zlib.error as fault:
            raise ValueError(str(fault)) from fault
        newest, through = int(item["newest"]["N"]), int(item["through"]["N"])
        return StoredRecord(market, timeframe, newest, through, content, sums)

    return _read(f"the {timeframe} record of {market}", read)


def outcomes_partition(market: Market, timeframe: Timeframe) -> str:
    return f"OUTCOMES#{market}#{timeframe}"


def outcomes_item(
    market: Market, timeframe: Timeframe, hour: int, outcomes: Outcomes, written_at: int
) -> Item:
    """Those of the bars that closed within an hour, its start in seconds; written_at as in history_item."""
    rows = [[symbol, bar - hour, *astuple(outcome)] for (symbol, bar), outcome in sorted(outcomes.items())]
    known = sum(value not in (None, "") for row in rows for value in row)
    return {
        **key(outcomes_partition(market, timeframe), history_sort(hour)),
        "outcomes": binary(zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)),
        "known": number(known),
        "ttl": number(written_at + HISTORY_SECONDS),
    }


def outcomes_from(market: Market, timeframe: Timeframe, item: Item) -> dict[tuple[str, int], Outcome]:
    """Raises BadItem."""

    def read() -> dict[tuple[str, int], Outcome]:
        try:
            rows = json.loads(zlib.decompress(item["outcomes"]["B"]))
        except zlib.error as fault:
            raise ValueError(str(fault)) from fault
        hour = int(item["sk"]["S"])
        return {(symbol, hour + after): Outcome(*values) for symbol, after, *values in rows}

    return _read(f"the {timeframe} outcomes of {market}", read)


def _read(what: str, read: Callable[[], _Read]) -> _Read:
    """Raises BadItem for what is damaged."""
    try:
        return read()
    except DAMAGE as fault:
        raise unreadable(what, fault) from fault
