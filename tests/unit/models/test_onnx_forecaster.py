"""Many models asked at once: each answers for its own assets, and none for another."""

from math import exp

import numpy as np
import pytest
from growfolio.domain.assets import Market, Timeframe, find_asset
from growfolio.domain.forecast import Forecast, Forecaster, Windows
from growfolio.domain.label import Label
from growfolio.errors import ModelError, PermanentModelError
from growfolio.models.onnx_forecaster import OTHER_MODELS, FallBack, NoModels, OnnxForecaster

from tests.fakes.models import (
    EXPIRES_AT,
    NOW,
    TRAINED_FROM,
    TRAINED_UNTIL,
    Publication,
    constant_graph,
    endless_graph,
    logarithm_graph,
    raw_graph,
)
from tests.views import sixteen

M5, M15 = Timeframe.M5, Timeframe.M15
UP, DOWN = (0.1, 0.2, 0.7), (0.6, 0.3, 0.1)


def windows(*means: float) -> Windows:
    return np.stack([np.full((60, 16), mean, np.float32) for mean in means])


def ask(
    forecaster: Forecaster, *wanted: tuple[str, Timeframe], now: int = NOW
) -> list[Forecast | ModelError]:
    requests = [(find_asset(symbol), timeframe) for symbol, timeframe in wanted]
    return forecaster.forecast(requests, sixteen(windows(*[1.0] * len(wanted))), now)


def said(answer: Forecast | ModelError) -> tuple[str, list[float]]:
    assert isinstance(answer, Forecast), answer
    return answer.model_id, [round(float(p), 5) for p in answer.probabilities]


def reason(answer: Forecast | ModelError) -> str:
    assert isinstance(answer, PermanentModelError)
    return str(answer)


def test_each_request_is_answered_in_order_by_the_model_assigned_to_it() -> None:
    models = (
        Publication()
        .add("up", constant_graph(UP), ["AAPL", "TSLA"])
        .add("down", constant_graph(DOWN), ["MSFT"])
        .add("slow", constant_graph(DOWN), ["AAPL"], M15)
    )
    answers = ask(OnnxForecaster(models.model_set()), ("TSLA", M5), ("MSFT", M5), ("AAPL", M15), ("AAPL", M5))
    assert [said(answer) for answer in answers] == [
        ("up", [*UP]),
        ("down", [*DOWN]),
        ("slow", [*DOWN]),
        ("up", [*UP]),
    ]


def test_a_forecast_carries_what_its_model_was_trained_for_and_on() -> None:
    models = Publication().add("up", constant_graph(UP), ["AAPL"]).model_set("a1b2")
    (answer,) = ask(OnnxForecaster(models), ("AAPL", M5))
    assert isinstance(answer, Forecast)
    assert (answer.revision, answer.label) == ("a1b2", Label("fixed", 1, 0.001))
    assert (answer.trained_from, answer.trained_until) == (TRAINED_FROM, TRAINED_UNTIL)
    assert answer.probabilities.dtype == np.float64


def test_an_asset_without_a_model_and_one_whose_model_expired_are_told_so_alone() -> None:
    models = (
        Publication()
        .add("up", constant_graph(UP), ["AAPL"])
        .add("old", constant_graph(UP), ["MSFT"], expires_at=NOW)
        .model_set("a1b2")
    )
    good, missing, old = ask(OnnxForecaster(models), ("AAPL", M5), ("NVDA", M5), ("MSFT", M5))
    assert said(good) == ("up", [*UP])
    assert reason(missing) == "revision a1b2 has no model for NVDA 5m"
    assert reason(old) == (
        "model old of revision a1b2 expired 2024-05-06T12:53:20Z: train and promote a newer one"
    )


def test_a_model_answers_until_the_second_it_expires() -> None:
    forecaster = OnnxForecaster(Publication().add("up", constant_graph(UP), ["AAPL"]).model_set())
    (before,) = ask(forecaster, ("AAPL", M5), now=EXPIRES_AT - 1)
    (after,) = ask(forecaster, ("AAPL", M5), now=EXPIRES_AT)
    assert said(before) == ("up", [*UP])
    assert "expired" in reason(after)


def test_a_function_answers_only_for_the_markets_whose_models_it_loaded() -> None:
    models = Publication().add("up", constant_graph(UP), ["BTC"]).model_set(markets=[Market.STOCKS])
    (answer,) = ask(OnnxForecaster(models), ("BTC", M5))
    assert reason(answer) == "the models of crypto are not loaded here"


BROKEN = {
    "is no ONNX file": (b"\x80\x04pickle", "model bad cannot be opened"),
    "takes other features": (
        constant_graph(UP, ("batch", 60, 15)),
        "model bad takes [('tensor(float)', None, 60, 15)] and gives 1 outputs; "
        "its inputs are [('tensor(float)', None, 60, 16)]",
    ),
    "takes one window at a time": (
        constant_graph(UP, (1, 60, 16)),
        "model bad takes [('tensor(float)', 1, 60, 16)] and gives 1 outputs; "
        "its inputs are [('tensor(float)', None, 60, 16)]",
    ),
    "gives logits": (raw_graph([0.1, 0.5, 2.0]), "model bad gave probabilities that do not sum to 1"),
    "gives a negative probability": (
        raw_graph([-0.5, 0.5, 1.0]),
        "model bad gave probabilities that do not sum to 1",
    ),
    "gives no numbers": (
        raw_graph([float("nan"), 0.5, 0.5]),
        "model bad gave a probability that is not a number",
    ),
    "gives two classes": (raw_graph([0.5, 0.5]), "model bad answered with shape (2, 2)"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_others_are_served_when_one_model(fault: str) -> None:
    graph, message = BROKEN[fault]
    models = (
        Publication().add("bad", graph, ["AAPL", "MSFT"]).add("up", constant_graph(UP), ["TSLA"]).model_set()
    )
    forecaster = OnnxForecaster(models)
    for _ in range(2):
        apple, tesla, microsoft = ask(forecaster, ("AAPL", M5), ("TSLA", M5), ("MSFT", M5))
        assert said(tesla) == ("up", [*UP])
        assert reason(apple).startswith(message)
        assert reason(microsoft).startswith(message)


def test_float32_may_miss_a_sum_of_one_by_a_thousandth() -> None:
    models = Publication().add("near", raw_graph([0.2, 0.3, 0.5009]), ["AAPL"])
    models.add("far", raw_graph([0.2, 0.3, 0.5011]), ["MSFT"])
    near, far = ask(OnnxForecaster(models.model_set()), ("AAPL", M5), ("MSFT", M5))
    assert said(near) == ("near", [0.2, 0.3, 0.5009])
    assert reason(far) == "model far gave probabilities that do not sum to 1"


def test_one_window_that_a_model_cannot_judge_spoils_no_other_of_its_batch() -> None:
    models = Publication().add("log", logarithm_graph(), ["AAPL", "MSFT", "TSLA"]).model_set()
    requests = [(find_asset(symbol), M5) for symbol in ("AAPL", "MSFT", "TSLA")]
    good = exp(1 / 3)
    first, second, third = OnnxForecaster(models).forecast(requests, sixteen(windows(good, -good, good)), NOW)
    assert said(first) == said(third) == ("log", [0.33333] * 3)
    assert reason(second) == "model log gave a probability that is not a number"


@pytest.mark.parametrize("shape", [(1, 59, 16), (1, 60, 15)])
def test_windows_of_another_shape_are_a_fault_of_the_caller(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(1, 60, 16\) of float32 are needed"):
        sixteen(np.zeros(shape, np.float32))


def test_views_of_other_bars_than_asked_about_are_a_fault_of_the_caller() -> None:
    forecaster = OnnxForecaster(Publication().add("up", constant_graph(UP), ["AAPL"]).model_set())
    with pytest.raises(ValueError, match="there are 2 views for 1 requests"):
        forecaster.forecast([(find_asset("AAPL"), M5)], sixteen(windows(1.0, 1.0)), NOW)


def test_nobody_asked_is_nothing_answered() -> None:
    assert ask_nothing(OnnxForecaster(Publication().model_set())) == []
    assert ask_nothing(NoModels("why")) == []


def ask_nothing(forecaster: Forecaster) -> list[Forecast | ModelError]:
    return forecaster.forecast([], sixteen(np.zeros((0, 60, 16), np.float32)), NOW)


def test_what_the_first_models_cannot_answer_the_second_may() -> None:
    first = (
        Publication().add("new", constant_graph(UP), ["AAPL"]).add("bad", b"broken", ["MSFT"]).model_set("r1")
    )
    then = (
        Publication()
        .add("starter", constant_graph(DOWN), ["AAPL", "MSFT"])
        .add("old", constant_graph(DOWN), ["TSLA"], expires_at=NOW)
        .model_set("starter")
    )
    both = FallBack(OnnxForecaster(first), OnnxForecaster(then))
    apple, tesla, microsoft = ask(both, ("AAPL", M5), ("TSLA", M5), ("MSFT", M5))
    assert both.revision == "r1"
    assert said(apple) == ("new", [*UP])
    assert said(microsoft) == ("starter", [*DOWN])
    assert isinstance(microsoft, Forecast)
    assert microsoft.revision == "starter"
    assert reason(tesla).startswith(
        "revision r1 has no model for TSLA 5m; model old of revision starter expired"
    )


def test_where_there_are_no_models_every_answer_says_why() -> None:
    answers = ask(NoModels("set GROWFOLIO_MODEL_REPOSITORY"), ("AAPL", M5), ("BTC", M15))
    assert [reason(answer) for answer in answers] == ["set GROWFOLIO_MODEL_REPOSITORY"] * 2


def test_a_graph_that_never_ends_is_stopped_and_other_models_answer_and_say_so() -> None:
    endless = Publication().add("endless", endless_graph(), ["AAPL"]).add("up", constant_graph(UP), ["MSFT"])
    spare = Publication().add("spare", constant_graph(DOWN), ["AAPL"])
    alone = OnnxForecaster(endless.model_set())
    failed, fine = ask(alone, ("AAPL", M5), ("MSFT", M5))
    assert reason(failed) == "model endless failed: it did not end within 2 s"
    assert said(fine) == ("up", [*UP])
    both = FallBack(OnnxForecaster(endless.model_set()), OnnxForecaster(spare.model_set()))
    other, own = ask(both, ("AAPL", M5), ("MSFT", M5))
    assert said(other) == ("spare", [*DOWN])
    assert isinstance(other, Forecast)
    assert isinstance(own, Forecast)
    assert (other.caveats, own.caveats) == ((f"{OTHER_MODELS}: {reason(failed)}",), ())
