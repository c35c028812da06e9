"""Which implementation stands behind each port, from the settings.

What refreshes and what explains is imported only when it is made: the explain function starts without numpy,
and a refresh without the providers that it does not use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from growfolio.aws.parameters import SsmParameter
from growfolio.domain.assets import Market
from growfolio.domain.times import BAR
from growfolio.errors import ConfigurationError
from growfolio.limits import NO_DEADLINE, Deadline, OneAtATime
from growfolio.settings import Settings
from growfolio.storage.dynamodb import DynamoStore

if TYPE_CHECKING:
    from growfolio.explanations.service import Explainer
    from growfolio.market.ports import MarketSource, Quotes
    from growfolio.models.loader import LoadedModels
    from growfolio.record.ledger import Ledger
    from growfolio.refresh.report import RefreshReport
    from growfolio.storage.candle_archive import CandleArchive
    from growfolio.storage.objects import S3Objects
    from growfolio.storage.ports import CallBudget, Store


WRITERS = 8
"""Writes at the same time: 70 throttled ones of four seconds each would outlive the function."""
RESERVE_SECONDS = 10
"""Before the end of the function's time no write starts, nor another try of one: each takes 7 s at most."""
FETCHING_SECONDS = 50
"""What fetching and writing need: models are loaded so long before no write starts."""
SAVING_SECONDS = 15
"""What keeping the candle window may take."""
KEEPING_SECONDS = 3 * BAR
"""How often it is kept: a cold start asks for at most two bars more, and S3 bills a third of the writes."""


class Refresher:
    """The refresh of one market, with what is worth keeping while a function is warm."""

    def __init__(
        self, settings: Settings, clock: Callable[[], int] | None = None, store: Store | None = None
    ) -> None:
        """clock gives seconds since the epoch while a refresh goes on; store is used in place of the table.

        Raises ConfigurationError where the settings name no market or source that there is.
        """
        from growfolio.market.providers import market_source
        from growfolio.models.loader import model_loader
        from growfolio.record.keeping import RecordKeeper
        from growfolio.refresh.candle_feed import WindowedFeed
        from growfolio.refresh.settlement import Settlement

        self.market = _market(settings)
        self._settings = settings
        self._clock = clock
        self._kept_at = 0
        self._source = source = market_source(settings, self.market)
        objects = _objects(settings)
        self._feed = WindowedFeed(source, _archive(objects, self.market), self.market)
        self._quotes = live_quotes(settings, source)
        self._models = model_loader(settings, [self.market], objects)
        self._store: Store = store or DynamoStore(settings.table)
        self.ledger = _ledger(objects, self.market)
        self.record = RecordKeeper(self.ledger, self._store, self.market)
        self._settlement = Settlement(self.ledger, self._store, self.market, self.record)
        self._loading, self._fetching, self._quoting = OneAtATime(), OneAtATime(), OneAtATime()

    def refresh(self, now: int, deadline: Deadline = NO_DEADLINE) -> tuple[RefreshReport, tuple[str, ...]]:
        """One refresh at now (seconds since the epoch), and notes for the operator.

        Loading models and fetching leave the writes their time before the deadline.
        """
        from growfolio.market.ports import MarketIndex
        from growfolio.models.loader import AwaitedModels
        from growfolio.refresh.ports import Ports
        from growfolio.refresh.run import refresh

        models = AwaitedModels(lambda: self._load_models(deadline.before(RESERVE_SECONDS + FETCHING_SECONDS)))
        ports = Ports(
            self.market,
            self._feed,
            models,
            self._store,
            self._quotes,
            self._source if isinstance(self._source, MarketIndex) else None,
            WRITERS,
            self._fetching,
            self._quoting,
            self._clock,
            self._settlement,
        )
        writing = deadline.before(RESERVE_SECONDS)
        with self._store.retrying_until(writing):
            report = refresh(ports, now, writing)
        notes = [*models.loaded.notes, *self._source.notes, *report.notes]
        if report.stopped:
            notes.append(f"the refresh stopped: {report.stopped}")
        elif now - self._kept_at >= KEEPING_SECONDS and deadline.left() > SAVING_SECONDS:
            faults = self._feed.save(now)
            notes += faults
            self._kept_at = self._kept_at if faults else now
        return report, tuple(dict.fromkeys(notes))

    def probe(self, now: int) -> list[dict[str, Any]]:
        """One request to each configured provider of candles from here: see market.probe.Probed."""
        from growfolio.market.probe import probe

        return [asdict(one) for one in probe(self._settings, self.market, now)]

    def _load_models(self, deadline: Deadline) -> LoadedModels:
        """The promoted models; those that serve already where loading outlasts the deadline."""
        try:
            return self._loading.call(self._models.load, deadline)
        except TimeoutError:
            return self._models.without_loading("loading them takes too long")


def live_quotes(settings: Settings, source: MarketSource) -> Quotes | None:
    """Live prices to go with a source's candles; None where there are none, or the candles are not live.

    Replayed and made-up candles have no quotes: today's price would be their future.
    """
    from growfolio.market.exchange_quotes import ExchangeQuotes, Tickers

    if not source.live:
        return None
    if isinstance(source, Tickers):
        return ExchangeQuotes(source)
    if settings.quote_key_parameter:
        from growfolio.market.finnhub import FinnhubQuotes

        key = SsmParameter(settings.quote_key_parameter)
        return FinnhubQuotes(key.current, key.name, settings.quote_url)
    return None


def explainer_from(settings: Settings, store: CallBudget) -> Explainer:
    """The language model where its key is set and calls are allowed, else the template.

    Loads no client library. Raises ConfigurationError for a language model that there is not.
    """
    from growfolio.explanations.language_models import language_model
    from growfolio.explanations.service import Explainer

    if not settings.explain_key_parameter or settings.explain_calls_per_hour < 1:
        return Explainer(store, None, 0)
    key = SsmParameter(settings.explain_key_parameter)
    writer = language_model(settings, key.current, key.name)
    return Explainer(store, writer, settings.explain_calls_per_hour)


def _objects(settings: Settings) -> S3Objects | None:
    """The bucket, which holds candles, the ledger and the models' mirror."""
    if not settings.bucket:
        return None
    from growfolio.storage.objects import S3Objects

    return S3Objects(settings.bucket)


def _archive(objects: S3Objects | None, market: Market) -> CandleArchive | None:
    if objects is None:
        return None
    from growfolio.storage.candle_archive import CandleArchive

    return CandleArchive(objects, market)


def _ledger(objects: S3Objects | None, market: Market) -> Ledger:
    """Without a bucket the ledger lives in memory."""
    from growfolio.record.ledger import Ledger
    from growfolio.storage.objects import MemoryObjects

    return Ledger(objects or MemoryObjects(), market)


def _market(settings: Settings) -> Market:
    try:
        return Market(settings.market)
    except ValueError:
        raise ConfigurationError(f"GROWFOLIO_MARKET={settings.market!r}: choose stocks or crypto") from None
