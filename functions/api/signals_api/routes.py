"""The routes of version 1: signals as judged now, their history, the assets, the health of the whole.

A new one takes its query from parameters.py, reads through the Reader, and answers by answer or
answer_once. The schema of what it answers goes into contract.py and into ANSWERS there, an example into
documentation.py; the tests of the documentation name what is missing.
"""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
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
)

from signals_api.answers import answer, answer_once, documented
from signals_api.caching import LONGEST_SECONDS, holds_for
from signals_api.explaining import explain
from signals_api.overview import overview_json
from signals_api.parameters import (
    ExplanationsQuery,
    HistoryQuery,
    NoQuery,
    OverviewQuery,
    RecordQuery,
    SignalsQuery,
    SymbolQuery,
    cursor_of,
    position,
)
from signals_api.problems import Problem
from signals_api.reading import From, Reader

router = APIRouter(prefix="/v1")

Nothing = Annotated[NoQuery, Query()]
Symbol = Annotated[str, Path(description="Ticker or coin, in any case: `AAPL`, `btc`, `BTC_USDT`.")]


@router.get("/signals", responses=documented("Signals", 404, 422, 503))
def list_signals(request: Request, reader: From, query: Annotated[SignalsQuery, Query()]) -> Response:
    """The signal of every asset on one timeframe, as judged now; those that have none say why."""
    now = reader.clock()
    assets = tuple(dict.fromkeys(map(find_asset, query.symbols))) or ASSETS
    reading = reader.signals(query.timeframe, assets, now)
    shown = [signal for signal in reading.signals if float(signal.confidence) >= query.min_confidence]
    body = {"timeframe": query.timeframe, "signals": list(map(judged_json, shown))}
    return answer(request, body, seconds=holds_for(reading.changes_at, now))


@router.get("/signals/{symbol}", responses=documented("AssetSignals", 404, 422, 503))
def show_signals(
    request: Request, reader: From, symbol: Symbol, query: Annotated[SymbolQuery, Query()]
) -> Response:
    """The signals of one asset, on every timeframe unless one is asked for."""
    now = reader.clock()
    asset = find_asset(symbol)
    one = query.timeframe
    readings = [reader.signals(one, [asset], now)] if one else reader.all_timeframes([asset], now)
    signals = [judged_json(signal) for reading in readings for signal in reading.signals]
    changes_at = min(reading.changes_at for reading in readings)
    return answer(request, {**asset_json(asset), "signals": signals}, seconds=holds_for(changes_at, now))


@router.get("/signals/{symbol}/history", responses=documented("History", 404, 422, 503))
def show_history(
    request: Request, reader: From, symbol: Symbol, query: Annotated[HistoryQuery, Query()]
) -> Response:
    """Past signals of one asset and timeframe as they were given, newest first, a page at a time.

    Beside each stands what became of it, from one refresh after its horizon on.
    """
    now = reader.clock()
    asset = find_asset(symbol)
    before = position(query.cursor, asset, query.timeframe) if query.cursor else None
    page = reader.store.history(asset, query.timeframe, query.limit, before)
    newest = reader.judge(SignalRecord(asset, query.timeframe, next(iter(page.signals), None), None), now)
    body = {
        "symbol": asset.symbol,
        "timeframe": query.timeframe,
        "signals": reader.with_outcomes(asset, query.timeframe, page.signals),
        "next_cursor": page.next_before and cursor_of(asset, query.timeframe, page.next_before),
    }
    changes_at = now + query.timeframe.seconds if before else reader.changes_at([newest], now)
    return answer(request, body, seconds=holds_for(changes_at, now))


@router.get("/overview", responses=documented("Overview", 422, 503))
def show_overview(request: Request, reader: From, query: Annotated[OverviewQuery, Query()]) -> Response:
    """All that a list of signals shows: every asset's signal in short, its session's line, the markets."""
    now = reader.clock()
    reading = reader.signals(query.timeframe, ASSETS, now)
    pictures = reader.pictures(reading, now)
    hours = {market: reader.hours(market, now) for market in Market}
    body = overview_json(query.timeframe, reading.signals, pictures.value, hours, now)
    seconds = holds_for(min(reading.changes_at, pictures.until), now)
    answered = answer(request, body, seconds=seconds)
    answered.headers["X-Now"] = utc_text(now)
    return answered


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
    reading = reader.signals(query.timeframe, assets, now)
    stored = reader.explanations(query.timeframe, reading, now)
    explanations = [
        explanation_json(one, explain(one, stored.value.get(one.asset))) for one in reading.signals
    ]
    changes_at = stored.until if stored.fault else reader.explained_until(reading, stored.value, now)
    return answer(
        request,
        {"timeframe": query.timeframe, "explanations": explanations},
        seconds=holds_for(changes_at, now),
    )


@router.get("/markets/{symbol}", responses=documented("MarketPicture", 404, 422, 503))
def show_market(request: Request, reader: From, symbol: Symbol, _: Nothing) -> Response:
    """The last price of one asset, and the 5m bars of its last session (78 at most), oldest first."""
    now = reader.clock()
    asset = find_asset(symbol)
    record = reader.market(asset, now)
    return answer(request, market_json(asset, record.value), seconds=holds_for(record.until, now))


@router.get("/record", responses=documented("Record", 422, 503))
def show_record(request: Request, reader: From, query: Annotated[RecordQuery, Query()]) -> Response:
    """What the signals of one timeframe were worth, held against what happened; counted anew every hour."""
    now = reader.clock()
    markets = [query.market] if query.market else list(Market)
    found = [reader.record(market, query.timeframe, now) for market in markets]
    records = [json.loads(record.value.content) for record in found if record.value]
    seconds = holds_for(min(record.until for record in found), now)
    return answer(request, {"timeframe": query.timeframe, "records": records}, seconds=seconds)


@router.get("/assets", responses=documented("Assets", 422))
async def list_assets(request: Request, _: Nothing) -> Response:
    """The assets and timeframes that there are signals for."""
    listed = {"assets": list(map(asset_json, ASSETS)), "timeframes": list(Timeframe)}
    return answer(request, listed, seconds=LONGEST_SECONDS)


@router.get("/markets", responses=documented("Markets", 422, 503))
def list_markets(reader: From, _: Nothing) -> Response:
    """Each market: open or closed, the share of its signals that are current, the model revisions in use."""
    now = reader.clock()
    return answer_once({"now": utc_text(now), "markets": list(map(health_json, _states(reader, now)))})


@router.get("/health", responses=documented("Health", 422, 503))
def show_health(request: Request, reader: From, _: Nothing) -> Response:
    """The same for a monitor: an open market that lacks too many current signals is a 503 and says why.

    So is a table that does not answer, even while what was read before is still served.
    """
    now = reader.clock()
    markets = _states(reader, now, of_now=True)
    report = list(map(health_json, markets))
    least: float = request.app.state.settings.fresh_share
    ill = [health for health in markets if not health.is_well(least)]
    if ill:
        names = " and ".join(health.market for health in ill)
        why = "; ".join(dict.fromkeys(reason for health in ill for reason in health.reasons))
        detail = f"Less than {least:.0%} of the signals of {names} are current: {why}. See refresh's log."
        raise Problem(503, "unhealthy", detail, 60, healthy=False, now=utc_text(now), markets=report)
    return answer_once({"healthy": True, "now": utc_text(now), "markets": report})


def _states(reader: Reader, now: int, of_now: bool = False) -> list[MarketHealth]:
    """The health of each market. Raises StoreError, of_now even where what was read last still holds."""
    readings = reader.all_timeframes(ASSETS, now)
    for fault in filter(None, (reading.fault for reading in readings if of_now)):
        raise fault
    signals = [signal for reading in readings for signal in reading.signals]
    return [
        market_health(reader.hours(market, now), [one for one in signals if one.asset.market is market], now)
        for market in Market
    ]
