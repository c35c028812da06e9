"""What may be asked of training, checked before a machine is paid for."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from growfolio.domain.assets import ASSETS, Timeframe, find_asset
from growfolio.errors import BadTrainingRequest, UnknownAsset
from growfolio.training_jobs.networks import DEFAULT_NETWORK, Network

ACTIVE = "active"
"""In place of a commit hash: the revision that is being served."""
_EXAMPLE = '{"symbols": ["AAPL", "BTC"], "timeframes": ["5m", "15m"], "network": "ensemble", "publish": true}'

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """One training run; what is left out of a request means all of them, the default network, and no."""

    symbols: tuple[str, ...] = tuple(asset.symbol for asset in ASSETS)
    timeframes: tuple[Timeframe, ...] = tuple(Timeframe)
    network: str = DEFAULT_NETWORK
    publish: bool = False
    """Whether models that pass the gate become one commit of the model repository."""
    promote: bool = False
    """Whether that commit is served from then on."""
    warm_start: str = ""
    """The revision to fine-tune instead of starting anew: a commit hash, or `active`."""

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "TrainingRequest":
        """Raises BadTrainingRequest for anything unknown or misspelt: ignored, it would cost a wrong run."""
        unknown = sorted(set(event) - set(cls.__slots__))
        if unknown:
            raise BadTrainingRequest(f"cannot read {', '.join(unknown)}: send e.g. {_EXAMPLE}")
        request = cls(
            symbols=_several(event, "symbols", cls().symbols, _symbol),
            timeframes=_several(event, "timeframes", cls().timeframes, _timeframe),
            network=event.get("network", DEFAULT_NETWORK),
            publish=_flag(event, "publish"),
            promote=_flag(event, "promote"),
            warm_start=event.get("warm_start", ""),
        )
        if request.network not in list(Network):
            raise BadTrainingRequest(f"no network {request.network!r}: choose {', '.join(Network)}")
        if not re.fullmatch(rf"({ACTIVE}|[0-9a-f]{{40}})?", str(request.warm_start)):
            raise BadTrainingRequest(f"warm_start is a commit hash or {ACTIVE!r}, not {request.warm_start!r}")
        if request.promote and not request.publish:
            raise BadTrainingRequest("only what is published can be promoted: send publish too")
        return request

    def arguments(self) -> list[str]:
        """What the job's container is started with."""
        arguments = ["job", "--symbols", *self.symbols, "--timeframes", *self.timeframes]
        arguments += ["--network", self.network]
        arguments += [f"--{name}" for name in ("publish", "promote") if getattr(self, name)]
        return arguments + (["--warm-start", self.warm_start] if self.warm_start else [])


def _several(
    event: Mapping[str, Any], name: str, default: tuple[T, ...], read: Callable[[Any], T]
) -> tuple[T, ...]:
    given = event.get(name, list(default))
    if not isinstance(given, list) or not given:
        raise BadTrainingRequest(f"{name} is a list, or left out for all: send e.g. {_EXAMPLE}")
    return tuple(dict.fromkeys(read(one) for one in given))


def _symbol(given: Any) -> str:
    try:
        return find_asset(str(given)).symbol
    except UnknownAsset as unknown:
        raise BadTrainingRequest(str(unknown)) from None


def _timeframe(given: Any) -> Timeframe:
    try:
        return Timeframe(given)
    except ValueError:
        raise BadTrainingRequest(f"no timeframe {given!r}: choose {', '.join(Timeframe)}") from None


def _flag(event: Mapping[str, Any], name: str) -> bool:
    given = event.get(name, False)
    if not isinstance(given, bool):
        raise BadTrainingRequest(f"{name} is true or false, not {given!r}")
    return given
