"""What a reader should know of the candles behind a signal that is served all the same. Pure."""

from growfolio.domain.bars import Candles
from growfolio.domain.forecast import WINDOW

RECENT = 12
"""Bars for which a break in trading or a quarantined bar is worth a word."""

REWRITTEN = f"its source sent other candles than before within the last {RECENT} bars: an error, then or now"
"""Of an asset whose known candles an answer contradicted: which of the two is right cannot be seen."""

FELT = 2 * WINDOW
"""Bars in which a step is felt: those that a model sees, and those whose averages reach into them."""


def caveats(candles: Candles, row: int, bar: int = -1) -> tuple[str, ...]:
    """The caveats on a signal of one asset (its row in candles) from one bar; empty where all is usual."""
    until = bar % candles.close.shape[1] + 1
    recent, seen, felt = (slice(max(0, until - bars), until) for bars in (RECENT, WINDOW, FELT))
    found = {
        "no trades in the newest bar": candles.filled[row, until - 1],
        "the price stands still, which it seldom does: no trades, or a frozen feed": (
            candles.unmoved[row, until - 1]
        ),
        f"trading broke off within the last {RECENT} bars": candles.after_break[row, recent].any(),
        f"an impossible candle among the last {RECENT} bars was left out": (
            candles.quarantined[row, recent].any()
        ),
        "the price moved further over night than its nights do: a split or news": (
            candles.after_step[row, felt].any()
        ),
        "a candle moved further, or traded more, than its asset's own do: an error or news": (
            candles.doubtful[row, seen].any()
        ),
    }
    return tuple(caveat for caveat, holds in found.items() if holds)
