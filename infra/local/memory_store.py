"""All ports of the store in memory, so that days are replayed in minutes. A test holds it to DynamoStore."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple, dataclass, field

from growfolio.domain.assets import Asset, Market, Timeframe
from growfolio.domain.calendar import MarketHours
from growfolio.domain.signals import Attempt, Signal, SignalRecord, Status
from growfolio.domain.times import HOUR
from growfolio.limits import Deadline
from growfolio.storage.dynamodb import FAILURES
from growfolio.storage.records import (
    Completion,
    Explanation,
    HistoryPage,
    MarketRecord,
    Outcomes,
    StoredRecord,
)

Key = tuple[Asset, Timeframe]


@dataclass
class MemoryStore:
    """The ports' ordering rules over dicts."""

    _signals: dict[Key, Signal] = field(default_factory=dict)
    _attempts: dict[Key, Attempt] = field(default_factory=dict)
    _history: dict[Key, dict[int, Signal]] = field(default_factory=dict)
    _markets: dict[Asset, MarketRecord] = field(default_factory=dict)
    _hours: dict[Market, MarketHours] = field(default_factory=dict)
    _explanations: dict[Key, Explanation] = field(default_factory=dict)
    _completions: dict[tuple[Market, Timeframe], dict[int, Completion]] = field(default_factory=dict)
    _records: dict[tuple[Market, Timeframe], StoredRecord] = field(default_factory=dict)
    _outcomes: dict[tuple[Market, Timeframe], dict[int, Outcomes]] = field(default_factory=dict)
    _calls: dict[tuple[str, int], int] = field(default_factory=dict)

    def retrying_until(self, _: Deadline) -> AbstractContextManager[None]:
        """Nothing is ever refused here."""
        return nullcontext()

    def put_signal(self, signal: Signal) -> bool:
        key = signal.asset, signal.timeframe
        held = self._signals.get(key)
        if held and not _replaces(signal, held):
            self.put_history(signal, shown=False)
            return False
        self._signals[key] = signal
        self.put_history(signal, shown=True)
        return True

    def put_history(self, signal: Signal, *, shown: bool = False) -> None:
        past = self._history.setdefault((signal.asset, signal.timeframe), {})
        held = past.get(signal.bar_close)
        if held is None or (shown and held.generated_at <= signal.generated_at):
            past[signal.bar_close] = signal

    def note_attempt(self, asset: Asset, timeframe: Timeframe, attempt: Attempt) -> bool:
        if attempt.status not in FAILURES:
            raise ValueError(f"an attempt with status {attempt.status} is not a failed one")
        key = asset, timeframe
        held = (self._attempts.get(key), self._signals.get(key))
        if any(entry and entry.bar_close >= attempt.bar_close for entry in held):
            return False
        self._attempts[key] = attempt
        return True

    def signals(self, timeframe: Timeframe) -> list[SignalRecord]:
        keys = {key for key in (*self._signals, *self._attempts) if key[1] is timeframe}
        return [self._record(key) for key in sorted(keys, key=lambda key: key[0].symbol)]

    def _record(self, key: Key) -> SignalRecord:
        signal, attempt = self._signals.get(key), self._attempts.get(key)
        if signal and (attempt is None or attempt.bar_close <= signal.bar_close):
            attempt = Attempt(signal.bar_close, signal.generated_at, Status.OK)
        return SignalRecord(*key, signal, attempt)

    def put_market(self, record: MarketRecord) -> None:
        held = self._markets.get(record.asset)
        if held is None or _age(held) <= _age(record):
            self._markets[record.asset] = record

    def markets(self, assets: Sequence[Asset]) -> list[MarketRecord]:
        return [self._markets[asset] for asset in dict.fromkeys(assets) if asset in self._markets]

    def put_hours(self, hours: MarketHours) -> None:
        held = self._hours.get(hours.market)
        if held is None or _first_open(held) <= _first_open(hours):
            self._hours[hours.market] = hours

    def hours(self, market: Market) -> MarketHours | None:
        return self._hours.get(market)

    def completions(self, market: Market, timeframe: Timeframe, limit: int) -> list[Completion]:
        held = self._completions.get((market, timeframe), {})
        return [held[bar] for bar in sorted(held, reverse=True)[:limit]]

    def put_completion(self, completion: Completion) -> bool:
        held = self._completions.setdefault((completion.market, completion.timeframe), {})
        known = held.get(completion.bar_close)
        if known and known.at > completion.at:
            return False
        held[completion.bar_close] = completion
        return True

    def record(self, market: Market, timeframe: Timeframe) -> StoredRecord | None:
        return self._records.get((market, timeframe))

    def put_record(self, record: StoredRecord) -> bool:
        key = record.market, record.timeframe
        held = self._records.get(key)
        if held and held.newest > record.newest:
            return False
        self._records[key] = record
        return True

    def outcomes(self, market: Market, timeframe: Timeframe, start: int, end: int) -> Outcomes:
        hours = self._outcomes.get((market, timeframe), {})
        within = [own for hour, own in hours.items() if start - start % HOUR <= hour <= end]
        return {one: outcome for own in within for one, outcome in own.items()}

    def put_outcomes(self, market: Market, timeframe: Timeframe, hour: int, outcomes: Outcomes) -> bool:
        hours = self._outcomes.setdefault((market, timeframe), {})
        if _known(hours.get(hour, {})) > _known(outcomes):
            return False
        hours[hour] = dict(outcomes)
        return True

    def put_explanation(self, explanation: Explanation) -> bool:
        key = explanation.asset, explanation.timeframe
        held = self._explanations.get(key)
        given = explanation.bar_close, explanation.written_at
        if held and (held.bar_close, held.written_at) > given:
            return False
        self._explanations[key] = explanation
        return True

    def explanations(self, timeframe: Timeframe) -> list[Explanation]:
        held = [explanation for key, explanation in self._explanations.items() if key[1] is timeframe]
        return sorted(held, key=lambda explanation: explanation.asset.symbol)

    def count_call(self, budget: str, window: int, limit: int) -> bool:
        counted = self._calls.get((budget, window), 0)
        if counted >= limit:
            return False
        self._calls[budget, window] = counted + 1
        return True

    def history(
        self, asset: Asset, timeframe: Timeframe, limit: int, before: int | None = None
    ) -> HistoryPage:
        if limit < 1:
            raise ValueError(f"a page holds at least one signal, not {limit}")
        past = self._history.get((asset, timeframe), {})
        older = [past[bar] for bar in sorted(past, reverse=True) if before is None or bar < before]
        page = tuple(older[:limit])
        return HistoryPage(page, page[-1].bar_close if len(older) > limit else None)


def _known(outcomes: Outcomes) -> int:
    """How many values are there, with those of the key."""
    return sum(2 + sum(value not in (None, "") for value in astuple(one)) for one in outcomes.values())


def _replaces(signal: Signal, held: Signal) -> bool:
    """An older bar, or the same bar from another revision that decided no later."""
    if held.bar_close != signal.bar_close:
        return held.bar_close < signal.bar_close
    return held.model.revision != signal.model.revision and held.generated_at <= signal.generated_at


def _age(record: MarketRecord) -> tuple[int, int]:
    return record.price.time, record.bars[-1][0] if record.bars else 0


def _first_open(hours: MarketHours) -> int:
    return hours.sessions[0].open if hours.sessions else 0
