"""Models name what they see: served side by side, and refused by name where a deployment lacks it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from growfolio.domain.assets import Timeframe, find_asset
from growfolio.domain.forecast import Forecast, Inputs, Views
from growfolio.errors import ModelError, PermanentModelError
from growfolio.indicators.registry import all_context_inputs, all_indicators, context_width
from growfolio.indicators.standard import FEATURES
from growfolio.models.manifest import Manifest, parse_manifest
from growfolio.models.model_inputs import STANDARD_INPUTS, InputRef, ModelInputs
from growfolio.models.onnx_forecaster import FallBack, NoModels, OnnxForecaster

from tests.fakes.models import NOW, Publication, constant_graph, telling_graph

M5 = Timeframe.M5
UP = (0.1, 0.2, 0.7)
CLOCK = Inputs(FEATURES, ("hour_slot", "bars_to_close"))
FEW = Inputs(("hl_spread", "rsi_14"))


def publication() -> Publication:
    """A model of the sixteen, one of two indicators in another order, and one with context."""
    return (
        Publication()
        .add("standard", telling_graph(16, 0), ["AAPL"])
        .add("few", telling_graph(2, 0), ["MSFT"], inputs=ModelInputs.of(FEW))
        .add("clock", telling_graph(16, 13), ["TSLA"], inputs=ModelInputs.of(CLOCK))
    )


def views(inputs: Inputs, bars: int) -> Views:
    """Each indicator's column holds its own number; each context input's that of its place."""
    windows = np.zeros((bars, 60, len(inputs.sequence)), np.float32)
    for position, name in enumerate(inputs.sequence):
        windows[..., position] = FEATURES.index(name) / 100
    context = {
        name: np.full((bars, context_width([name])), position + 1.0, np.float32)
        for position, name in enumerate(inputs.context)
    }
    return Views(windows, inputs.sequence, context)


def ask(forecaster: OnnxForecaster | FallBack, given: Views, *symbols: str) -> list[Forecast | ModelError]:
    return forecaster.forecast([(find_asset(symbol), M5) for symbol in symbols], given, NOW)


def scores(answer: Forecast | ModelError) -> tuple[float, float]:
    """What a telling graph saw: ten times the window's mean, and the context's mean."""
    assert isinstance(answer, Forecast), answer
    nothing, window, context = np.log(answer.probabilities)
    return round(float(window - nothing), 4), round(float(context - nothing), 4)


def test_models_of_different_inputs_are_served_side_by_side_from_one_union() -> None:
    forecaster = OnnxForecaster(publication().model_set())
    assert set(forecaster.inputs.sequence) == set(FEATURES)
    assert forecaster.inputs.context == CLOCK.context
    seen = views(forecaster.inputs, 3)
    standard, few, clock = ask(forecaster, seen, "AAPL", "MSFT", "TSLA")
    assert scores(standard) == (10 * 0.075, 0.0)
    assert scores(few) == (10 * (0.15 + 0.05) / 2, 0.0)
    assert scores(clock) == (10 * 0.075, round((12 * 1.0 + 2.0) / 13, 4))


def test_the_order_of_the_union_changes_no_answer() -> None:
    forecaster = OnnxForecaster(publication().model_set())
    forwards = views(forecaster.inputs, 3)
    backwards = views(Inputs(FEATURES[::-1], CLOCK.context[::-1]), 3)
    backwards = Views(backwards.windows, backwards.sequence, forwards.context)
    for one, other in zip(
        ask(forecaster, forwards, "AAPL", "MSFT", "TSLA"),
        ask(forecaster, backwards, "AAPL", "MSFT", "TSLA"),
        strict=True,
    ):
        assert scores(one) == scores(other)


def test_a_manifest_keeps_what_its_models_see() -> None:
    manifest = publication().manifest
    assert parse_manifest(manifest.to_json()) == manifest
    written = json.loads(manifest.to_json())
    assert written["format"] == 2
    assert written["models"]["few"]["inputs"] == {
        "sequence": [{"name": "hl_spread", "version": 1}, {"name": "rsi_14", "version": 1}],
        "context": [],
    }


def test_where_all_models_see_the_sixteen_the_manifest_is_the_one_that_older_deployments_read() -> None:
    written = json.loads(Publication().add("up", constant_graph(UP), ["AAPL"]).manifest.to_json())
    assert written["format"] == 1
    assert written["features"] == {"version": 1, "names": list(FEATURES)}
    assert "inputs" not in written["models"]["up"]


def test_the_manifest_that_was_shipped_before_models_named_their_inputs_still_serves() -> None:
    text = (Path(__file__).parent / "manifest_of_format_1.json").read_text()
    manifest = parse_manifest(text)
    assert [model.inputs for model in manifest.models.values()] == [STANDARD_INPUTS] * 4
    assert manifest.to_json() == text


def changed(change: Callable[[dict[str, Any]], object], model_id: str = "clock") -> Manifest:
    document = json.loads(publication().manifest.to_json())
    change(document["models"][model_id])
    return parse_manifest(json.dumps(document))


def test_a_model_without_inputs_sees_the_sixteen_in_either_format() -> None:
    manifest = changed(lambda model: model.pop("inputs"))
    assert manifest.models["clock"].inputs == STANDARD_INPUTS


LACKING = {
    "an indicator": (
        ModelInputs((InputRef("moon_phase"), InputRef("rsi_14"))),
        "needs what this deployment lacks: indicator moon_phase version 1; ",
    ),
    "a context input": (
        ModelInputs(context=(InputRef("tides"),)),
        "needs what this deployment lacks: context input tides version 1; ",
    ),
    "a version": (
        ModelInputs((InputRef("rsi_14", 2),), (InputRef("hour_slot", 7),)),
        "rsi_14 version 2 (version 1 is here), context input hour_slot version 7 (version 1 is here)",
    ),
    "an indicator that is a context input here": (
        ModelInputs((InputRef("hour_slot"),)),
        "needs what this deployment lacks: indicator hour_slot version 1; ",
    ),
}


@pytest.mark.parametrize("what", LACKING)
def test_a_model_that_names_what_is_lacking_is_refused_with_that_name_and_stops_no_other(what: str) -> None:
    inputs, reason = LACKING[what]
    models = publication().add("odd", telling_graph(2, 0), ["NVDA"], inputs=inputs).model_set()
    forecaster = OnnxForecaster(models)
    assert forecaster.inputs == OnnxForecaster(publication().model_set()).inputs
    odd, clock = ask(forecaster, views(forecaster.inputs, 2), "NVDA", "TSLA")
    assert isinstance(odd, PermanentModelError)
    assert reason in str(odd)
    assert isinstance(clock, Forecast)


def test_other_models_answer_for_one_that_is_refused_and_name_what_is_lacking() -> None:
    odd = Publication().add("odd", telling_graph(1, 0), ["AAPL"], inputs=LACKING["an indicator"][0])
    both = FallBack(OnnxForecaster(odd.model_set()), OnnxForecaster(publication().model_set()))
    (answer,) = ask(both, views(both.inputs, 1), "AAPL")
    assert isinstance(answer, Forecast)
    assert answer.model_id == "standard"
    assert "moon_phase" in answer.caveats[0]


def test_an_input_that_broke_costs_only_the_models_that_see_it() -> None:
    forecaster = OnnxForecaster(publication().model_set())
    whole = views(forecaster.inputs, 2)
    without = Views(whole.windows, whole.sequence, {}, {"hour_slot": "ZeroDivisionError: by zero"})
    clock, few = ask(forecaster, without, "TSLA", "MSFT")
    assert str(clock) == ("model clock failed: its input hour_slot is missing: ZeroDivisionError: by zero")
    assert isinstance(few, Forecast)


def test_a_graph_whose_inputs_are_others_than_the_manifest_says_is_refused() -> None:
    models = Publication().add("bare", telling_graph(16, 0), ["AAPL"], inputs=ModelInputs.of(CLOCK))
    models.add("wide", telling_graph(16, 12), ["MSFT"], inputs=ModelInputs.of(CLOCK))
    models.add("more", telling_graph(16, 13), ["TSLA"])
    forecaster = OnnxForecaster(models.model_set())
    for answer in ask(forecaster, views(forecaster.inputs, 3), "AAPL", "MSFT", "TSLA"):
        assert "; its inputs are [('tensor(float)', None, 60, 16)" in str(answer)


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no list": (
        lambda model: model.update(inputs=["open"]),
        r"models.clock.inputs: must be an object",
    ),
    "no context": (lambda model: model["inputs"].pop("context"), r"clock.inputs: 'context' is missing"),
    "nothing to see": (
        lambda model: model["inputs"].update(sequence=[]),
        r"inputs.sequence: must name at least one indicator",
    ),
    "a name twice": (
        lambda model: model["inputs"]["sequence"].append({"name": "open", "version": 1}),
        r"inputs.sequence: must name at most 256 inputs, each once",
    ),
    "no name": (
        lambda model: model["inputs"]["sequence"][0].update(name="../x"),
        r"sequence\[0\].name: must be a name of letters, digits and _, not '../x'",
    ),
    "no version": (
        lambda model: model["inputs"]["sequence"][3].update(version="1"),
        r"sequence\[3\].version: must be a whole number, not '1'",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_the_manifest_is_refused_with_the_name_of_the_field_for(what: str) -> None:
    change, reason = REFUSED[what]
    with pytest.raises(PermanentModelError, match=reason):
        changed(change)


def test_what_is_registered_can_be_named() -> None:
    everything = Inputs(tuple(all_indicators()), tuple(all_context_inputs()))
    assert ModelInputs.of(everything).names == everything
    assert ModelInputs.of(everything).lacking() == ""
    assert ModelInputs.of(Inputs(FEATURES)) == STANDARD_INPUTS


def test_where_there_are_no_models_nothing_need_be_computed() -> None:
    assert NoModels("why").inputs == Inputs()
