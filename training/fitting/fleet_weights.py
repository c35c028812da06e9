"""Weights, gradients and optimiser of many models: in each array the model is the leading axis."""

from collections.abc import Sequence

import torch
from torch import Tensor

from training.networks.architectures import SignalModel
from training.networks.batched import Weights

BETAS = (0.9, 0.999)
EPSILON = 1e-8
WEIGHT_DECAY = 0.01
CLIPPED_AT = 1.0


class FleetWeights:
    """Models in the order given: values, gradients and moments (models, parameters), steps done (models, 1).

    The update is AdamW's (Loshchilov and Hutter, 2019) after clipping each model's own gradient norm, what
    torch.optim.AdamW and clip_grad_norm_ do to one model.
    """

    def __init__(self, models: Sequence[SignalModel], device: torch.device) -> None:
        named = [dict(model.network.named_parameters()) for model in models]
        self._shapes = {name: parameter.shape for name, parameter in named[0].items()}
        rows = [torch.cat([parameter.detach().flatten() for parameter in one.values()]) for one in named]
        self.values = torch.stack(rows).to(device)
        self.gradients = torch.zeros_like(self.values)
        self.first, self.second = torch.zeros_like(self.values), torch.zeros_like(self.values)
        self.steps = torch.zeros(len(rows), 1, device=device)

    def __len__(self) -> int:
        return len(self.values)

    def views(self, start: int, stop: int) -> Weights:
        """The weights of models start to stop by name, to be differentiated by."""
        named = self._named(self.values[start:stop])
        return {name: weight.requires_grad_() for name, weight in named.items()}

    def differentiate(self, loss: Tensor, weights: Weights, start: int, stop: int) -> None:
        """Set the gradients of models start to stop to those of loss by the weights that views gave."""
        gradients = torch.autograd.grad(loss, list(weights.values()))
        for part, gradient in zip(self._named(self.gradients[start:stop]).values(), gradients, strict=True):
            part.copy_(gradient)

    def _named(self, rows: Tensor) -> dict[str, Tensor]:
        parts = torch.split(rows, [shape.numel() for shape in self._shapes.values()], dim=1)
        named = zip(self._shapes.items(), parts, strict=True)
        # detach would let autograd see that other models, in other threads, change other rows meanwhile.
        return {name: part.view(-1, *shape).data for (name, shape), part in named}

    def update(self, models: slice, rates: Tensor, going: Tensor) -> None:
        """One step of some models, at their own learning rates (models, 1).

        going (models, 1) is 1, or 0 for a model that is to stay as it is.
        """
        gradients, values = self.gradients[models], self.values[models]
        first, second, steps = self.first[models], self.second[models], self.steps[models]
        norms = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        gradients.mul_((CLIPPED_AT / (norms + 1e-6)).clamp_max(1.0))
        steps.add_(going)
        values.mul_(1 - rates * going * WEIGHT_DECAY)
        first.lerp_(gradients, (1 - BETAS[0]) * going)
        second.lerp_(gradients.square(), (1 - BETAS[1]) * going)
        # A model that never took a step would divide by zero, and 0 · nan is nan.
        done = steps.clamp_min(1.0)
        corrected = second.sqrt().div_((1 - BETAS[1] ** done).sqrt()).add_(EPSILON)
        values.sub_(first / corrected * (rates * going / (1 - BETAS[0] ** done)))

    def put_into(self, model: SignalModel, row: Tensor) -> None:
        """Give a model the weights of a row (parameters,)."""
        named = self._named(row[None].cpu())
        for name, parameter in model.network.named_parameters():
            parameter.data.copy_(named[name][0])

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all models but these, which come in this order."""
        picked = torch.tensor(rows, dtype=torch.int64, device=self.values.device)
        for name in ("values", "gradients", "first", "second", "steps"):
            setattr(self, name, getattr(self, name)[picked].contiguous())
