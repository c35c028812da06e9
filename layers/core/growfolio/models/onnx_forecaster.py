"""Models run by ONNX Runtime, all requests of one model in one call; and which set answers if one cannot."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_
from threading import Timer
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.forecast import WINDOW, ContextArray, Forecast, Forecaster, Inputs, Views, Windows
from growfolio.domain.signals import CLASSES
from growfolio.domain.times import utc_text
from growfolio.errors import ModelError, PermanentModelError
from growfolio.indicators.registry import context_width
from growfolio.models.manifest import Model
from growfolio.models.repository import ModelSet

if TYPE_CHECKING:
    import onnxruntime

CONTEXT = "context"
"""The second input of graphs that take context."""
SUM_TOLERANCE = 1e-3
RUN_SECONDS = 2.0
"""What one run of a model may take: the shipped ones take milliseconds, a graph that loops never ends."""
OTHER_MODELS = "made by other models than the promoted ones"

Requests = Sequence[tuple[Asset, Timeframe]]
Answers = list[Forecast | ModelError]


class OnnxForecaster:
    """The models of one revision. A model is opened when it is first asked, and kept open."""

    def __init__(self, models: ModelSet) -> None:
        self.revision = models.revision
        self._manifest = models.manifest
        self._markets = models.markets
        self._unopened = dict(models.graphs)
        self._graphs: dict[str, _Graph | ModelError] = {}
        usable = [
            model.inputs.names
            for market in models.markets
            for model in models.manifest.assigned(market)
            if not model.inputs.lacking()
        ]
        self.inputs = reduce(or_, usable, Inputs())

    def forecast(self, requests: Requests, views: Views, now: int) -> Answers:
        check_views(requests, views)
        answers: dict[int, Forecast | ModelError] = {}
        rows_of: defaultdict[str, list[int]] = defaultdict(list)
        for row, (asset, timeframe) in enumerate(requests):
            try:
                rows_of[self._serving(asset, timeframe, now).id].append(row)
            except ModelError as reason:
                answers[row] = reason
        for model_id, rows in rows_of.items():
            answers.update(zip(rows, self._run(model_id, views.at(rows)), strict=True))
        return [answers[row] for row in range(len(requests))]

    def _serving(self, asset: Asset, timeframe: Timeframe, now: int) -> Model:
        model = self._manifest.serving(asset, timeframe)
        if model is None:
            raise PermanentModelError(f"revision {self.revision} has no model for {asset.symbol} {timeframe}")
        if asset.market not in self._markets:
            raise PermanentModelError(f"the models of {asset.market} are not loaded here")
        if model.expires_at is not None and model.expired(now):
            raise PermanentModelError(
                f"model {model.id} of revision {self.revision} expired {utc_text(model.expires_at)}: "
                "train and promote a newer one"
            )
        if lacking := model.inputs.lacking():
            raise PermanentModelError(
                f"model {model.id} of revision {self.revision} needs what this deployment lacks: {lacking}; "
                "add it to growfolio/indicators, or train a model without it"
            )
        return model

    def _run(self, model_id: str, views: Views) -> Answers:
        model = self._manifest.models[model_id]
        graph = self._graph(model)
        if isinstance(graph, ModelError):
            return [graph] * len(views)
        try:
            probabilities = graph.run(views)
        except ModelError as reason:
            return [reason] * len(views)
        return [self._judged(row, model) for row in probabilities]

    def _graph(self, model: Model) -> "_Graph | ModelError":
        model_id = model.id
        if model_id not in self._graphs:
            try:
                self._graphs[model_id] = _open(model_id, self._unopened.pop(model_id), model.inputs.names)
            except ModelError as reason:
                self._graphs[model_id] = reason
        return self._graphs[model_id]

    def _judged(self, probabilities: npt.NDArray[np.float64], model: Model) -> Forecast | ModelError:
        if not np.isfinite(probabilities).all():
            return PermanentModelError(f"model {model.id} gave a probability that is not a number")
        if (probabilities < 0).any() or abs(probabilities.sum() - 1) > SUM_TOLERANCE:
            return PermanentModelError(f"model {model.id} gave probabilities that do not sum to 1")
        return Forecast(
            probabilities, model.id, self.revision, model.label, model.trained_from, model.trained_until
        )


@dataclass(frozen=True, slots=True)
class FallBack:
    """What `first` cannot answer, `then` may, and says why. Where neither can, both reasons are given."""

    first: Forecaster
    then: Forecaster

    @property
    def revision(self) -> str:
        return self.first.revision

    @property
    def inputs(self) -> Inputs:
        return self.first.inputs | self.then.inputs

    def forecast(self, requests: Requests, views: Views, now: int) -> Answers:
        answers = self.first.forecast(requests, views, now)
        open_rows = [row for row, answer in enumerate(answers) if isinstance(answer, ModelError)]
        if open_rows:
            others = self.then.forecast([requests[row] for row in open_rows], views.at(open_rows), now)
            for row, other in zip(open_rows, others, strict=True):
                why = str(answers[row])
                if isinstance(other, ModelError):
                    answers[row] = PermanentModelError(f"{why}; {other}")
                else:
                    answers[row] = _by_other_models(other, why)
        return answers


@dataclass(frozen=True, slots=True)
class InPlaceOf:
    """Models that serve in place of the promoted ones: each of their answers says why."""

    models: Forecaster
    why: str

    @property
    def revision(self) -> str:
        return self.models.revision

    @property
    def inputs(self) -> Inputs:
        return self.models.inputs

    def forecast(self, requests: Requests, views: Views, now: int) -> Answers:
        answers = self.models.forecast(requests, views, now)
        return [
            answer if isinstance(answer, ModelError) else _by_other_models(answer, self.why)
            for answer in answers
        ]


def _by_other_models(forecast: Forecast, why: str) -> Forecast:
    return replace(forecast, caveats=(*forecast.caveats, f"{OTHER_MODELS}: {why}"))


@dataclass(frozen=True, slots=True)
class NoModels:
    """Answers nothing, and says why."""

    reason: str
    revision: str = "none"
    inputs: Inputs = field(default_factory=Inputs)

    def forecast(self, requests: Requests, views: Views, now: int) -> Answers:
        del views, now
        return [PermanentModelError(self.reason) for _ in requests]


def check_views(requests: Requests, views: Views) -> None:
    """Raises ValueError unless there is one view for each request."""
    if len(views) != len(requests):
        raise ValueError(f"there are {len(views)} views for {len(requests)} requests")


@dataclass(frozen=True, slots=True)
class _Graph:
    """An open ONNX graph: (batch, WINDOW, sequence) and, where it has one, context (batch, width) float32 to
    (batch, 3) probabilities.
    """

    model_id: str
    session: "onnxruntime.InferenceSession"
    window_input: str
    inputs: Inputs

    def _run_for(self, seconds: float, windows: Windows, context: ContextArray) -> Any:
        """What the graph gives. Raises PermanentModelError where it takes longer."""
        import onnxruntime

        given = {self.window_input: windows} | ({CONTEXT: context} if self.inputs.context else {})
        options = onnxruntime.RunOptions()
        timer = Timer(seconds, setattr, (options, "terminate", True))
        timer.daemon = True
        timer.start()
        try:
            return self.session.run(None, given, options)
        except Exception:
            if options.terminate:
                raise PermanentModelError(f"it did not end within {seconds:g} s") from None
            raise
        finally:
            timer.cancel()

    def run(self, views: Views) -> npt.NDArray[np.float64]:
        """Raises PermanentModelError for whatever a graph that is not ours may do."""
        try:
            windows, context = views.of(self.inputs)
            (output,) = self._run_for(RUN_SECONDS, windows, context)
        except Exception as fault:  # its errors share no other base
            raise PermanentModelError(f"model {self.model_id} failed: {_first_line(fault)}") from fault
        if output.shape != (len(views), len(CLASSES)):
            raise PermanentModelError(f"model {self.model_id} answered with shape {output.shape}")
        return np.asarray(output, dtype=np.float64)


def _open(model_id: str, content: bytes, names: Inputs) -> _Graph:
    # Read when the library is imported; it sends usage data unless told not to.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # Models of this size run slower on more threads, and a function has about one core.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as fault:  # its errors share no other base
        raise PermanentModelError(f"model {model_id} cannot be opened: {_first_line(fault)}") from fault
    inputs, outputs = session.get_inputs(), session.get_outputs()
    taken = [_signature(node) for node in inputs]
    expected: list[tuple[Any, ...]] = [("tensor(float)", None, WINDOW, len(names.sequence))]
    if names.context:
        expected.append(("tensor(float)", None, context_width(names.context)))
    if len(outputs) != 1 or taken != expected:
        raise PermanentModelError(
            f"model {model_id} takes {taken} and gives {len(outputs)} outputs; its inputs are {expected}"
        )
    if [node.name for node in inputs[1:]] not in ([], [CONTEXT]):
        raise PermanentModelError(f"model {model_id}: its second input must be named {CONTEXT}")
    return _Graph(model_id, session, inputs[0].name, names)


def _signature(node: Any) -> tuple[Any, ...]:
    """Element type and shape; None for a dimension that may vary."""
    return node.type, *(size if isinstance(size, int) else None for size in node.shape)


def _first_line(fault: Exception) -> str:
    return (str(fault) or type(fault).__name__).splitlines()[0]
