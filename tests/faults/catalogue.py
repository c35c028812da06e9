"""The faults that are tried."""

from tests.faults.doings import (
    IMPOSSIBLE,
    an_hour_old,
    clock_off,
    frozen,
    gap,
    in_break,
    late,
    nulls,
    other_symbol,
    quarters_in_place,
    split,
    spoiled,
)
from tests.faults.fault import Fault

CORRECTED = 10
"""Bars after which a bad bar is corrected: 45 minutes after its close."""
TWIN_TRADED = 0.15
"""The twin has seen hours of trading that there never were: 0.12 was seen after a day of them."""
FILLED = 0.08
"""Up to three bars that never come are filled flat, and the twin knows them: 0.07 was seen."""
UNNOTICED = 0.05
"""A split of 1.05 is within what a night does, and no caveat until it is worked in: 0.035 was seen."""
YAHOO = ("yahoo",)
BINANCE = ("binance",)

GAPS = [
    *(Fault(f"gap of {n}", gap(n), n, apart=FILLED) for n in (1, 3)),
    *(Fault(f"gap of {n}", gap(n), n) for n in (4, 6, 12)),
]
FOR_ALL = [
    Fault(f"gap of {n}, all assets", gap(n), n, apart=apart, everybody=True, sources=sources)
    for n, apart, sources in ((1, FILLED, YAHOO), (6, 0.02, BINANCE), (12, 0.02, YAHOO))
]
HALTS = [
    Fault("halt of 30 minutes", gap(6), 6, quiet=True, sources=YAHOO),
    Fault("halt of 30 minutes, null prices", nulls(6), 6, quiet=True, sources=YAHOO),
    Fault("null prices, volume 0, twice", nulls(2), 2, apart=FILLED, sources=YAHOO),
    Fault("null prices, some volume, once", nulls(1, 500.0), 1, apart=FILLED, sources=YAHOO),
    Fault(
        "unscheduled closure",
        gap(78),
        78,
        apart=TWIN_TRADED,
        everybody=True,
        says="SPY agrees",
        quiet=True,
        scene="closed day",
        sources=YAHOO,
    ),
    Fault(
        "early close",
        gap(36),
        36,
        apart=TWIN_TRADED,
        everybody=True,
        says="SPY agrees",
        quiet=True,
        scene="half day",
        sources=YAHOO,
    ),
    Fault(
        "all stocks silent, the index trades",
        gap(24),
        24,
        everybody=True,
        says="nothing of this market is traded",
        quiet=True,
        index_trades=True,
        sources=YAHOO,
    ),
]
BARS = [Fault(f"{name}, for ever", spoiled(spoil), 1, more=0) for name, spoil in IMPOSSIBLE.items()]
CORRECTIONS = [
    Fault(f"{name}, corrected", spoiled(spoil, CORRECTED), 1, more=0, until=CORRECTED)
    for name, spoil in IMPOSSIBLE.items()
]
LATE = [
    Fault("published 1 refresh late", late(1), 1, more=0, until=2),
    Fault("published 3 refreshes late", late(3), 3, more=0, until=4),
    Fault("published 3 refreshes late, all assets", late(3), 3, more=0, until=4, everybody=True),
    Fault("published an hour late", late(12), 12, more=0, until=13),
]
WORKED_IN = (("in time", -1, False), ("55 min late", 11, False), ("55 min late, event", 11, True))
SPLITS = [
    Fault(
        f"split {ratio}, {when}",
        split(ratio, worked_in, events=events),
        max(worked_in - 1, 0),
        more=0,
        until=max(worked_in, 1),
        apart=UNNOTICED if ratio < 1.1 else 0.02,
        scene="night",
        sources=YAHOO,
    )
    for ratio in (1.05, 1.1, 1.25, 1.5, 2.0, 4.0, 20.0, 0.1)
    for when, worked_in, events in WORKED_IN
]
WRONG = [
    Fault("another symbol's chart", other_symbol(6, "GOOGL"), 6, until=7, never_plain=True, sources=YAHOO),
    Fault("another pair's candles", other_symbol(6, "BTC"), 6, until=7, never_plain=True, sources=BINANCE),
    Fault("bars of 15 minutes", quarters_in_place(6), 6, until=7, never_plain=True),
    Fault("frozen feed, 6 bars", frozen(6), 6, never_plain=True),
    Fault("frozen feed, 24 bars", frozen(24), 24, never_plain=True),
    Fault("frozen feed, volumes go on", frozen(24, 40.0), 24, never_plain=True),
    Fault("an answer an hour old", an_hour_old(6), 6, more=0, until=7, never_plain=True),
    Fault("an answer an hour old, all assets", an_hour_old(6), 6, more=0, until=7, everybody=True),
    Fault("an hour behind our clock", clock_off(3, -3600), 3, more=0, until=4, everybody=True),
]
EXCHANGES = [
    Fault("halted, no candles", gap(24), 0, everybody=True, sources=("binance,kraken",)),
    Fault("halted, flat candles", frozen(24), 0, everybody=True, sources=("binance,kraken",)),
    Fault("halted, an hour old", an_hour_old(24), 0, everybody=True, sources=("binance,kraken",)),
    Fault("in BREAK and back", in_break(12), 12, more=2, sources=BINANCE),
]

FAULTS = [*GAPS, *FOR_ALL, *HALTS, *BARS, *CORRECTIONS, *LATE, *SPLITS, *WRONG, *EXCHANGES]
