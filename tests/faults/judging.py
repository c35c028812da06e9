"""Compares what a reader saw with what an undisturbed twin of the same market saw."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from growfolio.domain.assets import Asset, Timeframe
from growfolio.domain.signals import Signal
from growfolio.domain.times import BAR

from tests.faults.fault import Fault
from tests.faults.run import Key, Scene, Seen

EQUAL = 1e-3
"""Probabilities that differ by so little are those of the twin."""
WRONG_PRICE = 2e-3
"""A signal without a caveat, whose price is further from the twin's than this share, is wrong."""


@dataclass(frozen=True)
class Row:
    """A line of the table. Counts of bars are by timeframe, of the asset that fared worst."""

    fault: str
    source: str
    not_ok: Mapping[Timeframe, int]
    at_most: Mapping[Timeframe, int]
    wrong: int
    """Bars that are ok without a caveat, and not what the twin's are."""
    with_caveat: int
    plain_apart: float
    """The largest difference from the twin's probabilities of a bar that is ok without a caveat."""
    mean_apart: float
    """The mean difference of all bars that are ok."""
    healed: int | None
    """5-minute bars after the fault's end until all are ok again; None: not in the time that was tried."""
    breaches: tuple[str, ...]


def judged(
    fault: Fault,
    source: str,
    ill: Sequence[Asset],
    seen: Mapping[Key, Seen],
    twin: Mapping[Key, Seen],
    scene: Scene,
) -> Row:
    """The row of a fault that these assets met."""
    since = {key: one for key, one in seen.items() if key[0] in ill and key[2] > scene.start}
    own = {key for key in since if _holds(fault, key, scene)}
    not_ok = {tf: _worst(ill, tf, [key for key, one in since.items() if not one.ok]) for tf in Timeframe}
    at_most = {tf: _worst(ill, tf, own) + fault.more for tf in Timeframe}
    wrong = [
        key
        for key, one in since.items()
        if one.ok and one.signal and not one.signal.caveats and _is_wrong(fault, key, own, one, twin[key])
    ]
    healed = _healed(fault, since, twin, scene)
    silent = [key for key in own if fault.never_plain and not since[key].noted]
    late = fault.until is not None and (healed is None or healed > fault.equal_after)
    breaches = (
        *(
            f"not ok: {not_ok[tf]} bars of {tf}, at most {at_most[tf]}"
            for tf in Timeframe
            if not_ok[tf] > at_most[tf]
        ),
        *([f"wrong: {_named(wrong[0])}{_difference(since[wrong[0]], twin[wrong[0]])}"] if wrong else []),
        *([f"nothing noted: {_named(silent[0])}"] if silent else []),
        *([f"no {fault.says!r}"] if fault.says and not _said(fault, own, since) else []),
        *([f"healed after {healed} bars, at most {fault.equal_after}"] if late else []),
        *_first_reasons(since, not_ok, at_most),
    )
    served = [(one.signal, twin[key].signal) for key, one in since.items() if one.ok]
    apart = [(_apart(ours, theirs), ours.caveats) for ours, theirs in served if ours and theirs]
    caveats = sum(bool(said) for _, said in apart)
    plain = max((far for far, said in apart if not said), default=0.0)
    mean = sum(far for far, _ in apart) / len(apart) if apart else 0.0
    return Row(fault.name, source, not_ok, at_most, len(wrong), caveats, plain, mean, healed, breaches)


def others(ill: Sequence[Asset], seen: Mapping[Key, Seen], twin: Mapping[Key, Seen]) -> tuple[str, ...]:
    """What differs from the twin although its asset met no fault."""
    strays = [
        key
        for key, one in seen.items()
        if key[0] not in ill and (one.ok != twin[key].ok or not _is_equal(one, twin[key]))
    ]
    return (f"{len(strays)} bars of other assets differ: {_named(strays[0])}",) if strays else ()


def _said(fault: Fault, own: Collection[Key], since: Mapping[Key, Seen]) -> bool:
    return any(fault.says in "; ".join(since[key].reasons) for key in own)


def _holds(fault: Fault, key: Key, scene: Scene) -> bool:
    """Whether a bar of any length holds one of the fault's own."""
    _, timeframe, close = key
    return close > scene.start and close - timeframe.seconds < scene.start + fault.own * BAR


def _worst(ill: Sequence[Asset], timeframe: Timeframe, keys: Sequence[Key] | set[Key]) -> int:
    return max(sum(key[:2] == (asset, timeframe) for key in keys) for asset in ill)


def _is_wrong(fault: Fault, key: Key, own: set[Key], one: Seen, good: Seen) -> bool:
    if fault.never_plain and key in own:
        return True
    assert one.signal
    return good.signal is None or _apart(one.signal, good.signal) > fault.apart or not _same_price(one, good)


def _is_equal(one: Seen, good: Seen) -> bool:
    if one.signal is None or good.signal is None:
        return one.signal is good.signal
    return _apart(one.signal, good.signal) <= EQUAL and _same_price(one, good)


def _same_price(one: Seen, good: Seen) -> bool:
    assert one.signal
    assert good.signal
    return abs(float(one.signal.price.value / good.signal.price.value) - 1) <= WRONG_PRICE


def _apart(one: Signal, other: Signal) -> float:
    return max(abs(float(a - b)) for a, b in zip(one.probabilities, other.probabilities, strict=True))


def _healed(fault: Fault, since: Mapping[Key, Seen], twin: Mapping[Key, Seen], scene: Scene) -> int | None:
    """From which bar on after the end, counted from 0, all are ok, and the twin's where the past is whole."""
    ends = scene.start + BAR * (fault.own + 1 if fault.until is None else fault.until)
    after = sorted({close for _, _, close in since if close >= ends})
    ill = [
        close
        for (asset, timeframe, close), one in since.items()
        if not one.ok or (fault.until is not None and not _is_equal(one, twin[asset, timeframe, close]))
    ]
    last = max(ill, default=0)
    well = [nth for nth, close in enumerate(after) if close > last]
    return well[0] if well else None


def _first_reasons(
    since: Mapping[Key, Seen], not_ok: Mapping[Timeframe, int], at_most: Mapping[Timeframe, int]
) -> tuple[str, ...]:
    if all(not_ok[tf] <= at_most[tf] for tf in Timeframe):
        return ()
    bad = [(key, one) for key, one in since.items() if not one.ok]
    key, one = bad[-1]
    return (f"the last: {_named(key)}: {'; '.join(one.reasons)}",)


def _difference(one: Seen, good: Seen) -> str:
    if one.signal is None or good.signal is None:
        return ""
    return (
        f" by {_apart(one.signal, good.signal):.4f}, {one.signal.price.value} for {good.signal.price.value}"
    )


def _named(key: Key) -> str:
    asset, timeframe, close = key
    return f"{asset.symbol} {timeframe} {close // 3600 % 24:02d}:{close // 60 % 60:02d}"
