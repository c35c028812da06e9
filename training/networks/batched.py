"""The networks of many models at once: every weight and state has the model as its leading axis.

Each network of architectures.py is written here a second time, and fitted in this form: FLEET_NETWORKS holds
them by name. Weights are named as in the state_dict of the network that is published, so that a model can be
put into a fleet and taken out again by name.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from growfolio.training_jobs.networks import Network
from torch import Tensor
from torch.nn.functional import layer_norm

from training.networks.architectures import attend, beside

Weights = Mapping[str, Tensor]
Drop = Callable[[Tensor], Tensor]
"""Dropout of (models, ...), each model's from its own random numbers."""
FleetNetwork = Callable[[Weights, Tensor, Tensor | None, int, Drop, bool], Tensor]
"""Normalised windows (models, bars, batch, features) to logits at the last bars (models, answered, batch, 3).

The third is the normalised context of these bars (models, answered, batch, context), None where the models
take none; the fourth their number, answered. The last says whether large products may be taken in bfloat16;
states, gates and sums stay float32.
"""


def product(left: Tensor, right: Tensor, half: bool) -> Tensor:
    """Batched matrix product in float32, or of bfloat16 factors with a float32 result."""
    if not half:
        return torch.bmm(left, right)
    return torch.bmm(left.bfloat16(), right.bfloat16()).float()


def dense(weights: Weights, name: str, inputs: Tensor, half: bool) -> Tensor:
    """nn.Linear of each model: (models, ..., in) to (models, ..., out)."""
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    flat = product(inputs.flatten(1, -2), weight.transpose(1, 2), half) + bias[:, None]
    return flat.view(*inputs.shape[:-1], -1)


class LstmLayer(torch.autograd.Function):
    """One LSTM layer of all models (Hochreiter and Schmidhuber, 1997), with its gradient written out.

    Takes inputs (models, bars, batch, in), nn.LSTM's weights with a leading axis, and half; gives the states
    (models, bars, batch, hidden). A step forward is one batched product and one pass over the gates. Autograd
    would keep each step's intermediate results, and add up the weights' gradients once a bar instead of once.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, w_in: Tensor, w_state: Tensor, b_in: Tensor, b_state: Tensor, half: bool
    ) -> Tensor:
        models, bars, batch, _ = inputs.shape
        hidden = w_state.shape[2]
        gates = product(inputs.flatten(1, 2), w_in.transpose(1, 2), half).view(models, bars, batch, -1)
        gates += (b_in + b_state)[:, None, None]
        states = inputs.new_empty(models, bars, batch, hidden)
        cells = inputs.new_empty(bars, models, batch, hidden)
        tanhs = torch.empty_like(cells)
        back = w_state.transpose(1, 2)
        for bar in range(bars):
            step = gates[:, bar]
            if bar:
                step.baddbmm_(states[:, bar - 1], back)
            into, forget, new, out = _activate(step, hidden)
            torch.mul(into, new, out=cells[bar])
            if bar:
                cells[bar].addcmul_(forget, cells[bar - 1])
            torch.tanh(cells[bar], out=tanhs[bar])
            states[:, bar] = out * tanhs[bar]
        ctx.save_for_backward(inputs, w_in, w_state, gates, cells, tanhs, states)
        ctx.half = half
        return states

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        inputs, w_in, w_state, gates, cells, tanhs, states = ctx.saved_tensors
        (grad,) = outer
        _, bars, _, hidden = states.shape
        slopes = torch.empty_like(gates)
        d_state, d_cell = torch.zeros_like(cells[0]), torch.zeros_like(cells[0])
        for bar in reversed(range(bars)):
            into, forget, new, out = torch.split(gates[:, bar], hidden, dim=2)
            d_into, d_forget, d_new, d_out = torch.split(slopes[:, bar], hidden, dim=2)
            d_state = d_state + grad[:, bar]
            d_cell.add_(torch.ops.aten.tanh_backward(d_state * out, tanhs[bar]))
            torch.mul(d_state, tanhs[bar], out=d_out)
            torch.mul(d_cell, new, out=d_into)
            torch.mul(d_cell, into, out=d_new)
            if bar:
                torch.mul(d_cell, cells[bar - 1], out=d_forget)
            else:
                d_forget.zero_()
            d_cell.mul_(forget)
            step, past = slopes[:, bar], gates[:, bar]
            _through_sigmoid(step[..., : 2 * hidden], past[..., : 2 * hidden])
            _through_tanh(step[..., 2 * hidden : 3 * hidden], past[..., 2 * hidden : 3 * hidden])
            _through_sigmoid(step[..., 3 * hidden :], past[..., 3 * hidden :])
            if bar:
                d_state = torch.bmm(step, w_state)
        flat = slopes.flatten(1, 2)
        d_inputs = product(flat, w_in, ctx.half).view_as(inputs) if ctx.needs_input_grad[0] else None
        d_in = product(flat.transpose(1, 2), inputs.flatten(1, 2), ctx.half)
        later, earlier = slopes[:, 1:].flatten(1, 2), states[:, :-1].flatten(1, 2)
        d_back = product(later.transpose(1, 2), earlier, ctx.half)
        d_bias = flat.sum(dim=1)
        return d_inputs, d_in, d_back, d_bias, d_bias, None


def _activate(step: Tensor, hidden: int) -> tuple[Tensor, ...]:
    """nn.LSTM's order: input gate, forget gate, new values, output gate; activated in place."""
    step[..., : 2 * hidden].sigmoid_()
    step[..., 2 * hidden : 3 * hidden].tanh_()
    step[..., 3 * hidden :].sigmoid_()
    return torch.split(step, hidden, dim=2)


def _through_sigmoid(grad: Tensor, output: Tensor) -> None:
    torch.ops.aten.sigmoid_backward.grad_input(grad, output, grad_input=grad)


def _through_tanh(grad: Tensor, output: Tensor) -> None:
    torch.ops.aten.tanh_backward.grad_input(grad, output, grad_input=grad)


def _lstm_layer(weights: Weights, layer: int, inputs: Tensor, half: bool) -> Tensor:
    """Batched on a GPU. On a processor oneDNN's kernel of a whole layer is faster, model after model."""
    if inputs.device.type != "cpu":
        return _batched_lstm_layer(weights, layer, inputs, half)
    own = zip(inputs.unbind(), *(weight.unbind() for weight in _recurrent(weights, layer)), strict=True)
    states = []
    for bars, *parameters in own:
        zeros = bars.new_zeros(1, bars.shape[1], parameters[1].shape[1])
        states.append(torch.lstm(bars, (zeros, zeros), parameters, True, 1, 0.0, True, False, False)[0])
    return torch.stack(states) if len(states) > 1 else states[0][None]


def _batched_lstm_layer(weights: Weights, layer: int, inputs: Tensor, half: bool) -> Tensor:
    states: Tensor = LstmLayer.apply(inputs, *_recurrent(weights, layer), half)  # type: ignore[no-untyped-call]
    return states


def _gru_layer(weights: Weights, layer: int, inputs: Tensor, half: bool) -> Tensor:
    """One GRU layer of all models (Cho et al., 2014), in nn.GRU's order: reset, update, new."""
    w_in, w_state, b_in, b_state = _recurrent(weights, layer)
    models, bars, batch, _ = inputs.shape
    hidden = w_state.shape[2]
    seen = product(inputs.flatten(1, 2), w_in.transpose(1, 2), half) + b_in[:, None]
    steps = seen.view(models, bars, batch, -1).unbind(1)
    back, bias = w_state.transpose(1, 2), b_state[:, None]
    state = inputs.new_zeros(models, batch, hidden)
    states = []
    for step in steps:
        kept = torch.baddbmm(bias, state, back)
        gates = torch.sigmoid(step[..., : 2 * hidden] + kept[..., : 2 * hidden])
        reset, update = torch.split(gates, hidden, dim=2)
        new = torch.tanh(torch.addcmul(step[..., 2 * hidden :], reset, kept[..., 2 * hidden :]))
        state = torch.lerp(new, state, update)
        states.append(state)
    return torch.stack(states, dim=1)


def _recurrent(weights: Weights, layer: int) -> tuple[Tensor, ...]:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return tuple(weights[f"recurrent.{name}_l{layer}"] for name in names)


def _stacked(layer: Callable[[Weights, int, Tensor, bool], Tensor]) -> FleetNetwork:
    def network(
        weights: Weights, windows: Tensor, context: Tensor | None, answered: int, drop: Drop, half: bool
    ) -> Tensor:
        states = layer(weights, 1, drop(layer(weights, 0, windows, half)), half)
        last = beside(drop(states[:, -answered:]), context)
        return dense(weights, "head", torch.relu(dense(weights, "dense", last, half)), half)

    return network


def _transformer(
    weights: Weights, windows: Tensor, context: Tensor | None, answered: int, drop: Drop, half: bool
) -> Tensor:
    bars = dense(weights, "embedding", windows, half) + weights["places"][:, -windows.shape[1] :, None]
    # What the second block makes of earlier bars, nobody asks for.
    for block, last in (("first", 0), ("second", answered)):
        seen = _attended(weights, f"{block}.looked", _norm(weights, f"{block}.before", bars), last, half)
        bars = bars[:, -last:] + drop(dense(weights, f"{block}.joined", seen, half))
        wide = torch.relu(dense(weights, f"{block}.wide", _norm(weights, f"{block}.between", bars), half))
        bars = bars + drop(dense(weights, f"{block}.narrow", wide, half))
    states = beside(_norm(weights, "norm", bars), context)
    if context is not None:
        states = torch.relu(dense(weights, "dense", states, half))
    return dense(weights, "head", states, half)


HEADS = 4


def _attended(weights: Weights, name: str, bars: Tensor, last: int, half: bool) -> Tensor:
    """What the last bars see of bars (models, bars, batch, width): (models, last, batch, width); 0: all."""
    width = bars.shape[-1]
    query, key, value = (
        _heads(_part(weights, name, slice(at * width, (at + 1) * width)), name, states, half)
        for at, states in enumerate((bars[:, -last:], bars, bars))
    )
    return attend(query, key, value).permute(0, 3, 1, 2, 4).flatten(3)


def _part(weights: Weights, name: str, outputs: slice) -> Weights:
    """Some of a dense layer's outputs, as a layer of its own."""
    return {f"{name}.{kind}": weights[f"{name}.{kind}"][:, outputs] for kind in ("weight", "bias")}


def _heads(weights: Weights, name: str, bars: Tensor, half: bool) -> Tensor:
    """A dense layer's outputs (models, batch, heads, bars, channels)."""
    made = dense(weights, name, bars, half)
    return made.view(*made.shape[:-1], HEADS, -1).permute(0, 2, 3, 1, 4)


def _norm(weights: Weights, name: str, bars: Tensor) -> Tensor:
    scale, shift = weights[f"{name}.weight"], weights[f"{name}.bias"]
    return layer_norm(bars, bars.shape[-1:]) * scale[:, None, None] + shift[:, None, None]


BATCHED_LSTM = _stacked(_batched_lstm_layer)
"""What a GPU runs, on any device."""
FLEET_NETWORKS: dict[str, FleetNetwork] = {
    Network.LSTM: _stacked(_lstm_layer),
    Network.GRU: _stacked(_gru_layer),
    Network.TRANSFORMER: _transformer,
}
"""All of architectures.NETWORKS; each answers as its class there does."""
