"""Totals of settled signals: the metrics of metrics.py on the same rows, and sums that add up."""

from dataclasses import replace

import numpy as np
import pytest
from growfolio.domain.assets import Market
from growfolio.domain.costs import COST_EACH_WAY
from growfolio.domain.signals import CLASSES
from growfolio.record.entries import NOT_SCORED, PENDING, SCORED, UNSETTLED, Entry, entry_of
from growfolio.record.metrics import confusion, score
from growfolio.record.totals import LEAST_SETTLED, Totals

from tests.samples import BAR, a_signal


def entries(count: int, seed: int = 0) -> list[Entry]:
    """Scored signals of random probabilities, in the order of time."""
    random = np.random.default_rng(seed)
    made = []
    for at in range(count):
        p = random.dirichlet((2, 3, 2)).round(4)
        shares = (0.3, 0.4, 0.3) if at % 2 else (0.2, 0.5, 0.3)
        made.append(
            replace(
                entry_of(a_signal(bar_close=BAR + 300 * at)),
                p_sell=float(p[0]),
                p_hold=float(round(1 - p[0] - p[2], 4)),
                p_buy=float(p[2]),
                action=CLASSES[int(p.argmax())].value,
                shares=shares,
                status=SCORED,
                outcome=CLASSES[random.integers(3)].value,
                change=float(random.normal(0, 1e-3)),
            )
        )
    return made


def test_the_metrics_are_those_of_the_same_rows() -> None:
    rows = entries(300)
    given = np.array([row.probabilities for row in rows])
    labels = np.array([[action.value for action in CLASSES].index(row.outcome) for row in rows])
    expected = score(given, labels, np.array([row.shares for row in rows]))
    scores = Totals.of(rows).to_json(Market.STOCKS)["scores"]
    for name in ("accuracy", "base_rate", "log_loss", "prior_log_loss", "brier", "direction"):
        assert scores[name] == pytest.approx(getattr(expected, name), abs=1e-6), name
    assert scores["confusion"] == confusion(given, labels).tolist()


@pytest.mark.parametrize("cut", [0, 1, 150, 300])
def test_days_add_up_to_what_all_of_them_are(cut: int) -> None:
    rows = entries(300)
    joined, whole = Totals.of(rows[:cut]) + Totals.of(rows[cut:]), Totals.of(rows)
    assert joined.to_json(Market.CRYPTO) == whole.to_json(Market.CRYPTO)
    assert Totals.of(rows) + Totals() == whole


def test_too_few_signals_say_so_and_nothing_else() -> None:
    few = Totals.of(entries(LEAST_SETTLED - 1)).to_json(Market.STOCKS)
    assert few["note"] == "too few: 99 of 100 settled signals"
    assert (few["scores"], few["targets"], few["acting"]) == (None, None, None)
    assert Totals.of(entries(LEAST_SETTLED)).to_json(Market.STOCKS)["note"] is None


def test_what_is_not_scored_is_counted_and_takes_no_part() -> None:
    rows = entries(100)
    others = [replace(entries(1)[0], status=status) for status in (PENDING, NOT_SCORED, UNSETTLED)]
    found = Totals.of([*rows, *others]).to_json(Market.STOCKS)
    assert {name: found[name] for name in ("signals", "scored", "pending", "not_scored", "unsettled")} == {
        "signals": 103,
        "scored": 100,
        "pending": 1,
        "not_scored": 1,
        "unsettled": 1,
    }
    assert found["scores"] == Totals.of(rows).to_json(Market.STOCKS)["scores"]


def test_acting_pays_the_way_in_and_the_way_out() -> None:
    rows = [replace(row, action="BUY", change=0.01) for row in entries(100)]
    rows += [replace(row, action="SELL", change=0.02) for row in entries(100)]
    rows += [replace(row, action="HOLD", change=5.0) for row in entries(50)]
    acting = Totals.of(rows).to_json(Market.CRYPTO)["acting"]
    assert acting["acted"] == 200
    assert acting["mean_gross"] == pytest.approx(-0.005)
    assert acting["mean_net"] == pytest.approx(-0.005 - 2 * COST_EACH_WAY[Market.CRYPTO])


def test_targets_are_promised_by_buy_and_sell_and_counted_when_their_watch_has_ended() -> None:
    promises = ["reached"] * 60 + ["stopped"] * 30 + ["neither"] * 20 + ["unsettled"] * 5 + [""] * 5
    rows = [
        replace(row, action="SELL", promise=kind) for row, kind in zip(entries(120), promises, strict=True)
    ]
    held = [replace(row, action="HOLD", promise="nothing_promised") for row in entries(7)]
    assert Totals.of([*rows, *held]).to_json(Market.STOCKS)["targets"] == {
        "promised": 110,
        "reached": 60,
        "stopped": 30,
        "neither": 20,
    }


def test_without_the_class_shares_of_some_there_is_no_loss_beside_the_models() -> None:
    rows = entries(200)
    scores = Totals.of([*rows[:-1], replace(rows[-1], shares=None)]).to_json(Market.STOCKS)["scores"]
    assert scores["prior_log_loss"] is None
    assert scores["log_loss"] > 0
