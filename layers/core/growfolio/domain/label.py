"""The question that a model answers about each bar: how far, and how soon, its price moves."""

from dataclasses import dataclass, replace

from growfolio.domain.assets import Asset

LABEL_KINDS = ("fixed", "volatility", "triple_barrier")
"""What the threshold is a share of, horizon_bars ahead.

- fixed: the close against the later close, one fraction for all bars; 0.001 is 0.1 %
- volatility: the same, as a share of the deviation that the last 60 bars lead one to expect over the horizon
- triple_barrier: which of the targets shown to readers is reached first; threshold scales their distance
"""
VOLATILITY_BARS = 60
"""Bars whose returns say how far a price usually moves: for labels, and for the fact that readers see."""


@dataclass(frozen=True, slots=True)
class Label:
    """What the three classes of a bar mean: sell, hold and buy, by what the next horizon_bars bring.

    Training makes its classes by it, the manifest carries it beside each model, and a signal says it to
    readers. The defaults are those of a training run.
    """

    kind: str = "fixed"
    """One of LABEL_KINDS."""
    horizon_bars: int = 1
    threshold: float = 0.001
    class_shares: tuple[float, float, float] | None = None
    """Of sell, hold and buy in training; None before training and in manifests from before it was noted."""

    def threshold_for(self, asset: Asset) -> float:
        """How far this asset has to move: today the same share for all. Everybody asks here."""
        del asset
        return self.threshold

    def asks_as(self, other: "Label") -> bool:
        """Whether both ask the same question, whatever the classes' shares were in training."""
        return replace(self, class_shares=None) == replace(other, class_shares=None)

    def described(self) -> str:
        """The settings in a few words, for reports."""
        return f"{self.kind}, {self.horizon_bars} bars ahead, threshold {self.threshold:g}"

    def question(self) -> str:
        """The question as a sentence of the model card."""
        bars, threshold = f"{self.horizon_bars} bar(s)", f"{self.threshold:g}"
        if self.kind == "triple_barrier":
            return (
                f"which of a signal's targets does the price reach first within {bars}, targets and stops at "
                f"{threshold} times their distance: that of a sell, none (hold), or that of a buy?"
            )
        move = f"{self.threshold:.2%}" if self.kind == "fixed" else f"{threshold} usual deviations"
        return (
            f"will the close {bars} later lie more than {move} below (sell), within (hold), or more than "
            "that above (buy)?"
        )
