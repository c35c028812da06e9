"""The report: folds that walk forward, numbers beside baselines, checks that really look for leaks."""

import argparse
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars, CloseTimes
from growfolio.domain.costs import COST_EACH_WAY
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from growfolio.domain.times import DAY
from growfolio.indicators.standard import FEATURES

from tests.training.conftest import END
from training.data.dataset import Part, Samples, build_samples
from training.data.splits import EMBARGO
from training.evaluation.backtest import backtest
from training.evaluation.baselines import baselines, last_known, seen_columns
from training.evaluation.command import add_evaluate, evaluation_settings
from training.evaluation.leaks import NO_SKILL, gain_of, leak_checks
from training.evaluation.replayed import ReplayedCandles, TrainedModels
from training.evaluation.run import EvaluationSettings, evaluate
from training.evaluation.walk_forward import Fold, folds_of
from training.fitting.settings import FitSettings
from training.networks.architectures import build
from training.settings import TrainSettings


@pytest.fixture(scope="module")
def coins(market: dict[Asset, Bars]) -> dict[Asset, Bars]:
    return {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}


@pytest.fixture(scope="module")
def samples(coins: dict[Asset, Bars]) -> Samples:
    found, _ = build_samples(Market.CRYPTO, Timeframe.M5, coins, Label(horizon_bars=3))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def folds(samples: Samples) -> list[Fold]:
    return folds_of(samples, 2, CloseTimes(samples.bar_close[samples.usable]))


def test_no_part_of_a_fold_holds_a_label_or_a_window_of_the_part_before_it(folds: list[Fold]) -> None:
    for fold in folds:
        samples, (train, validation, test) = fold.samples, (fold.rows(part) for part in Part)
        for earlier, later in ((train, validation), (validation, test)):
            gap = samples.bar_close[later].min() - samples.decided[earlier].max()
            assert gap >= (EMBARGO - 1) * 300
        assert min(len(train), len(validation), len(test)) > 0


def test_tests_of_the_folds_lie_one_after_another_and_the_last_part_after_all_of_them(
    folds: list[Fold],
) -> None:
    assert [fold.last for fold in folds] == [False, False, True]
    for one, following in pairwise(folds):
        seen = max(one.samples.decided[one.rows(part)].max() for part in Part)
        assert seen <= following.samples.bar_close[following.rows(Part.TEST)].min()


def test_cuts_are_moments_that_hold_for_all_assets(folds: list[Fold]) -> None:
    fold = folds[0]
    for asset in range(len(fold.samples.assets)):
        own = fold.rows(Part.TRAIN)[fold.samples.asset[fold.rows(Part.TRAIN)] == asset]
        assert fold.samples.decided[own].max() <= fold.samples.split.train_until


def test_the_last_move_is_one_that_was_decided_when_the_bar_closed(samples: Samples) -> None:
    known = last_known(samples)
    rows = np.flatnonzero(known < 3)
    assert (known[rows] == samples.labels[rows - 3]).all()
    assert (samples.decided[rows - 3] <= samples.bar_close[rows]).all()
    assert (samples.asset[rows - 3] == samples.asset[rows]).all()


def test_what_learners_see_of_a_bar_is_made_of_that_bar_and_those_before_it(samples: Samples) -> None:
    (row,) = rows = samples.rows(Part.TRAIN)[:1]
    features = samples.features.copy()
    features[row + 1 :] = 9.0
    np.testing.assert_array_equal(
        seen_columns(samples, rows), seen_columns(replace(samples, features=features), rows)
    )
    np.testing.assert_allclose(
        seen_columns(samples, rows)[0, 16:32], samples.features[row - 4 : row + 1].mean(axis=0), atol=1e-6
    )


def test_all_baselines_give_probabilities_and_the_majority_has_no_correlation(folds: list[Fold]) -> None:
    found = baselines(folds[0], most_rows=1500)
    assert list(found) == ["majority", "last move persists", "logistic regression", "gradient boosting"]
    for answers in found.values():
        assert answers.calibrated.shape == (len(folds[0].rows(Part.TEST)), 3)
        np.testing.assert_allclose(answers.calibrated.sum(axis=1), 1)
    assert len(np.unique(found["majority"].calibrated.argmax(axis=1))) == 1


def test_the_leak_checks_pass_on_the_products_features_and_see_a_planted_leak(
    folds: list[Fold], coins: dict[Asset, Bars]
) -> None:
    shuffled, future, planted = leak_checks(folds[-1], coins, Label(horizon_bars=3))
    assert (shuffled.passed, future.passed, planted.passed) == (True, True, True)
    assert future.found == "0 values differ"
    assert planted.found != "0 values differ"
    # What the first check looks for is there to be found: the same learner of labels that were not dealt out.
    assert gain_of(folds[-1], folds[-1]) > NO_SKILL


def test_a_backtest_refreshes_every_bar_as_serving_would_and_pays_for_every_trade(
    market: dict[Asset, Bars],
) -> None:
    model = build("lstm").eval()
    head = model.network.get_submodule("head")
    assert isinstance(head, torch.nn.Linear)
    with torch.no_grad():
        head.bias.copy_(torch.tensor([0.0, 0.0, 9.0]))
    models = TrainedModels({(Market.CRYPTO, Timeframe.M5): model}, Label(), END - DAY)
    equity = backtest(ReplayedCandles(market), Market.CRYPTO, Timeframe.M5, models, END - 7200, END)
    assert equity.signals == 2 * 24
    assert equity.trades == 2
    _, gross, net = equity.points[-1]
    assert net == pytest.approx(gross * (1 - COST_EACH_WAY[Market.CRYPTO]), rel=1e-3)


def test_bars_that_a_model_was_fitted_on_earn_nothing(market: dict[Asset, Bars]) -> None:
    models = TrainedModels({(Market.CRYPTO, Timeframe.M5): build("lstm").eval()}, Label(), END)
    equity = backtest(ReplayedCandles(market), Market.CRYPTO, Timeframe.M5, models, END - 3600, END)
    assert (equity.signals, equity.points) == (0, ((equity.points[0][0], 1.0, 1.0),))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbols", "pools"),
    [
        (["BTC", "ETH"], ["crypto 5m"]),
        pytest.param(["AAPL", "BTC", "ETH"], ["stocks 5m", "crypto 5m"], marks=pytest.mark.slow),
    ],
)
def test_a_quick_evaluation_leaves_a_page_and_the_same_as_json(
    symbols: list[str], pools: list[str], candle_folder: Path, tmp_path: Path
) -> None:
    train = TrainSettings(
        (candle_folder,),
        tmp_path,
        assets=tuple(map(find_asset, symbols)),
        timeframes=(Timeframe.M5,),
        inputs=Inputs(FEATURES, ("hour_slot", "market_moves")),
        fit=FitSettings(epochs=1, batch_size=32),
        least_training=100,
        least_validation=20,
    )
    settings = EvaluationSettings(train, folds=1, most_rows=1000, backtest_days=1)
    said: list[str] = []
    evaluate(settings, tmp_path, END, lambda: 0.0, said.append)
    page = (tmp_path / "report.html").read_text()
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert {(fold["pool"], fold["fold"]) for fold in found["folds"]} == {
        (pool, fold) for pool in pools for fold in ("fold 1", "last part")
    }
    for fold in found["folds"]:
        assert [model["name"] for model in fold["models"]] == [
            *("lstm", "majority", "last move persists", "logistic regression", "gradient boosting")
        ]
        for model in fold["models"]:
            assert f"{model['mcc']:+.3f}" in page
            assert model["ece_calibrated_90"][0] < model["ece_calibrated_90"][1]
    assert {check["name"] for check in found["leak_checks"]["crypto 5m"]} == {
        "labels shuffled: no skill is left",
        "the future changed: nothing before it changes",
        "a leak planted on purpose: it is caught",
    }
    assert found["about"]["assets"].split() == sorted(symbols)
    assert (found["about"]["inversion"], found["about"]["lineage"]) == ("yes", "yes")
    compared = {(one["pool"], one["part"], one["against"]) for one in found["comparisons"]}
    assert len(compared) == len(found["comparisons"]) == len(pools) * 2 * 4
    assert ("crypto 5m", "walk-forward", "gradient boosting") in compared
    assert page.count("nats, less is better") == 2 * len(pools)
    assert len(found["backtest"]) == len(pools)
    assert any("epoch 1" in line for line in said)


def test_plainer_models_can_be_judged_to_see_what_each_part_is_worth(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    add_evaluate(parser.add_subparsers())

    def told(more: str) -> EvaluationSettings:
        return evaluation_settings(parser.parse_args(f"evaluate --candles {tmp_path} {more}".split()))

    usual, plain = told(""), told("--network lstm --without inversion lineage --quick")
    assert (usual.train.fit.network, usual.train.fit.inverted, usual.lineage) == ("ensemble", True, True)
    assert (plain.train.fit.network, plain.train.fit.inverted, plain.lineage) == ("lstm", False, False)
    assert plain.folds == 1
