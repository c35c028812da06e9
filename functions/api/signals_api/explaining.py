"""Which three sentences stand beside a signal: the stored ones that fit it, else a template's."""

from growfolio.domain.freshness import Judged
from growfolio.domain.signals import Signal
from growfolio.domain.times import HOUR
from growfolio.explanations.template import from_template
from growfolio.storage.records import Explanation

TEMPLATE = "template"
FITS_SECONDS = HOUR
"""For how long a written explanation goes with later signals of the same action: explain writes anew then."""
FOLLOWS_SECONDS = 60
"""What is written after a signal comes so soon, or with the next signal."""


def fits(stored: Explanation | None, signal: Signal) -> bool:
    """Whether what is stored may stand beside this signal: it explains the same action, and its bar or,
    where a language model wrote it, one of the hour before.
    """
    if stored is None or stored.action is not signal.action:
        return False
    if stored.bar_close == signal.bar_close:
        return True
    return stored.source != TEMPLATE and 0 <= signal.bar_close - stored.bar_close <= FITS_SECONDS


def explain(judged: Judged, stored: Explanation | None) -> Explanation | None:
    """What a reader is told, and of which bar; None where there is no signal. It never asks anyone."""
    signal = judged.signal
    if signal is None:
        return None
    if stored is not None and fits(stored, signal):
        return stored
    return Explanation(
        signal.asset,
        signal.timeframe,
        signal.bar_close,
        signal.action,
        from_template(signal),
        TEMPLATE,
        signal.generated_at,
    )


def is_awaited(judged: Judged, stored: Explanation | None, now: int) -> bool:
    """Whether a better explanation than the one at hand may be stored at any moment."""
    signal = judged.signal
    return signal is not None and not fits(stored, signal) and follows_soon(signal, now)


def follows_soon(signal: Signal, now: int) -> bool:
    """Whether what is written after a signal may show at any moment."""
    return now < signal.generated_at + FOLLOWS_SECONDS
