"""The inputs that a model of a manifest names, and whether this deployment has them."""

from dataclasses import dataclass

from growfolio.domain.forecast import Inputs
from growfolio.indicators.registry import NAME, all_context_inputs, all_indicators, broken_modules
from growfolio.indicators.standard import FEATURES, FEATURES_VERSION
from growfolio.models.json_fields import Field

MOST_INPUTS = 256


@dataclass(frozen=True, slots=True)
class InputRef:
    """An indicator or a context input, of the formula that the model was trained on."""

    name: str
    version: int = 1


@dataclass(frozen=True, slots=True)
class ModelInputs:
    """What a model takes: the columns of its windows, and its context, in the graph's order."""

    sequence: tuple[InputRef, ...] = tuple(InputRef(name, FEATURES_VERSION) for name in FEATURES)
    context: tuple[InputRef, ...] = ()

    @property
    def names(self) -> Inputs:
        return Inputs(tuple(ref.name for ref in self.sequence), tuple(ref.name for ref in self.context))

    def lacking(self) -> str:
        """What of it this deployment does not have, in words; empty where it has all."""
        indicators = {one.name: one.version for one in all_indicators().values()}
        contexts = {one.name: one.version for one in all_context_inputs().values()}
        missing = [
            *(_missing("indicator", ref, indicators.get(ref.name)) for ref in self.sequence),
            *(_missing("context input", ref, contexts.get(ref.name)) for ref in self.context),
        ]
        words = ", ".join(words for words in missing if words)
        unread = [f"{name}.py cannot be imported, {why}" for name, why in broken_modules().items()]
        return f"{words} ({'; '.join(unread)})" if words and unread else words

    @classmethod
    def of(cls, inputs: Inputs) -> "ModelInputs":
        """The inputs of these names as they are registered here. Raises KeyError for an unknown name."""
        indicators, contexts = all_indicators(), all_context_inputs()
        return cls(
            tuple(InputRef(name, indicators[name].version) for name in inputs.sequence),
            tuple(InputRef(name, contexts[name].version) for name in inputs.context),
        )


STANDARD_INPUTS = ModelInputs()
"""The sixteen and no context: of models that name no inputs."""


def read_inputs(field: Field) -> ModelInputs:
    """Raises PermanentModelError, naming the field, for what is no list of inputs."""
    sequence, context = _refs(field["sequence"]), _refs(field["context"])
    if not sequence:
        raise field["sequence"].fault("must name at least one indicator")
    return ModelInputs(sequence, context)


def _refs(field: Field) -> tuple[InputRef, ...]:
    elements = field.elements()
    refs = tuple(
        InputRef(
            one["name"].text(NAME, "must be a name of letters, digits and _"),
            one["version"].whole(1, 1_000_000),
        )
        for one in elements[:MOST_INPUTS]
    )
    if len(elements) > MOST_INPUTS or len({ref.name for ref in refs}) < len(refs):
        raise field.fault(f"must name at most {MOST_INPUTS} inputs, each once")
    return refs


def _missing(kind: str, ref: InputRef, here: int | None) -> str:
    if here == ref.version:
        return ""
    instead = "" if here is None else f" (version {here} is here)"
    return f"{kind} {ref.name} version {ref.version}{instead}"
