"""What an input must hold before a model may see it, tried on made-up scenes or on real ones.

No later bar changes an earlier value; the declared warm-up suffices; prices times ten change nothing, unless
the input is declared otherwise; it is finite on all candles; an asset has the same values alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from growfolio.domain.bars import PRICES, BoolArray, Candles, CloseTimes, FloatArray
from growfolio.domain.forecast import Inputs
from growfolio.domain.indicators import indicators
from growfolio.domain.times import utc_minute
from growfolio.errors import UnsoundInput
from growfolio.indicators.registry import (
    OWN,
    ContextInput,
    Indicator,
    all_context_inputs,
    all_indicators,
    broken_modules,
)
from growfolio.indicators.scene import Scene
from growfolio.indicators.trials import hard_scenes, ordinary_scenes

FORGOTTEN: Final = 1e-3
"""What may be left of bars before the warm-up, as a share of the input's own standard deviation."""
ROUNDING: Final = 1e-7
"""What arithmetic on other prices may leave, as a share of the standard deviation or of the value."""
MOMENTS: Final = 4
"""Bars of a scene at which the past is cut off, or the future changed."""


def prove(inputs: Inputs) -> None:
    """Try these inputs on made-up scenes; a second or less for all there are.

    Raises UnsoundInput, which names the input, the bar and what to do, or the file that cannot be imported;
    KeyError for an unknown name.
    """
    for name, why in broken_modules().items():
        raise UnsoundInput(f"growfolio/indicators/{name}.py cannot be imported: {why}")
    for name in inputs.sequence:
        prove_one(all_indicators()[name])
    for name in inputs.context:
        prove_one(all_context_inputs()[name])


def newcomers(inputs: Inputs) -> Inputs:
    """Those of these inputs that modules other than the product's own register."""
    indicators, contexts = all_indicators(), all_context_inputs()
    return Inputs(
        tuple(name for name in inputs.sequence if not _is_own(indicators[name].compute)),
        tuple(name for name in inputs.context if not _is_own(contexts[name].compute)),
    )


def _is_own(compute: Callable[..., FloatArray]) -> bool:
    return compute.__module__.rpartition(".")[2] in OWN


def prove_one(one: Indicator | ContextInput) -> None:
    """Raises UnsoundInput where the input fails on a made-up scene."""
    for scene in ordinary_scenes():
        prove_on(one, scene)
    for scene in hard_scenes():
        _Trial(one, scene).values()


def prove_on(one: Indicator | ContextInput, scene: Scene) -> None:
    """Raises UnsoundInput where the input fails on these candles, which must be ordinary ones.

    Ordinary: no asset stands still for as many bars as the input declares.
    """
    trial = _Trial(one, scene)
    values = trial.values()
    trial.looks_back_only(values)
    trial.forgets(values)
    trial.takes_assets_one_by_one(values)
    if getattr(one, "scale_free", True):
        trial.has_no_units(values)


@dataclass(frozen=True, slots=True)
class _Trial:
    """One input on one scene."""

    one: Indicator | ContextInput
    scene: Scene

    def values(self, scene: Scene | None = None) -> FloatArray:
        """(assets, bars, width). Raises UnsoundInput where they have another shape or are not finite."""
        given = scene or self.scene
        try:
            found = _compute(self.one)(given)
        except Exception as fault:
            raise self._fault(f"fails: {type(fault).__name__}: {fault}") from fault
        width = self.one.width if isinstance(self.one, ContextInput) else 1
        expected = (*given.candles.close.shape, width)
        if found.shape != expected:
            raise self._fault(f"gives an array {found.shape} where {expected} is needed")
        self._at_first(~np.isfinite(found), "is not finite", given)
        return found

    def looks_back_only(self, values: FloatArray) -> None:
        """Changes and cuts off the future after some bars: what was before it must stay."""
        for known in self._moments(1):
            changed = self.values(_with_other_future(self.scene, known))[:, :known]
            self._at_first(changed != values[:, :known], "changes when later bars do: it looks ahead")
            ended = self.values(_cut(self.scene, slice(0, known)))
            self._at_first(
                _apart(ended, values[:, :known], values, ROUNDING),
                "is another where no later bars are known: it looks ahead",
            )

    def forgets(self, values: FloatArray) -> None:
        """Cuts off the past before the declared warm-up."""
        bars = self.one.bars
        for end in self._moments(bars):
            recent = self.values(_cut(self.scene, slice(end - bars, end)))[:, -1:]
            differs = np.zeros(values.shape, dtype=np.bool_)
            differs[:, end - 1 : end] = _apart(recent, values[:, end - 1 : end], values, FORGOTTEN)
            self._at_first(differs, f"depends on bars before the {bars} that it declares: declare more")

    def takes_assets_one_by_one(self, values: FloatArray) -> None:
        for row in range(len(values)):
            alone = self.values(_row(self.scene, row))
            differs = np.zeros(values.shape, dtype=np.bool_)
            differs[row] = _apart(alone, values[row : row + 1], values, ROUNDING)[0]
            self._at_first(differs, "depends on the other assets: only the market's moves may be seen")

    def has_no_units(self, values: FloatArray) -> None:
        candles = self.scene.candles
        tenfold = replace(candles, **{name: getattr(candles, name) * 10 for name in PRICES[:4]})
        self._at_first(
            _apart(self.values(replace(self.scene, candles=tenfold)), values, values, ROUNDING),
            "changes when all prices are ten times as high: make it a ratio",
        )

    def _moments(self, least: int) -> list[int]:
        """Counts of bars, at least so many, that a history of this scene may end after."""
        bars = self.scene.candles.close.shape[1]
        return sorted(set(np.linspace(least, bars - 1, MOMENTS, dtype=int).tolist())) if bars > least else []

    def _at_first(self, wrong: BoolArray, what: str, scene: Scene | None = None) -> None:
        """Raises UnsoundInput naming the first bar (assets, bars, width) where something is wrong."""
        if not wrong.any():
            return
        candles = (scene or self.scene).candles
        bar = int(np.flatnonzero(wrong.any(axis=(0, 2)))[0])
        row = int(np.flatnonzero(wrong[:, bar].any(axis=1))[0])
        moment = utc_minute(int(candles.times[row, bar]))
        raise self._fault(f"at bar {bar} ({candles.assets[row].symbol}, {moment}) {what}")

    def _fault(self, problem: str) -> UnsoundInput:
        kind = "indicator" if isinstance(self.one, Indicator) else "context input"
        return UnsoundInput(f"{kind} {self.one.name} {problem}")


def _compute(one: Indicator | ContextInput) -> Callable[[Scene], FloatArray]:
    if isinstance(one, ContextInput):
        return lambda scene: np.asarray(one.compute(scene))
    return lambda scene: np.asarray(one.compute(scene.candles, indicators(scene.candles)))[..., None]


def _apart(some: FloatArray, others: FloatArray, of: FloatArray, share: float) -> BoolArray:
    """Where two differ by more than a share of the input's own deviation, or of the value."""
    allowed = share * of.std(axis=(0, 1)) + ROUNDING * np.abs(others) + 1e-12
    return np.asarray(np.abs(some - others) > allowed)


def _with_other_future(scene: Scene, known: int) -> Scene:
    """The scene with prices, volumes and moves changed after the first known bars."""
    later = np.arange(scene.candles.close.shape[1]) >= known
    factor = np.where(later, 1 + 0.02 * np.sin(np.arange(len(later))), 1.0)
    prices = {name: getattr(scene.candles, name) * factor for name in PRICES[:4]}
    candles = replace(scene.candles, **prices, volume=scene.candles.volume * np.where(later, 3.0, 1.0))
    moved = np.where(later, 0.01, 0.0)
    return replace(
        scene,
        candles=candles,
        market_move=scene.market_move + moved,
        leader_move=scene.leader_move - moved,
    )


def _cut(scene: Scene, bars: slice) -> Scene:
    return _picked(scene, slice(None), bars)


def _row(scene: Scene, row: int) -> Scene:
    return _picked(scene, slice(row, row + 1), slice(None))


def _picked(scene: Scene, rows: slice, bars: slice) -> Scene:
    candles = scene.candles
    columns = {name: getattr(candles, name)[rows, bars] for name in (*PRICES, "filled")}
    fewer = Candles(candles.assets[rows], candles.timeframe, CloseTimes(candles.times[rows, bars]), **columns)
    around = ("session_open", "session_close", "market_move", "leader_move")
    return Scene(fewer, scene.market, *(getattr(scene, name)[rows, bars] for name in around))


def all_inputs() -> Inputs:
    """Every registered input."""
    return Inputs(tuple(all_indicators()), tuple(all_context_inputs()))
