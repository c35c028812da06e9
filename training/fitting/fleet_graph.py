"""A step of the fleet as one CUDA graph: thousands of small kernels, launched at once."""

from collections.abc import Callable

import torch
from torch import Tensor

from training.fitting.fleet_step import Fleet, step

Step = Callable[[Fleet, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
WARM_UPS = 3
WIDTHS = 8
"""A graph has a fixed number of models: rounded up to a multiple of this, so that few are captured. The
models beyond those asked for stand still."""


class CapturedSteps:
    """Does what step does, from graphs that are captured when a number of models first comes up.

    What a graph reads and writes stays where it was when the graph was captured: begin anew when the fleet's
    arrays are others, as after Fleet.keep.
    """

    def __init__(self) -> None:
        self._graphs: dict[int, _Graph] = {}

    def __call__(self, fleet: Fleet, ends: Tensor, rates: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
        asked = len(ends)
        width = min(-(-asked // WIDTHS) * WIDTHS, len(fleet.weights))
        if width not in self._graphs:
            self._graphs[width] = _Graph(fleet, width, ends.shape[1])
        losses, known = self._graphs[width].replay(ends, rates, going)
        return losses[:asked], known[:asked]


class _Graph:
    def __init__(self, fleet: Fleet, width: int, batch: int) -> None:
        device = fleet.device
        self._ends = torch.full((width, batch), -1, dtype=torch.int64, device=device)
        self._rates, self._going = (torch.zeros(width, 1, device=device) for _ in range(2))
        # With no model going these change no weight, and leave the libraries' workspaces allocated.
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                step(fleet, self._ends, self._rates, self._going)
        torch.cuda.current_stream(device).wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._out = step(fleet, self._ends, self._rates, self._going)

    def replay(self, ends: Tensor, rates: Tensor, going: Tensor) -> tuple[Tensor, Tensor]:
        asked = len(ends)
        self._ends[:asked].copy_(ends)
        self._rates[:asked].copy_(rates)
        self._going.zero_()
        self._going[:asked].copy_(going)
        self._graph.replay()
        losses, known = self._out
        return losses.clone(), known.clone()


def steps_on(device: torch.device) -> Step:
    """The fastest way to take steps on a device."""
    return CapturedSteps() if device.type == "cuda" else step
