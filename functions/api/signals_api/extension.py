"""The two routes that the published browser extension calls, over the signals that are stored."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Response
from growfolio.domain.assets import ASSETS, Asset, Market, Timeframe, find_asset
from growfolio.domain.conviction import Conviction
from growfolio.domain.freshness import Judged
from growfolio.domain.outlook import (
    CAUTIOUS_RISK,
    Sentiment,
    market_sentiment,
    position_size,
    strongest_first,
    volatility_level,
)
from growfolio.domain.signals import Signal, Status
from growfolio.domain.times import utc_minute, utc_text
from growfolio.presentation import Json, explanation_json
from growfolio.storage.records import Explanation

from signals_api.answers import answer_once, documented
from signals_api.explaining import explain
from signals_api.parameters import (
    DEFAULT_TIMEFRAME,
    SERVED_TRADER,
    TIMEFRAMES,
    AnalyzeRequest,
    JsonRoute,
    RecommendRequest,
    named_timeframe,
)
from signals_api.problems import Problem
from signals_api.reading import From
from signals_api.worth import Worth, no_edge, worth_of

BEST = 5

MARKET_NAMES = {Market.STOCKS: "stock market", Market.CRYPTO: "crypto market"}
NAMED = 3
"""How many assets, and how many reasons, are named before the rest is only counted."""

router = APIRouter(route_class=JsonRoute)


@router.post("/analyze_trader_type", responses=documented("Analysis", 400, 404, 415, 422, 503))
def analyze_trader_type(reader: From, asked: Annotated[AnalyzeRequest, Body()]) -> Response:
    """The best current predictions for a day trader, and what all current signals say together.

    The best are those to act on, furthest from even between BUY and SELL first, then HOLD. With none
    current there are no predictions, and `notice` says why.
    """
    if asked.trader_type != SERVED_TRADER:
        raise _not_served(asked.trader_type)
    now = reader.clock()
    assets = tuple(dict.fromkeys(map(find_asset, asked.symbols)))
    signals = reader.signals(asked.timeframe, assets or ASSETS, now).signals
    limit = asked.limit or len(assets) or BEST
    worth = worth_of(reader, _current(signals), now)
    return answer_once(
        analysis_json(
            signals, worth, limit=limit, risk_score=_risk_score(asked), asked_for=bool(assets), now=now
        )
    )


@router.post("/recommend_stock", responses=documented("Recommendation", 400, 404, 415, 422, 503))
def recommend_stock(reader: From, asked: Annotated[RecommendRequest, Body()]) -> Response:
    """Three sentences about the stored signal of a stock or coin. Nobody is asked for them here."""
    now = reader.clock()
    asset = find_asset(asked.stock_name)
    timeframe = _timeframe_of(asked.ml_output)
    reading = reader.signals(timeframe, [asset], now)
    (judged,) = reading.signals
    explanation = explain(judged, reader.explanations(timeframe, reading, now).value.get(asset))
    worth = worth_of(reader, _current([judged]), now)
    return answer_once(recommendation_json(judged, explanation, asked.ml_output, worth))


def analysis_json(
    signals: list[Judged],
    worth: Mapping[Asset, Worth],
    *,
    limit: int,
    risk_score: float,
    asked_for: bool,
    now: int,
) -> Json:
    """The answer about these signals; asked_for tells whether the reader named their assets.

    worth holds what each current signal is worth: those without conviction come last, and no sentiment leans
    on them.
    """
    current = _current(signals)
    convinced = [signal for signal in current if worth[signal.asset].conviction is not Conviction.NONE]
    ranked = strongest_first(current)
    best = [*filter(convinced.__contains__, ranked), *(one for one in ranked if one not in convinced)][:limit]
    sentiment = market_sentiment(convinced) if convinced or not current else Sentiment.NEUTRAL
    left_out = signals if asked_for or not current else _closed(signals)
    return {
        "trader_type": SERVED_TRADER,
        "analysis": {
            "predictions": [prediction_json(signal, worth[signal.asset]) for signal in best],
            "market_sentiment": sentiment,
            "volatility_level": volatility_level(current),
            "recommended_position_size": position_size(current, risk_score),
            **_notice(left_out, best, signals),
        },
        "timestamp": utc_text(now),
    }


def recommendation_json(
    judged: Judged, explanation: Explanation | None, ml_output: Json, worth: Mapping[Asset, Worth]
) -> Json:
    """The answer about one signal; ml_output goes back as it came, or is the current prediction."""
    written = explanation_json(judged, explanation)
    current = _current([judged])
    sentences = [written["text"], *(no_edge(signal, worth[signal.asset]) for signal in current)]
    return {
        "stock": judged.asset.symbol,
        "ml_output": ml_output or (prediction_json(current[0], worth[current[0].asset]) if current else {}),
        "gemini_explanation": " ".join(filter(None, sentences)),
        "explanation_source": written["source"],
        "explained_bar_close": written["bar_close"],
        **_notice([judged], current, [judged]),
    }


def prediction_json(signal: Signal, worth: Worth) -> Json:
    """A signal as the extension's card shows it: action in lower case, confidence a whole number."""
    return {
        "ticker": signal.asset.symbol,
        "action": signal.action.lower(),
        "confidence": round(100 * max(signal.probabilities)),  # the signal's own has been rounded once
        "timeframe": TIMEFRAMES[signal.timeframe],
        "current_price": float(signal.price.value),
        "target_buy": float(signal.buy_target),
        "target_sell": float(signal.sell_target),
        "stop_loss": float(signal.stop_loss),
        "price_time": utc_text(signal.price.time),
        "price_source": signal.price.source,
        "source": signal.source,
        "simulated": signal.simulated,
        "in_sample": signal.in_sample,
        **worth.to_json(),
    }


def _current(signals: list[Judged]) -> list[Signal]:
    return [judged.signal for judged in signals if judged.signal and judged.status is Status.OK]


def _closed(signals: list[Judged]) -> list[Judged]:
    return [judged for judged in signals if judged.status is Status.MARKET_CLOSED]


def _notice(left_out: list[Judged], shown: list[Signal], signals: list[Judged]) -> Json:
    """What a reader has to know beside what is shown, if there is anything."""
    sentences = [_why_not_current(left_out), *_beside_current(signals), *_caveats(shown)]
    if any(signal.simulated for signal in shown):
        sentences.append("These prices are simulated, not real.")
    if any(signal.in_sample for signal in shown):
        sentences.append(
            "The models were trained on these bars, so that this says nothing about their skill."
        )
    notice = " ".join(filter(None, sentences))
    return {"notice": notice} if notice else {}


def _beside_current(signals: Iterable[Judged]) -> list[str]:
    """What is to be said of signals that are current: that they were read before the table fell silent."""
    reasons = [reason for judged in signals if judged.status is Status.OK for reason in judged.reasons]
    return [f"{reason[:1].upper()}{reason[1:]}." for reason in dict.fromkeys(reasons)]


def _caveats(shown: list[Signal]) -> list[str]:
    """What limits signals that are shown, by asset."""
    return [f"{signal.asset.symbol}: {'; '.join(signal.caveats)}." for signal in shown if signal.caveats]


def _why_not_current(signals: Iterable[Judged]) -> str:
    """One sentence for each closed market and each other reason; empty where all are current."""
    closed: dict[Market, int | None] = {}
    troubled: dict[tuple[str, ...], list[str]] = {}
    for judged in signals:
        if judged.status is Status.MARKET_CLOSED:
            closed[judged.asset.market] = judged.next_open
        elif judged.status is not Status.OK:
            troubled.setdefault(judged.reasons, []).append(judged.asset.symbol)
    commonest = sorted(troubled.items(), key=lambda entry: -len(entry[1]))
    sentences = [_closing(market, next_open) for market, next_open in closed.items()]
    sentences += [f"{_named(symbols)}: {'; '.join(reasons)}." for reasons, symbols in commonest[:NAMED]]
    others = sum(len(symbols) for _, symbols in commonest[NAMED:])
    return " ".join([*sentences, *([f"{others} more have other reasons."] if others else [])])


def _closing(market: Market, next_open: int | None) -> str:
    opening = f"; it opens {utc_minute(next_open)}" if next_open else ""
    return f"The {MARKET_NAMES[market]} is closed{opening}."


def _named(symbols: Sequence[str]) -> str:
    if len(symbols) <= NAMED:
        return " and ".join([", ".join(symbols[:-1]), symbols[-1]]) if len(symbols) > 1 else symbols[0]
    return f"{', '.join(symbols[:NAMED])} and {len(symbols) - NAMED} more"


def _risk_score(asked: AnalyzeRequest) -> float:
    given = asked.user_profile.risk_score if asked.user_profile else None
    return CAUTIOUS_RISK if given is None else given


def _timeframe_of(ml_output: Json) -> Timeframe:
    """That of the prediction it asks about."""
    return named_timeframe(ml_output.get("timeframe")) or DEFAULT_TIMEFRAME


def _not_served(trader_type: object) -> Problem:
    given = f"not {str(trader_type)[:40]!r}" if trader_type is not None else "and none was given"
    detail = (
        f"trader_type must be {SERVED_TRADER!r}, {given}: signals of minutes are for day traders, "
        "and long-term portfolios are not served here."
    )
    return Problem(400, "trader-type-not-served", detail, served=[SERVED_TRADER])
