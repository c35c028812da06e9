"""How a forecast becomes a signal."""

from decimal import Decimal

import numpy as np
import pytest
from growfolio.domain.assets import Asset, Timeframe, find_asset
from growfolio.domain.decision import decide
from growfolio.domain.forecast import Forecast
from growfolio.domain.label import Label
from growfolio.domain.signals import Action, Price, Signal
from growfolio.domain.times import DAY

from tests.samples import BAR, a_signal

A_LABEL = Label("volatility", 3, 0.002, (0.2, 0.6, 0.2))


class LabelOfEachAsset(Label):
    """What a label with an own threshold for each asset would answer."""

    def threshold_for(self, asset: Asset) -> float:
        return 0.003 if asset.symbol == "AAPL" else self.threshold


def decided(
    probabilities: tuple[float, float, float] = (0.2, 0.3, 0.5),
    trained_from: int = 0,
    trained_until: int = 0,
    label: Label = A_LABEL,
) -> Signal:
    return decide(
        find_asset("AAPL"),
        Timeframe.M5,
        Forecast(np.array(probabilities), "model", "a" * 40, label, trained_from, trained_until),
        Price(Decimal("222.55"), BAR, "test close"),
        a_signal().facts,
        bar_close=BAR,
        now=BAR + 5,
        source="yahoo",
        simulated=False,
    )


@pytest.mark.parametrize(
    ("trained_from", "trained_until", "seen"),
    [
        (BAR - DAY, BAR, True),
        (BAR, BAR + DAY, True),
        (BAR - DAY, BAR - 1, False),
        (BAR + 1, BAR + DAY, False),
    ],
)
def test_a_bar_is_in_sample_from_the_first_to_the_last_bar_that_its_model_was_fitted_or_selected_on(
    trained_from: int, trained_until: int, seen: bool
) -> None:
    assert decided(trained_from=trained_from, trained_until=trained_until).in_sample is seen


@pytest.mark.parametrize(
    ("probabilities", "action", "confidence"),
    [
        ((0.2, 0.3, 0.5), Action.BUY, "50.0"),
        ((0.2, 0.5, 0.3), Action.HOLD, "50.0"),
        ((0.61234, 0.3, 0.08766), Action.SELL, "61.2"),
    ],
)
def test_action_and_confidence_are_the_class_with_the_highest_probability(
    probabilities: tuple[float, float, float], action: Action, confidence: str
) -> None:
    signal = decided(probabilities)
    assert (signal.action, signal.confidence) == (action, Decimal(confidence))
    assert sum(signal.probabilities) == 1


def test_a_signal_says_the_label_that_its_model_was_trained_on() -> None:
    signal = decided()
    assert (signal.label, signal.horizon_bars, signal.threshold) == ("volatility", 3, Decimal("0.002"))
    assert signal.class_shares == (Decimal("0.2"), Decimal("0.6"), Decimal("0.2"))


def test_a_signal_says_the_threshold_of_its_asset() -> None:
    assert decided(label=LabelOfEachAsset()).threshold == Decimal("0.003")
