"""Any signal that a refresh could write, for property tests."""

from dataclasses import replace
from decimal import Decimal

from growfolio.domain.assets import ASSETS, Timeframe
from growfolio.domain.signals import Action, Facts, Signal
from hypothesis import strategies as st

from tests.samples import a_signal


def numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(Decimal(low), Decimal(high), places=places)


@st.composite
def signals(draw: st.DrawFn) -> Signal:
    """Signals of every asset, timeframe, action and kind of label; an unknown kind among them."""
    sell = draw(st.integers(0, 10_000))
    buy = draw(st.integers(0, 10_000 - sell))
    shares = Decimal(sell) / 10_000, Decimal(10_000 - sell - buy) / 10_000, Decimal(buy) / 10_000
    facts = Facts(
        rsi=draw(numbers("0", "100", 1)),
        trend=draw(st.sampled_from(["up", "down", "mixed"])),
        atr_pct=draw(numbers("0", "50", 4)),
        vwap_pct=draw(numbers("-50", "50", 3)),
        volume_ratio=draw(numbers("0", "20", 2)),
        volatility_pct=draw(numbers("0", "50", 4)),
    )
    asset = draw(st.sampled_from(ASSETS))
    signal = a_signal(asset.symbol, draw(st.sampled_from(Timeframe)), action=draw(st.sampled_from(Action)))
    return replace(
        signal,
        probabilities=shares,
        confidence=(100 * max(shares)).quantize(Decimal("0.1")),
        threshold=draw(st.sampled_from([Decimal("0.001"), Decimal("0.0005"), Decimal("0.5"), Decimal(1)])),
        horizon_bars=draw(st.integers(1, 12)),
        label=draw(st.sampled_from(["fixed", "volatility", "triple_barrier", "another"])),
        class_shares=draw(st.none() | st.just((Decimal("0.3"), Decimal("0.4"), Decimal("0.3")))),
        facts=facts,
        caveats=draw(st.sampled_from([(), ("the price is disputed",)])),
        simulated=draw(st.booleans()),
        in_sample=draw(st.booleans()),
    )
