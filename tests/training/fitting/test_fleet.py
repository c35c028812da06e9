"""Many models fitted at once: each becomes what it would have become alone."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from growfolio.domain.assets import Asset, Market, Timeframe, find_asset
from growfolio.domain.bars import Bars
from growfolio.domain.forecast import Inputs
from growfolio.domain.label import Label
from torch import Tensor

from tests.training.fitting.plain_loop import fit
from training.data.dataset import Part, Samples, build_samples
from training.fitting.fleet import fit_fleet
from training.fitting.fleet_weights import FleetWeights
from training.fitting.member import Fitted, Member
from training.fitting.settings import Epoch, FitSettings
from training.networks.architectures import NETWORKS, Widths, build
from training.networks.batched import BATCHED_LSTM, FLEET_NETWORKS, FleetNetwork
from training.networks.inference import logits

QUICK = FitSettings(epochs=2, batch_size=16)
CPU = torch.device("cpu")


SEEN = Inputs(("close", "rsi_14", "price_change"), ("hour_slot", "market_moves"))
"""Other indicators than the sixteen, in another order, and context."""


@pytest.fixture(scope="module")
def pools(market: dict[Asset, Bars]) -> list[Samples]:
    found = []
    for kind in Market:
        bars = {asset: bars for asset, bars in market.items() if asset.market is kind}
        samples, _ = build_samples(kind, Timeframe.M5, bars, Label())
        assert samples is not None
        found.append(samples)
    return found


@pytest.fixture(scope="module")
def members(pools: list[Samples]) -> list[Member]:
    """The pool of each market and two of its assets, which differ in how many batches they have."""
    wanted = [(pools[0], None), (pools[1], None), (pools[0], "AAPL"), (pools[1], "BTC"), (pools[1], "ETH")]
    return [
        Member(
            f"{samples.market} {symbol}",
            samples,
            samples.rows(Part.TRAIN, own)[: 900 if symbol == "ETH" else 1600],
            samples.rows(Part.VALIDATION, own)[:300],
            seed,
        )
        for seed, (samples, symbol) in enumerate(wanted)
        for own in [find_asset(symbol) if symbol else None]
    ]


def fitted(members: list[Member], settings: FitSettings = QUICK) -> list[Fitted]:
    return fit_fleet(members, settings, lambda epochs: None, device=CPU)


def distance(one: Fitted, other: Fitted) -> float:
    pairs = zip(one.model.state_dict().values(), other.model.state_dict().values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


NETWORK_FORMS = [*FLEET_NETWORKS.items(), ("lstm", BATCHED_LSTM)]
WIDTHS = [Widths(), Widths(3, 7)]


def some_inputs(widths: Widths) -> tuple[Tensor, Tensor | None]:
    """Windows (models, batch, bars, features), and context (models, batch, answered, width)."""
    context = torch.randn(3, 5, 20, widths.context) if widths.context else None
    return torch.randn(3, 5, 60, widths.sequence), context


def turned(context: Tensor | None) -> Tensor | None:
    return None if context is None else context.transpose(1, 2)


def each(windows: Tensor, context: Tensor | None) -> list[tuple[Tensor, int, Tensor | None]]:
    """What each model is asked by itself."""
    return [(own, 20, None if context is None else context[at]) for at, own in enumerate(windows)]


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize(("network", "of_many"), NETWORK_FORMS)
def test_a_network_of_many_models_answers_what_each_of_them_answers(
    network: str, of_many: FleetNetwork, widths: Widths
) -> None:
    models = [build(network, 0.0, widths) for _ in range(3)]
    windows, context = some_inputs(widths)
    weights = FleetWeights(models, CPU).views(0, 3)
    given = of_many(weights, windows.transpose(1, 2), turned(context), 20, lambda states: states, False)
    expected = torch.stack([m.network(*own) for m, own in zip(models, each(windows, context), strict=True)])
    torch.testing.assert_close(given.transpose(1, 2), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize(("network", "of_many"), NETWORK_FORMS)
def test_their_gradients_are_those_of_each_of_them(
    network: str, of_many: FleetNetwork, widths: Widths
) -> None:
    models = [build(network, 0.0, widths) for _ in range(3)]
    windows, context = some_inputs(widths)
    fleet = FleetWeights(models, CPU)
    weights = fleet.views(0, 3)
    given = of_many(weights, windows.transpose(1, 2), turned(context), 20, lambda states: states, False)
    fleet.differentiate((given**2).sum(), weights, 0, 3)
    for row, model, own in zip(fleet.gradients, models, each(windows, context), strict=True):
        torch.autograd.backward((model.network(*own) ** 2).sum())
        expected = [p.grad.flatten() for p in model.network.parameters() if p.grad is not None]
        torch.testing.assert_close(row, torch.cat(expected), rtol=1e-3, atol=1e-3)


def test_products_of_half_precision_change_an_answer_by_little() -> None:
    models = [build("lstm", 0.0) for _ in range(2)]
    weights = FleetWeights(models, CPU).views(0, 2)
    windows = torch.randn(2, 60, 4, 16)
    exact, half = (BATCHED_LSTM(weights, windows, None, 5, lambda s: s, half) for half in (False, True))
    assert 0 < (exact - half).abs().max() < 0.02


@pytest.mark.parametrize(
    "network", [pytest.param(name, marks=() if name == "lstm" else pytest.mark.slow) for name in NETWORKS]
)
def test_the_fleet_without_dropout_is_the_plain_loop_model_for_model(
    members: list[Member], network: str
) -> None:
    # Adam makes whole steps of gradients that are nothing but rounding; attention has most of these.
    rate = 5e-4 if network == "transformer" else QUICK.learning_rate
    settings = replace(QUICK, learning_rate=rate, dropout=0.0, network=network)
    for member, one in zip(members[2:], fitted(members[2:], settings), strict=True):
        seen: list[Epoch] = []
        alone = fit(
            member.samples, member.train, member.validation, replace(settings, seed=member.seed), seen.append
        )
        rows = member.validation
        expected = logits(alone, member.samples, rows)
        torch.testing.assert_close(logits(one.model, member.samples, rows), expected, rtol=0, atol=2e-3)
        assert [e.train_loss for e in one.epochs] == pytest.approx([e.train_loss for e in seen], abs=1e-4)
        assert one.model.temperature.item() == pytest.approx(alone.temperature.item(), rel=1e-2)


@pytest.mark.parametrize(
    "network", ["lstm", *(pytest.param(name, marks=pytest.mark.slow) for name in ("gru", "transformer"))]
)
def test_with_context_too_the_fleet_is_the_plain_loop(market: dict[Asset, Bars], network: str) -> None:
    coins = {asset: bars for asset, bars in market.items() if asset.market is Market.CRYPTO}
    samples, _ = build_samples(Market.CRYPTO, Timeframe.M5, coins, Label(), inputs=SEEN)
    assert samples is not None
    member = Member("m", samples, samples.rows(Part.TRAIN)[:900], samples.rows(Part.VALIDATION)[:300], 0)
    settings = replace(QUICK, learning_rate=5e-4, dropout=0.0, network=network)
    (one,) = fitted([member], settings)
    alone = fit(samples, member.train, member.validation, settings, lambda epoch: None)
    expected = logits(alone, samples, member.validation)
    torch.testing.assert_close(logits(one.model, samples, member.validation), expected, rtol=0, atol=2e-3)
    # It has learned from the context: shuffled, it makes another answer.
    shuffled = replace(samples, context=np.random.default_rng(0).permutation(samples.context))
    assert (logits(one.model, shuffled, member.validation) - expected).abs().max() > 0.01


def test_a_model_becomes_the_same_with_dropout_whoever_else_is_in_the_fleet(members: list[Member]) -> None:
    for member, together in zip(members, fitted(members), strict=True):
        (alone,) = fitted([member])
        assert distance(alone, together) < 1e-5


def test_on_two_cores_each_model_becomes_what_it_becomes_on_one(members: list[Member]) -> None:
    on_one = fitted(members[2:])
    torch.set_num_threads(2)
    try:
        on_two = fitted(members[2:])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert all(distance(a, b) == 0 for a, b in zip(on_one, on_two, strict=True))


def test_the_same_seeds_make_the_same_fleet_and_others_another(members: list[Member]) -> None:
    first, again = fitted(members[2:]), fitted(members[2:])
    assert all(distance(a, b) == 0 for a, b in zip(first, again, strict=True))
    (other,) = fitted([replace(members[2], seed=7)])
    assert distance(first[0], other) > 1e-3


def test_each_model_stops_by_its_own_validation_and_keeps_its_own_best_epoch(members: list[Member]) -> None:
    settings = FitSettings(epochs=14, batch_size=16, learning_rate=0.03, patience=2)
    ends = []
    for one in fitted(members[2:], settings):
        best = min(one.epochs, key=lambda epoch: epoch.validation_loss)
        assert [epoch.best for epoch in one.epochs][best.number - 1]
        assert len(one.epochs) == min(best.number + settings.patience, settings.epochs)
        ends.append(len(one.epochs))
    assert len(set(ends)) > 1
    assert min(ends) < settings.epochs


def test_an_own_learning_rate_or_start_moves_only_that_model(members: list[Member]) -> None:
    plain = fitted(members[2:4])
    started = [replace(members[2], start=plain[0].model, learning_rate=1e-6), members[3]]
    slow, same = fitted(started)
    assert distance(same, plain[1]) == 0
    kept = dict(plain[0].model.network.named_parameters())
    assert all((p - kept[name]).abs().max() < 1e-3 for name, p in slow.model.network.named_parameters())


def test_a_model_that_follows_another_begins_with_its_best_weights_and_its_normalisation(
    members: list[Member],
) -> None:
    stocks, coins = members[2], members[3]
    settings = replace(QUICK, following_rate=1e-7)
    before, after = fitted([coins, replace(stocks, follows=coins.id)], settings)
    assert distance(before, fitted([coins])[0]) == 0
    kept = before.model.state_dict()
    moved = {name: float((p - kept[name]).abs().max()) for name, p in after.model.state_dict().items()}
    assert moved.pop("temperature") > 0
    assert max(moved.values()) < 1e-4


def test_whoever_is_followed_comes_first_wherever_it_stands(members: list[Member]) -> None:
    eldest, middle, youngest = members[2], replace(members[3], follows=members[2].id), members[4]
    seen: list[str] = []
    fit_fleet(
        [replace(youngest, follows=middle.id), middle, eldest],
        replace(QUICK, epochs=1),
        seen.extend,
        device=CPU,
    )
    assert seen == [eldest.id, middle.id, youngest.id]


def test_an_interrupted_line_of_models_ends_as_if_it_had_not_been(
    members: list[Member], tmp_path: Path
) -> None:
    line = [members[2], replace(members[3], follows=members[2].id)]
    whole = fitted(line)

    def kill(epochs: Mapping[str, Epoch]) -> None:
        if line[1].id in epochs and epochs[line[1].id].number == 2:
            raise Killed

    with pytest.raises(Killed):
        fit_fleet(line, QUICK, kill, tmp_path / "fleet.pt", CPU)
    later: list[str] = []
    resumed = fit_fleet(line, QUICK, later.extend, tmp_path / "fleet.pt", CPU)
    assert later == [line[1].id]
    assert all(distance(a, b) == 0 for a, b in zip(whole, resumed, strict=True))


class Killed(Exception):
    pass


def test_an_interrupted_run_goes_on_after_its_last_epoch_and_ends_with_the_same_models(
    members: list[Member], tmp_path: Path
) -> None:
    settings, file = replace(QUICK, epochs=4), tmp_path / "fleet.pt"
    whole = fitted(members[2:], settings)

    def kill(epochs: Mapping[str, Epoch]) -> None:
        if any(epoch.number == 3 for epoch in epochs.values()):
            raise Killed

    with pytest.raises(Killed):
        fit_fleet(members[2:], settings, kill, file, CPU)
    assert file.is_file()
    later: list[int] = []

    def note(epochs: Mapping[str, Epoch]) -> None:
        later.extend(epoch.number for epoch in epochs.values())

    resumed = fit_fleet(members[2:], settings, note, file, CPU)
    assert min(later) == 3
    assert all(distance(a, b) == 0 for a, b in zip(whole, resumed, strict=True))
    assert [one.epochs for one in resumed] == [one.epochs for one in whole]
    assert list(tmp_path.iterdir()) == [file]


def test_the_checkpoint_of_another_run_is_passed_over(members: list[Member], tmp_path: Path) -> None:
    file = tmp_path / "fleet.pt"

    def kill(epochs: Mapping[str, Epoch]) -> None:
        if any(epoch.number == 2 for epoch in epochs.values()):
            raise Killed

    with pytest.raises(Killed):
        fit_fleet([replace(members[4], seed=9)], QUICK, kill, file, CPU)
    (one,) = fit_fleet([members[4]], QUICK, lambda *_: None, file, CPU)
    assert distance(one, fitted([members[4]])[0]) == 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_captured_steps_train_what_the_processor_trains(members: list[Member]) -> None:
    settings = replace(QUICK, dropout=0.0, half=False)
    on_gpu = fit_fleet(members, settings, lambda *_: None, device=torch.device("cuda"))
    for member, one, other in zip(members, on_gpu, fitted(members, settings), strict=True):
        given, expected = (logits(f.model, member.samples, member.validation) for f in (one, other))
        assert float((given - expected).abs().max()) < 0.02
        assert np.isfinite(one.epochs[-1].train_loss)
