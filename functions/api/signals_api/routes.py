"""The routes of version 1: signals as judged now, their history, the assets, the health of the whole."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from growfolio.domain.assets import ASSETS, Market, Timeframe, find_asset
from growfolio.domain.health import MarketHealth, market_health
from growfolio.domain.signals import SignalRecord
from growfolio.domain.times import utc_text
from growfolio.presentation import (
    asset_json,
    explanation_json,
    health_json,
    judged_json,
    market_json,
    signal_json,
    to_json,
)

from signals_api.caching import (
    LONGEST_SECONDS,
    NEVER_KEPT,
    answer,
    entity_tag,
    holds_for,
    judged_identity,
    signal_identity,
)
from signals_api.documentation import documented
from signals_api.explaining import explain
from signals_api.parameters import (
    ExplanationsQuery,
    HistoryQuery,
    SignalsQuery,
    SymbolQuery,
    cursor_of,
    position,
)
from signals_api.problems import Problem
from signals_api.reading import Reader

router = APIRouter(prefix="/v1")


async def _reader(request: Request) -> Reader:
    reader: Reader = request.app.state.reader
    return reader


From = Annotated[Reader, Depends(_reader)]
Symbol = Annotated[str, Path(description="Ticker or coin, in any case: `AAPL`, `btc`, `BTC_USDT`.")]


@router.get("/signals", responses=documented("Signals", 404, 422, 503))
def list_signals(request: Request, reader: From, query: Annotated[SignalsQuery, Query()]) -> Response:
    """The signal of every asset on one timeframe, as judged now; those that have none say why."""
    now = reader.clock()
    assets = tuple(dict.fromkeys(map(find_asset, query.symbols))) or ASSETS
    signals = reader.signals(query.timeframe, assets, now)
    shown = [signal for signal in signals if float(signal.confidence) >= query.min_confidence]
    return answer(
        request,
        lambda: {"timeframe": query.timeframe, "signals": list(map(judged_json, shown))},
        tag=entity_tag(query.timeframe, *map(judged_identity, shown)),
        seconds=holds_for(reader.changes_at(signals, now), now),
    )


@router.get("/signals/{symbol}", responses=documented("AssetSignals", 404, 422, 503))
def show_signals(
    request: Request, reader: From, symbol: Symbol, query: Annotated[SymbolQuery, Query()]
) -> Response:
    """The signals of one asset, on both timeframes unless one is asked for."""
    now = reader.clock()
    asset = find_asset(symbol)
    timeframes = [query.timeframe] if query.timeframe else list(Timeframe)
    signals = [signal for timeframe in timeframes for signal in reader.signals(timeframe, [asset], now)]
    return answer(
        request,
        lambda: {**asset_json(asset), "signals": list(map(judged_json, signals))},
        tag=entity_tag(asset, *map(judged_identity, signals)),
        seconds=holds_for(reader.changes_at(signals, now), now),
    )


@router.get("/signals/{symbol}/history", responses=documented("History", 404, 422, 503))
def show_history(
    request: Request, reader: From, symbol: Symbol, query: Annotated[HistoryQuery, Query()]
) -> Response:
    """Past signals of one asset and timeframe as they were given, newest first, a page at a time."""
    now = reader.clock()
    asset = find_asset(symbol)
    before = position(query.cursor, asset, query.timeframe) if query.cursor else None
    page = reader.store.history(asset, query.timeframe, query.limit, before)
    following = page.next_before and cursor_of(asset, query.timeframe, page.next_before)
    newest = reader.judge(SignalRecord(asset, query.timeframe, next(iter(page.signals), None), None), now)
    return answer(
        request,
        lambda: {
            "symbol": asset.symbol,
            "timeframe": query.timeframe,
            "signals": list(map(signal_json, page.signals)),
            "next_cursor": following,
        },
        tag=entity_tag(asset, query.timeframe, following, *map(signal_identity, page.signals)),
        seconds=query.timeframe.seconds if before else holds_for(reader.changes_at([newest], now), now),
    )


@router.get("/explanations", responses=documented("Explanations", 404, 422, 503))
def list_explanations(
    request: Request, reader: From, query: Annotated[ExplanationsQuery, Query()]
) -> Response:
    """Three sentences about the signal of every asset on one timeframe, or why there is nothing to explain.

    `bar_close` is the bar that they explain: those that a language model wrote go with the signals of up
    to an hour, while the action stays the same.
    """
    now = reader.clock()
    assets = tuple(dict.fromkeys(map(find_asset, query.symbols))) or ASSETS
    signals = reader.signals(query.timeframe, assets, now)
    stored = reader.explanations(query.timeframe, now)
    told = [explanation_json(one, explain(one, stored.get(one.asset))) for one in signals]
    return answer(
        request,
        lambda: {"timeframe": query.timeframe, "explanations": told},
        tag=entity_tag(query.timeframe, *told),
        seconds=holds_for(reader.explained_until(signals, stored, now), now),
    )


@router.get("/markets/{symbol}", responses=documented("MarketPicture", 404, 422, 503))
def show_market(request: Request, reader: From, symbol: Symbol) -> Response:
    """The last price of one asset, and the 5m bars of its last session (78 at most), oldest first."""
    now = reader.clock()
    asset = find_asset(symbol)
    record = reader.market(asset, now)
    return answer(
        request,
        lambda: market_json(asset, record),
        tag=entity_tag(asset, *((record.price, record.bars[-1:]) if record else ())),
        seconds=holds_for(reader.market_until(asset, record, now), now),
    )


@router.get("/assets", responses=documented("Assets"))
async def list_assets(request: Request) -> Response:
    """The assets and timeframes that there are signals for."""
    listed = {"assets": list(map(asset_json, ASSETS)), "timeframes": list(Timeframe)}
    return answer(request, lambda: listed, tag=entity_tag(to_json(listed)), seconds=LONGEST_SECONDS)


@router.get("/markets", responses=documented("Markets", 503))
def list_markets(reader: From) -> Response:
    """Each market: open or closed, the share of its signals that are current, the model revisions in use."""
    now = reader.clock()
    states = {"now": utc_text(now), "markets": list(map(health_json, _states(reader, now)))}
    return Response(to_json(states), headers=NEVER_KEPT, media_type="application/json")


@router.get("/health", responses=documented("Health", 503))
def show_health(request: Request, reader: From) -> Response:
    """The same for a monitor: an open market that lacks too many current signals is a 503 and says why."""
    now = reader.clock()
    markets = _states(reader, now)
    report = list(map(health_json, markets))
    least: float = request.app.state.settings.fresh_share
    ill = [health for health in markets if not health.is_well(least)]
    if ill:
        names = " and ".join(health.market for health in ill)
        why = "; ".join(dict.fromkeys(reason for health in ill for reason in health.reasons))
        detail = f"Less than {least:.0%} of the signals of {names} are current: {why}. See refresh's log."
        raise Problem(503, "unhealthy", detail, 60, healthy=False, now=utc_text(now), markets=report)
    healthy = {"healthy": True, "now": utc_text(now), "markets": report}
    return Response(to_json(healthy), headers=NEVER_KEPT, media_type="application/json")


def _states(reader: Reader, now: int) -> list[MarketHealth]:
    signals = [signal for timeframe in Timeframe for signal in reader.signals(timeframe, ASSETS, now)]
    return [
        market_health(reader.hours(market, now), [one for one in signals if one.asset.market is market], now)
        for market in Market
    ]
