"""What a round of the page needs, in one answer: signals in short, a line of the session, the markets."""

from collections.abc import Mapping, Sequence

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours
from growfolio.domain.freshness import Judged
from growfolio.domain.health import market_health
from growfolio.domain.times import utc_text
from growfolio.presentation import Json, asset_json, health_json, judged_json
from growfolio.storage.records import MarketRecord

MOST_POINTS = 26
"""Points of a session's line: 26 stand for the 78 bars of a stock session, three bars to a point."""
TALLEST = 100

SIGNAL_MEMBERS = (
    "status",
    "reasons",
    "next_open",
    "action",
    "confidence",
    "probabilities",
    "price",
    "price_time",
    "price_source",
    "buy_target",
    "sell_target",
    "stop_loss",
    "bar_close",
    "expires_at",
    "in_sample",
    "simulated",
    "caveats",
)
"""Of a signal, what a list of all shows; /v1/signals/{symbol} has the rest."""
MARKET_MEMBERS = ("market", "open", "next_open", "fresh_share")


def overview_json(
    timeframe: Timeframe,
    signals: Sequence[Judged],
    pictures: Mapping[Asset, MarketRecord],
    hours: Mapping[Market, MarketHours],
    now: int,
) -> Json:
    """Signals of one timeframe in the order given, and each market's state at now (seconds since the epoch).

    Nothing in it names now, so that its tag holds until something changes.
    """
    return {
        "timeframe": timeframe,
        "signals": [_signal(judged, pictures.get(judged.asset)) for judged in signals],
        "markets": [
            _market(each, [one for one in signals if one.asset.market is market], now)
            for market, each in hours.items()
        ],
    }


def _signal(judged: Judged, picture: MarketRecord | None) -> Json:
    whole = judged_json(judged)
    closes = [float(bar[4]) for bar in picture.bars] if picture else []
    short = {name: whole[name] for name in SIGNAL_MEMBERS}
    return {**asset_json(judged.asset), **short, "sparkline": sparkline(closes)}


def sparkline(closes: Sequence[float]) -> list[int]:
    """The heights of a line through these closes, oldest first: 0 is the lowest of them, 100 the highest.

    At most MOST_POINTS heights, evenly spaced, the newest close always among them; 50 throughout where no
    close differs.
    """
    step = -(-len(closes) // MOST_POINTS) or 1
    points = closes[::-1][::step][::-1]
    if not points:
        return []
    low, span = min(points), max(points) - min(points)
    return [round(TALLEST * (point - low) / span) if span else TALLEST // 2 for point in points]


def _market(hours: MarketHours, signals: Sequence[Judged], now: int) -> Json:
    health = market_health(hours, signals, now)
    session = hours.current(now) if health.open else None
    state = health_json(health)
    return {
        **{name: state[name] for name in MARKET_MEMBERS},
        "closes": utc_text(session.close) if session else None,
    }
