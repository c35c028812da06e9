"""The signal and history items. Stream records carry the same items, so explain reads them here too."""

import logging
from decimal import Decimal
from typing import Any

from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.signals import Action, Attempt, Facts, ModelRef, Price, Signal, SignalRecord, Status
from growfolio.domain.times import DAY
from growfolio.errors import BadItem
from growfolio.storage.attributes import Item, Value, fields, flag, number, numbers, text, texts
from growfolio.storage.items import DAMAGE, key, unreadable

log = logging.getLogger(__name__)

HISTORY_SECONDS = 14 * DAY
"""How long a history entry is kept, and so how long its signal can be scored."""
REASON_LENGTH = 300
"""Characters of a reason that are kept: a provider's error page must not fill the table."""


def signal_partition(timeframe: Timeframe) -> str:
    return f"SIGNAL#{timeframe}"


def signal_key(asset: Asset, timeframe: Timeframe) -> Item:
    return key(signal_partition(timeframe), asset.symbol)


def history_partition(asset: Asset, timeframe: Timeframe) -> str:
    return f"HISTORY#{asset.symbol}#{timeframe}"


def history_sort(bar_close: int) -> str:
    """Ten digits, so that text order is time order until the year 2286."""
    return f"{bar_close:010d}"


def history_item(signal: Signal, written_at: int) -> Item:
    """written_at is by the machine's clock, by which DynamoDB expires: a replayed day is kept like today."""
    return {
        **key(history_partition(signal.asset, signal.timeframe), history_sort(signal.bar_close)),
        "signal": signal_value(signal),
        "ttl": number(written_at + HISTORY_SECONDS),
    }


def signal_value(signal: Signal) -> Value:
    """A signal without its asset and timeframe, which are its key."""
    return fields(
        {
            "action": text(signal.action),
            "confidence": number(signal.confidence),
            "probabilities": numbers(signal.probabilities),
            "horizon_bars": number(signal.horizon_bars),
            "threshold": number(signal.threshold),
            "price": number(signal.price.value),
            "price_time": number(signal.price.time),
            "price_source": text(signal.price.source),
            "buy_target": number(signal.buy_target),
            "sell_target": number(signal.sell_target),
            "stop_loss": number(signal.stop_loss),
            "bar_close": number(signal.bar_close),
            "generated_at": number(signal.generated_at),
            "expires_at": number(signal.expires_at),
            "model": text(signal.model.id),
            "revision": text(signal.model.revision),
            "in_sample": flag(signal.in_sample),
            "simulated": flag(signal.simulated),
            "rsi": number(signal.facts.rsi),
            "trend": text(signal.facts.trend),
            "atr_pct": number(signal.facts.atr_pct),
            "vwap_pct": number(signal.facts.vwap_pct),
            "volume_ratio": number(signal.facts.volume_ratio),
            "volatility_pct": number(signal.facts.volatility_pct),
        }
        | ({} if signal.label == "fixed" else {"label": text(signal.label)})
        | ({} if signal.class_shares is None else {"class_shares": numbers(signal.class_shares)})
    )


def signal_from(asset: Asset, timeframe: Timeframe, value: Value) -> Signal:
    """Raises BadItem."""
    try:
        stored = value["M"]
        sell, hold, buy = (Decimal(share["N"]) for share in stored["probabilities"]["L"])
        return Signal(
            asset=asset,
            timeframe=timeframe,
            action=Action(stored["action"]["S"]),
            confidence=Decimal(stored["confidence"]["N"]),
            probabilities=(sell, hold, buy),
            horizon_bars=int(stored["horizon_bars"]["N"]),
            threshold=Decimal(stored["threshold"]["N"]),
            price=Price(
                value=Decimal(stored["price"]["N"]),
                time=int(stored["price_time"]["N"]),
                source=stored["price_source"]["S"],
            ),
            buy_target=Decimal(stored["buy_target"]["N"]),
            sell_target=Decimal(stored["sell_target"]["N"]),
            stop_loss=Decimal(stored["stop_loss"]["N"]),
            bar_close=int(stored["bar_close"]["N"]),
            generated_at=int(stored["generated_at"]["N"]),
            expires_at=int(stored["expires_at"]["N"]),
            model=ModelRef(id=stored["model"]["S"], revision=stored["revision"]["S"]),
            in_sample=stored["in_sample"]["BOOL"],
            simulated=stored["simulated"]["BOOL"],
            facts=Facts(
                rsi=Decimal(stored["rsi"]["N"]),
                trend=stored["trend"]["S"],
                atr_pct=Decimal(stored["atr_pct"]["N"]),
                vwap_pct=Decimal(stored["vwap_pct"]["N"]),
                volume_ratio=Decimal(stored["volume_ratio"]["N"]),
                volatility_pct=Decimal(stored["volatility_pct"]["N"]),
            ),
            # Most labels are fixed, and models from before it was noted do not say how often classes came up.
            label=stored["label"]["S"] if "label" in stored else "fixed",
            class_shares=_class_shares(stored),
        )
    except DAMAGE as fault:
        raise unreadable(f"the stored {timeframe} signal of {asset.symbol}", fault) from fault


def _class_shares(stored: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal] | None:
    if "class_shares" not in stored:
        return None
    sell, hold, buy = (Decimal(share["N"]) for share in stored["class_shares"]["L"])
    return sell, hold, buy


def attempt_value(attempt: Attempt) -> Value:
    return fields(
        {
            "bar_close": number(attempt.bar_close),
            "at": number(attempt.at),
            "status": text(attempt.status),
            "reasons": texts(reason[:REASON_LENGTH] for reason in attempt.reasons),
        }
    )


def attempt_from(asset: Asset, timeframe: Timeframe, value: Value) -> Attempt:
    """Raises BadItem."""
    try:
        stored = value["M"]
        return Attempt(
            bar_close=int(stored["bar_close"]["N"]),
            at=int(stored["at"]["N"]),
            status=Status(stored["status"]["S"]),
            reasons=tuple(reason["S"] for reason in stored["reasons"]["L"]),
        )
    except DAMAGE as fault:
        raise unreadable(f"the stored {timeframe} attempt of {asset.symbol}", fault) from fault


def record_from(item: Item) -> SignalRecord:
    """The record of one SIGNAL item.

    What of it cannot be read is logged and counts as absent; an unreadable signal says so in the
    reasons of the attempt, so that its reader sees why. Raises UnknownAsset for an asset that the
    product no longer has.
    """
    asset = find_asset(item["sk"]["S"])
    timeframe = Timeframe(item["pk"]["S"].partition("#")[2])
    attempt = signal = None
    try:
        attempt = attempt_from(asset, timeframe, item["attempt"]) if "attempt" in item else None
    except BadItem as fault:
        log.warning("%s", fault)
    try:
        signal = signal_from(asset, timeframe, item["signal"]) if "signal" in item else None
    except BadItem as fault:
        log.warning("%s", fault)
        reasons = attempt.reasons if attempt else ()
        attempt = Attempt(
            bar_close=attempt.bar_close if attempt else 0,
            at=attempt.at if attempt else 0,
            status=attempt.status if attempt else Status.NO_DATA,
            reasons=(str(fault), *reasons),
        )
    if signal and (attempt is None or attempt.bar_close <= signal.bar_close):
        attempt = Attempt(signal.bar_close, signal.generated_at, Status.OK)
    return SignalRecord(asset, timeframe, signal, attempt)
