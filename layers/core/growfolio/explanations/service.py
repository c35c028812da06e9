"""Which signals are explained, by whom, and within what budget. Time is passed in."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.signals import Signal, SignalRecord
from growfolio.domain.times import HOUR
from growfolio.errors import BadExplanation, ExplainError, PermanentExplainError, StoreError
from growfolio.explanations.answer_checks import explanation_from
from growfolio.explanations.due import is_due, newest_signals
from growfolio.explanations.prompt import INSTRUCTIONS, offer_of
from growfolio.explanations.template import from_template
from growfolio.limits import CircuitBreaker
from growfolio.storage.ports import CallBudget, ExplanationStore
from growfolio.storage.records import Explanation

BUDGET = "explain"
FAILURES, REST = 3, 600
"""So many failures in a row, and the language model is not asked for so many seconds."""

Key = tuple[Asset, Timeframe]


class Writer(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """The source that its explanations have, e.g. `gemini`."""

    def choose(self, instructions: str, offer: str) -> str:
        """Its answer to what is offered, not yet checked. Raises ExplainError, within a time-out."""


@dataclass(slots=True)
class ExplainReport:
    """What became of the signals of one batch."""

    written: Counter[str] = field(default_factory=Counter)
    """How many explanations were stored, by source."""
    unchanged: int = 0
    """Signals whose explanation still stands."""
    failed: dict[Key, StoreError] = field(default_factory=dict)
    """Signals whose explanation the store refused to read or write: try again."""
    replaced_by_template: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Signals that the template explained in the language model's place, by reason."""

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for the operator for each reason."""
        return tuple(
            f"the template explains {', '.join(signals)}: {reason}"
            for reason, signals in self.replaced_by_template.items()
        )


class Explainer:
    """Explains signals by a language model while its budget lasts, and by the template otherwise."""

    def __init__(self, store: CallBudget, writer: Writer | None, calls_per_hour: int) -> None:
        self._store = store
        self._writer = writer
        self._calls_per_hour = calls_per_hour
        self._breaker = CircuitBreaker(FAILURES, REST)

    def explain(self, signal: Signal, now: int) -> Explanation:
        """One signal's explanation, by the language model where there is one.

        Raises StoreError where the budget cannot be counted, ExplainError where no good answer came.
        """
        if self._writer is None:
            return self.by_template(signal, now)
        if self._breaker.is_open(now):
            raise ExplainError(f"{self._writer.name} is left alone after its last answers")
        if not self._store.count_call(BUDGET, now - now % HOUR, self._calls_per_hour):
            raise ExplainError(f"the budget of {self._calls_per_hour} calls in this hour is used up")
        return _explanation(signal, self._asked(self._writer, signal, now), self._writer.name, now)

    def by_template(self, signal: Signal, now: int) -> Explanation:
        return _explanation(signal, from_template(signal), "template", now)

    def _asked(self, writer: Writer, signal: Signal, now: int) -> str:
        try:
            answer = writer.choose(INSTRUCTIONS, offer_of(signal))
        except PermanentExplainError:
            self._breaker.open_for(REST, now)
            raise
        except BadExplanation:
            self._breaker.succeeded()
            raise
        except ExplainError:
            self._breaker.failed(now)
            raise
        self._breaker.succeeded()
        return explanation_from(answer, signal)


def explain_changed(
    store: ExplanationStore,
    explainer: Explainer,
    records: Iterable[SignalRecord],
    now: int,
    hurried: Callable[[], bool] = lambda: False,
) -> ExplainReport:
    """Explain those signals whose action changed, or whose explanation is older than an hour.

    Of several signals of one asset and timeframe only the newest is explained. While hurried, no
    language model is asked. Running it twice changes nothing.
    """
    report = ExplainReport()
    for signal in _due(store, newest_signals(records), now, report):
        try:
            explanation = _explanation_of(signal, explainer, now, hurried(), report)
            if store.put_explanation(explanation):
                report.written[explanation.source] += 1
            else:
                report.unchanged += 1
        except StoreError as fault:
            report.failed[signal.asset, signal.timeframe] = fault
    return report


def _due(store: ExplanationStore, signals: Iterable[Signal], now: int, report: ExplainReport) -> list[Signal]:
    """Those of the signals that need an explanation, by one read for each timeframe."""
    due = []
    for timeframe, of_timeframe in groupby(signals, key=lambda signal: signal.timeframe):
        asked = list(of_timeframe)
        try:
            stored = {explanation.asset: explanation for explanation in store.explanations(timeframe)}
        except StoreError as fault:
            report.failed |= {(signal.asset, timeframe): fault for signal in asked}
            continue
        changed = [signal for signal in asked if is_due(signal, stored.get(signal.asset), now)]
        report.unchanged += len(asked) - len(changed)
        due += changed
    return due


def _explanation_of(
    signal: Signal, explainer: Explainer, now: int, hurried: bool, report: ExplainReport
) -> Explanation:
    try:
        if not hurried:
            return explainer.explain(signal, now)
    except ExplainError as reason:
        report.replaced_by_template[str(reason)].append(f"{signal.asset.symbol} {signal.timeframe}")
    return explainer.by_template(signal, now)


def _explanation(signal: Signal, text: str, source: str, now: int) -> Explanation:
    return Explanation(signal.asset, signal.timeframe, signal.bar_close, signal.action, text, source, now)
