"""What the table holds, and the market, session and explanation items; signal_items.py has the others.

    pk                            sk             attributes
    SIGNAL#<timeframe>            <symbol>       signal {…}, attempt {…}
    HISTORY#<symbol>#<timeframe>  <bar_close>    signal {…}, ttl
    MARKET                        <symbol>       price {…}, bars, last_bar
    SESSION                       <market>       sessions [[open, close] …], first_open
    EXPLANATION#<timeframe>       <symbol>       bar_close, action, text, source, written_at
    BUDGET#<name>                 <window>       calls, ttl

Attributes that a reader does not know are ignored; one that it needs and cannot read makes BadItem.
"""

from decimal import Decimal

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours, Session
from growfolio.domain.signals import Action, Price
from growfolio.errors import BadItem
from growfolio.storage.attributes import Item, fields, number, numbers, text
from growfolio.storage.ports import Explanation, MarketRecord

MARKET = "MARKET"
SESSION = "SESSION"
BUDGET_SECONDS = 7_200
"""How long a count of calls is kept: longer than the hour that it counts."""
DAMAGE = (LookupError, TypeError, ValueError, ArithmeticError)
"""What reading raises on an attribute that is missing, of another type, or not a number."""


def key(partition: str, sort: str) -> Item:
    return {"pk": text(partition), "sk": text(sort)}


def explanation_partition(timeframe: Timeframe) -> str:
    return f"EXPLANATION#{timeframe}"


def budget_key(budget: str, window: int) -> Item:
    return key(f"BUDGET#{budget}", str(window))


def unreadable(what: str, fault: Exception) -> BadItem:
    """The error for an item that could not be read."""
    reason = f"no {fault}" if isinstance(fault, KeyError) else str(fault)[:100] or type(fault).__name__
    return BadItem(f"{what} cannot be read: {reason}")


def market_item(record: MarketRecord) -> Item:
    """The bars are one text, a line each: nested lists would take 30 times as long to read."""
    lines = (",".join((str(int(bar[0])), *bar[1:])) for bar in record.bars)
    price = {
        "value": number(record.price.value),
        "time": number(record.price.time),
        "source": text(record.price.source),
    }
    return {
        **key(MARKET, record.asset.symbol),
        "price": fields(price),
        "bars": text("\n".join(lines)),
        "last_bar": number(record.bars[-1][0] if record.bars else 0),
    }


def market_record_from(asset: Asset, item: Item) -> MarketRecord:
    """Raises BadItem."""
    try:
        price = item["price"]["M"]
        return MarketRecord(
            asset,
            Price(Decimal(price["value"]["N"]), int(price["time"]["N"]), price["source"]["S"]),
            tuple(_bar(line) for line in item["bars"]["S"].splitlines()),
        )
    except DAMAGE as fault:
        raise unreadable(f"the market item of {asset.symbol}", fault) from fault


def _bar(line: str) -> tuple[int, str, str, str, str, str]:
    close_time, open_, high, low, close, volume = line.split(",")
    return int(close_time), open_, high, low, close, volume


def hours_item(hours: MarketHours) -> Item:
    return {
        **key(SESSION, hours.market),
        "sessions": {"L": [numbers((session.open, session.close)) for session in hours.sessions]},
        "first_open": number(hours.sessions[0].open if hours.sessions else 0),
    }


def hours_from(market: Market, item: Item) -> MarketHours:
    """Raises BadItem."""
    try:
        pairs = [[int(time["N"]) for time in pair["L"]] for pair in item["sessions"]["L"]]
        return MarketHours(market, tuple(Session(open_, close) for open_, close in pairs))
    except DAMAGE as fault:
        raise unreadable(f"the session item of {market}", fault) from fault


def explanation_item(explanation: Explanation) -> Item:
    return {
        **key(explanation_partition(explanation.timeframe), explanation.asset.symbol),
        "bar_close": number(explanation.bar_close),
        "action": text(explanation.action),
        "text": text(explanation.text),
        "source": text(explanation.source),
        "written_at": number(explanation.written_at),
    }


def explanation_from(asset: Asset, timeframe: Timeframe, item: Item) -> Explanation:
    """Raises BadItem."""
    try:
        return Explanation(
            asset,
            timeframe,
            bar_close=int(item["bar_close"]["N"]),
            action=Action(item["action"]["S"]),
            text=item["text"]["S"],
            source=item["source"]["S"],
            written_at=int(item["written_at"]["N"]),
        )
    except DAMAGE as fault:
        raise unreadable(f"the {timeframe} explanation of {asset.symbol}", fault) from fault
