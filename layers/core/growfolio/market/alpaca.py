"""Stock candles from Alpaca's market data API: one request for all stocks, page after page.

Plain REST by requests, which the layer has for Finnhub: alpaca-py would bring pydantic, msgpack and
websockets for one GET. The free feed is IEX, one exchange with about 3 % of the volume: its prices are the
market's, its volumes are not. Prices are adjusted for splits, as Yahoo's 5-minute candles are.

https://docs.alpaca.markets/reference/stockbars
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from growfolio.aws.parameters import SsmParameter
from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.bars import Bars, OpenTimes, among, opens_of
from growfolio.domain.grid import slots_between
from growfolio.domain.times import BAR
from growfolio.errors import (
    ConfigurationError,
    KeyRefused,
    MarketError,
    ParameterError,
    PermanentMarketError,
    TemporaryMarketError,
    TemporaryParameterError,
    WrongAnswer,
)
from growfolio.market.fetching import gather, raise_for_status
from growfolio.market.ports import Fetched, Patience
from growfolio.market.verification import check_clock, check_spacing
from growfolio.settings import Settings

if TYPE_CHECKING:
    from requests import Response, Session

URL = "https://data.alpaca.markets/v2/stocks/bars"
FEED = "iex"
PAGE = 10_000
"""Bars in one answer at most, those of all stocks together; Alpaca may send fewer."""
CURRENCY = "USD"
COLUMNS = ("o", "h", "l", "c", "v")
THIN_VOLUME = "its volumes are those of one exchange (IEX), about 3 % of the market's"
LIMITED_REST = 60
"""Seconds without requests after a 429 that does not say how many."""
LONGEST_REST = 600
"""Seconds without requests at most, whatever a 429 says."""
REFUSED_REST = 3_600
"""Seconds that refused keys are not tried again, unless others are set."""

Rows = dict[str, list[Any]]
"""Bars by symbol, as Alpaca writes them."""


class _Refused(PermanentMarketError):
    """Alpaca answered 400 or 422: it refuses all symbols of a request for the sake of one."""


class AlpacaBars:
    """5-minute bars of stocks on IEX. See failover.Provider. Needs a key and its secret, which are free."""

    name = "alpaca"
    longest_past = None
    caveats = (THIN_VOLUME,)

    def __init__(
        self,
        keys: Callable[[], tuple[str, str]],
        where: str,
        patience: Patience | None = None,
        session: "Session | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """keys reads key ID and secret, and raises ParameterError; where says where a person sets them."""
        self._read_keys = keys
        self._where = where
        self._patience = patience or Patience()
        self._given_session = session
        self._clock = clock
        self._keys = ("", "")
        self._rests_until = 0
        self._why: MarketError = TemporaryMarketError("alpaca was not asked")

    @cached_property
    def _session(self) -> "Session":
        """Made when Alpaca is first asked: a start does not wait for the library of one that stands by."""
        from requests import Session

        from growfolio.connections import reconnecting

        return reconnecting(self._given_session or Session())

    @classmethod
    def from_settings(cls, settings: Settings, patience: Patience, session: "Session | None" = None) -> Self:
        """Raises ConfigurationError where no parameter with the keys is named."""
        names = (settings.alpaca_key_parameter, settings.alpaca_secret_parameter)
        if not all(names):
            raise ConfigurationError(
                "alpaca needs GROWFOLIO_ALPACA_KEY_PARAMETER and GROWFOLIO_ALPACA_SECRET_PARAMETER: "
                "name the SSM SecureStrings with its key ID and its secret"
            )
        key, secret = map(SsmParameter, names)
        where = f"the SSM parameters {' and '.join(names)}"
        return cls(lambda: (key.current(), secret.current()), where, patience, session)

    def fetch_once(self, since: Mapping[Asset, int], now: int, patience: Patience) -> Fetched:
        """See failover.Provider."""
        start = time.monotonic()
        if refusal := self._not_to_be_asked(now):
            return dict.fromkeys(since, refusal)
        everybody = tuple(since)
        answer = self._ask([everybody], since, now, patience)[everybody]
        if not isinstance(answer, _Refused) or len(everybody) == 1:
            return self._sorted(since, now, answer)
        left = replace(patience, deadline=max(0.0, patience.deadline - (time.monotonic() - start)))
        apart = self._ask([(asset,) for asset in everybody], since, now, left)
        alone = (self._sorted({a: since[a] for a in group}, now, rows) for group, rows in apart.items())
        return {asset: bars for own in alone for asset, bars in own.items()}

    def _not_to_be_asked(self, now: int) -> MarketError | None:
        """Why no request is made now. New keys start with a clean record."""
        try:
            keys = self._read_keys()
        except ParameterError as fault:
            kind = TemporaryMarketError if isinstance(fault, TemporaryParameterError) else KeyRefused
            return kind(f"no Alpaca keys: {fault}")
        if not all(re.fullmatch(r"[!-~]+", key) for key in keys):
            return KeyRefused(f"alpaca: {self._where} hold something that is no key")
        if keys != self._keys:
            self._keys, self._rests_until = keys, 0
        return self._why if now < self._rests_until else None

    def _ask(
        self, groups: Iterable[tuple[Asset, ...]], since: Mapping[Asset, int], now: int, patience: Patience
    ) -> dict[tuple[Asset, ...], Rows | MarketError]:
        def ask(group: tuple[Asset, ...]) -> Rows:
            return self._pages(group, min(since[asset] for asset in group), now)

        return gather(groups, ask, patience)

    def _pages(self, assets: Sequence[Asset], since: int, now: int) -> Rows:
        """All pages, which may be short. Tokens without an end are given up: each page must bring bars."""
        question = {
            "symbols": ",".join(map(_symbol, assets)),
            "timeframe": "5Min",
            "start": _utc(since),
            "end": _utc(now),
            "adjustment": "split",
            "feed": FEED,
            "limit": str(PAGE),
        }
        rows: Rows = {}
        left = len(assets) * (1 + (now - since) // BAR)
        while True:
            page = self._page(question, now)
            for symbol, own in page.items():
                rows.setdefault(symbol, []).extend(own)
            if "page_token" not in question:
                return rows
            brought = sum(map(len, page.values()))
            left -= brought
            if not brought or left < 0:
                raise TemporaryMarketError("alpaca sent pages without an end")

    def _page(self, question: dict[str, str], now: int) -> Rows:
        """The bars of one page; puts the next page's token into the question, or takes it out."""
        key, secret = self._keys
        if now < self._rests_until:  # another try of the same fetch was refused
            raise self._why
        from requests import RequestException

        try:
            answer = self._session.get(
                URL,
                params=question,
                headers={"APCA-API-KEY-ID": key, "APCA-API-SECRET-KEY": secret},
                timeout=self._patience.request,
                allow_redirects=False,  # nobody else gets the keys
            )
        except RequestException as fault:
            raise TemporaryMarketError(f"alpaca could not be reached: {type(fault).__name__}") from fault
        self._check_status(answer, now)
        check_clock(answer.headers.get("Date"), self.name, self._clock)
        try:
            page = answer.json()
        except ValueError:
            raise TemporaryMarketError("alpaca sent no JSON, or cut it short") from None
        if not isinstance(page, dict) or not isinstance(bars := page.get("bars") or {}, dict):
            raise PermanentMarketError("alpaca sent JSON that is no list of candles")
        if (page.get("currency") or CURRENCY) != CURRENCY:
            raise WrongAnswer(f"alpaca answered in {str(page['currency'])[:20]} in place of {CURRENCY}")
        question.pop("page_token", None)
        if token := page.get("next_page_token"):
            question["page_token"] = str(token)
        return {symbol: _rows(own) for symbol, own in bars.items()}

    def _check_status(self, answer: "Response", now: int) -> None:
        status = answer.status_code
        message = _message(answer)
        if status == 401 or (status == 403 and message):  # without one it is no answer of Alpaca's own
            refused = KeyRefused(f"alpaca refuses the keys ({status}): put valid ones into {self._where}")
            raise self._rest(REFUSED_REST, refused, now)
        if status == 429:
            limited = TemporaryMarketError("alpaca answered 429: too many requests with these keys")
            raise self._rest(_seconds_to_wait(answer.headers, self._clock()), limited, now)
        if status in (400, 422):
            raise _Refused(f"alpaca answered {status}: {message or 'no reason given'}")
        raise_for_status(status, self.name)
        if status != 200:
            raise PermanentMarketError(f"alpaca answered {status}")

    def _rest(self, seconds: int, why: MarketError, now: int) -> MarketError:
        self._rests_until, self._why = now + seconds, why
        return why

    def _sorted(self, since: Mapping[Asset, int], now: int, rows: Rows | MarketError) -> Fetched:
        """Each asset's share of the rows. Alpaca's symbols are in its answer, so no stranger's come in."""
        if isinstance(rows, MarketError):
            return dict.fromkeys(since, rows)
        strangers = sorted(rows.keys() - set(map(_symbol, since)))
        answers: Fetched = {}
        for asset, first in since.items():
            try:
                own = rows.get(_symbol(asset))
                if not own and strangers:
                    raise WrongAnswer(f"alpaca answered with {strangers[0][:20]} in place of {asset.symbol}")
                answers[asset] = _bars(own or [], asset, first, now)
            except MarketError as fault:
                answers[asset] = fault
        return answers


def _bars(rows: list[Any], asset: Asset, since: int, now: int) -> Bars:
    """The session's bars: those before and after it are on IEX too. A value that is missing is a NaN."""
    try:
        table = np.array([[row[name] for name in COLUMNS] for row in rows], dtype=np.float64).reshape(-1, 5)
        opened = [_seconds(row["t"]) for row in rows]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as fault:
        raise PermanentMarketError("alpaca sent candles that cannot be read") from fault
    bars = Bars(OpenTimes(np.array(opened, dtype=np.int64)), *np.ascontiguousarray(table.T))
    check_spacing(bars, "alpaca")
    slots = opens_of(slots_between(asset.market, since, now, Timeframe.M5))
    bars = bars.where(among(bars.open_time, slots)).closed_by(now)
    if not len(bars):
        raise TemporaryMarketError("alpaca sent no candles of this time")
    return bars


def _rows(own: object) -> list[Any]:
    """One symbol's rows. What is no list becomes a row that cannot be read: the other symbols' can."""
    if own is None:
        return []
    return own if isinstance(own, list) else [own]


def _symbol(asset: Asset) -> str:
    """As Alpaca writes it: BRK.B, where Yahoo and the list of assets have BRK-B."""
    return asset.symbol.replace("-", ".")


def _utc(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return int(moment.timestamp())


def _seconds_to_wait(headers: Mapping[str, str], clock: float) -> int:
    """By Retry-After, in seconds, or by X-RateLimit-Reset, a moment in seconds since the epoch."""
    after, reset = headers.get("Retry-After", ""), headers.get("X-RateLimit-Reset", "")
    if after.isdecimal():
        seconds = int(after)
    else:
        seconds = int(reset) - int(clock) if reset.isdecimal() else LIMITED_REST
    return max(1, min(seconds, LONGEST_REST))


def _message(answer: "Response") -> str:
    """Alpaca's reason for a refusal, text from outside, cut short; empty where it gives none."""
    try:
        return str(answer.json()["message"])[:120]
    except (ValueError, KeyError, TypeError):
        return ""
