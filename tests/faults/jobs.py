"""Which faults are tried in which run, and what came of it. In a run several assets meet a fault each."""

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from growfolio.domain.assets import Asset, Market, assets_of
from growfolio.domain.times import BAR

from tests.faults.catalogue import FAULTS
from tests.faults.fault import Fault
from tests.faults.judging import Row, judged, others
from tests.faults.run import SCENES, Key, Scene, Seen, seen_with

SEED = 7
AT_ONCE = {"yahoo": 6, "binance": 4, "binance,kraken": 1}
"""Assets of a source that meet faults in one run: most are well, so that the source is."""
AFTER = 9
"""Bars that a run goes on after the fault: three of 15 minutes."""


@dataclass(frozen=True)
class Job:
    """One run: some faults that begin together, each met by an asset of its own, or one by all."""

    source: str
    faults: tuple[Fault, ...]
    seed: int


def run_nth(number: int) -> list[Row]:
    """In a process of its own, which faults do not travel to."""
    return run(jobs()[number])


def run(job: Job) -> list[Row]:
    logging.disable(logging.WARNING)
    market = Market.STOCKS if job.source == "yahoo" else Market.CRYPTO
    scene = SCENES[market, job.faults[0].scene]
    ill = _ill(market, job)
    met = {asset: fault for fault, assets in ill for asset in assets}
    closes = _closes(scene, job.faults)
    twin = _twin(job.source, job.faults[0].scene)
    seen = seen_with(job.source, scene, met, closes, job.seed)
    rows = [judged(fault, job.source, assets, seen, twin, scene) for fault, assets in ill]
    strays = others(list(met), seen, twin)
    return [replace(rows[0], breaches=rows[0].breaches + strays), *rows[1:]]


@cache
def _twin(source: str, scene: str) -> dict[Key, Seen]:
    market = Market.STOCKS if source == "yahoo" else Market.CRYPTO
    return seen_with(source, SCENES[market, scene], {}, SCENES[market, scene].closes, SEED)


def jobs(seed: int = SEED) -> list[Job]:
    """All runs, in an order that stays."""
    return list(_jobs(seed))


def _jobs(seed: int) -> Iterator[Job]:
    together: defaultdict[tuple[str, str, int], list[Fault]] = defaultdict(list)
    for fault in FAULTS:
        for source in fault.sources:
            together[source, fault.scene, _length(fault) // 10 if not fault.everybody else -1].append(fault)
    for (source, _, _), faults in together.items():
        each = 1 if faults[0].everybody else AT_ONCE[source]
        for first in range(0, len(faults), each):
            seed += 1
            yield Job(source, tuple(faults[first : first + each]), seed)


def _ill(market: Market, job: Job) -> list[tuple[Fault, Sequence[Asset]]]:
    assets = assets_of(market)
    if job.faults[0].everybody:
        return [(job.faults[0], assets)]
    # Every other one, from one that differs from run to run.
    return [(fault, [assets[(job.seed + 2 * nth) % len(assets)]]) for nth, fault in enumerate(job.faults)]


def _length(fault: Fault) -> int:
    return max(fault.own, fault.until or 0)


def _closes(scene: Scene, faults: Sequence[Fault]) -> list[int]:
    """Of a scene in one session, those that the longest of the faults needs."""
    if scene.closes[-1] - scene.closes[0] > 86_400 // 4:
        return list(scene.closes)
    end = scene.start + BAR * (max(_length(fault) for fault in faults) + AFTER)
    return [close for close in scene.closes if close <= end]
