"""Features and forecasts of 24 assets on two timeframes: the product against the plain way.

Both have the same bars and the same 48 models, one thread, and must answer alike before a clock is
started. Their repetitions alternate, so that whatever else the machine does meets both. Ends with 1
where the product takes more than BAR of the plain way's time.
"""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from growfolio.domain.assets import ASSETS, Market, Timeframe, assets_of
from growfolio.domain.bars import Candles
from growfolio.domain.features import BARS_NEEDED, FeatureArray, windows
from growfolio.domain.forecast import Forecast
from growfolio.domain.indicators import indicators
from growfolio.errors import ModelError
from growfolio.indicators.standard import features
from growfolio.indicators.views import views_of
from growfolio.models.onnx_forecaster import OnnxForecaster
from growfolio.models.repository import FolderRepository

from tests.benchmarks.models import CREATED, Key, write_models
from tests.benchmarks.reference import frame_of, plain_probabilities, plain_windows
from tests.synthetic import synthetic_candles
from tests.views import sixteen
from training.networks.architectures import SignalModel

BAR = 1 / 8
REPETITIONS = 21
GROUPS = [(market, timeframe) for timeframe in Timeframe for market in Market]
"""What is refreshed together."""
KEYS: list[Key] = [(asset, timeframe) for market, timeframe in GROUPS for asset in assets_of(market)]


@dataclass(frozen=True)
class Way:
    """One way from bars to probabilities (48, 3) in the order of KEYS, in two steps."""

    name: str
    see: Callable[[], list[FeatureArray]]
    answer: Callable[[list[FeatureArray]], np.ndarray]

    def timed(self) -> tuple[float, float]:
        """Milliseconds of both steps."""
        start = time.perf_counter()
        seen = self.see()
        middle = time.perf_counter()
        self.answer(seen)
        return 1000 * (middle - start), 1000 * (time.perf_counter() - middle)


def product(candles: list[Candles], forecaster: OnnxForecaster) -> Way:
    def see() -> list[FeatureArray]:
        return [
            views_of(
                group, range(len(group.assets)), _last_bars(group), forecaster.inputs, indicators(group)
            ).windows
            for group in candles
        ]

    def answer(seen: list[FeatureArray]) -> np.ndarray:
        answers: list[Forecast | ModelError] = []
        for group, batch in zip(candles, seen, strict=True):
            requests = [(asset, group.timeframe) for asset in group.assets]
            answers += forecaster.forecast(requests, sixteen(batch), CREATED)
        given = [forecast.probabilities for forecast in answers if isinstance(forecast, Forecast)]
        assert len(given) == len(answers), answers
        return np.stack(given)

    return Way("product", see, answer)


def plain(candles: list[Candles], models: dict[Key, SignalModel]) -> Way:
    frames = [frame_of(group, row) for group in candles for row in range(len(group.assets))]
    in_order = [models[key] for key in KEYS]
    return Way(
        "ta and torch",
        see=lambda: plain_windows(frames),
        answer=lambda seen: plain_probabilities(in_order, seen),
    )


def assert_equal_outputs(plain_way: Way, product_way: Way) -> float:
    """The largest difference of a probability. Raises AssertionError where the two ways differ."""
    seen, expected = product_way.see(), plain_way.see()
    np.testing.assert_allclose(np.concatenate(seen), np.stack(expected), rtol=1e-6, atol=1e-7)
    answers, reference = product_way.answer(seen), plain_way.answer(expected)
    np.testing.assert_allclose(answers, reference, rtol=0, atol=1e-5)
    different = len(np.unique(reference.round(5), axis=0))
    assert different == len(KEYS), f"{len(KEYS)} models gave only {different} different answers"
    return float(np.abs(answers - reference).max())


def main() -> int:
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        sys.exit("one thread each: run this with `make bench`")
    torch.set_num_threads(1)
    candles = [
        synthetic_candles(assets_of(market), BARS_NEEDED[timeframe], timeframe=timeframe, seed=seed)
        for seed, (market, timeframe) in enumerate(GROUPS)
    ]
    with TemporaryDirectory() as folder:
        models = write_models(Path(folder), _windows_by_timeframe(candles))
        loaded = FolderRepository(Path(folder)).fetch("benchmark", list(Market))
        ways = plain(candles, models), product(candles, OnnxForecaster(loaded))
        difference = assert_equal_outputs(*ways)
        timings = [[way.timed() for way in ways] for _ in range(REPETITIONS)]
    print(
        f"forecasts of {len(ASSETS)} assets on {len(Timeframe)} timeframes, {len(models)} models, "
        f"one thread; outputs equal to {difference:.0e}"
    )
    return report([way.name for way in ways], np.array(timings))


def report(names: list[str], timings: np.ndarray) -> int:
    """Print the medians of timings (repetitions, 2 ways, 2 steps); 1 where the bar is missed, else 0."""
    print(f"{f'median ms of {len(timings)}':20}{'features':>10}{'models':>10}{'both':>10}")
    steps, both = np.median(timings, axis=0), np.median(timings.sum(axis=2), axis=0)
    for name, (see, answer), total in zip(names, steps, both, strict=True):
        print(f"{name:20}{see:10.1f}{answer:10.1f}{total:10.1f}")
    share = both[1] / both[0]
    verdict = "PASS" if share <= BAR else "FAIL"
    print(f"{verdict}: the product takes 1/{1 / share:.1f} of the time; it may take 1/{1 / BAR:.0f}")
    return 0 if share <= BAR else 1


def _windows_by_timeframe(candles: list[Candles]) -> dict[Timeframe, FeatureArray]:
    by_timeframe: dict[Timeframe, FeatureArray] = {}
    for timeframe in Timeframe:
        groups = [group for group in candles if group.timeframe is timeframe]
        by_timeframe[timeframe] = np.concatenate(
            [windows(features(group), range(len(group.assets)), _last_bars(group)) for group in groups]
        )
    return by_timeframe


def _last_bars(group: Candles) -> list[int]:
    return [len(group.close_time) - 1] * len(group.assets)


if __name__ == "__main__":
    raise SystemExit(main())
