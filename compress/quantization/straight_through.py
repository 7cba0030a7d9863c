"""Fake quantization: a torch model computes in training as its 8-bit deployment will, and learns from it.

What stands here is the arithmetic of ONNX's QuantizeLinear and DequantizeLinear: a value x becomes
(clip(rint(x / scale) + zero_point, 0, 255) - zero_point) * scale, a weight
clip(rint(w / scale), -127, 127) * scale with one scale per output channel.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from xpareto.compress.quantization.qat_codes import LearnedCodes

if TYPE_CHECKING:
    from torch import Tensor

Ranges = Literal["ema", "learned"]
_TOP = 255  # codes of activations: unsigned 8 bits, since x86 multiplies u8 x s8
_SHARED = ("query", "key", "value")  # they read one tensor, so they share its codes
_LEAST_SCALE = 1e-8


def straight_through(value: Tensor, rounded: Tensor) -> Tensor:
    """Return `rounded`, whose gradient is that of `value` (Bengio et al. 2013)."""
    return value + (rounded - value).detach()


def graded(parameter: Tensor, factor: float) -> Tensor:
    """Return the parameter with its gradient times a factor (Esser et al. 2020, appendix A)."""
    return parameter * factor + (parameter * (1 - factor)).detach()


def fake_activation(x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
    """Return x in unsigned 8-bit codes and back; codes start at the value `offset`.

    The zero point is whole and inside the codes, so that 0 stays 0. Gradients: of x straight through
    inside the range and 0 outside; of scale and offset as in LSQ+ (Bhalgat et al. 2020, equations 4
    and 5), which without an offset are LSQ's (Esser et al. 2020, equation 3).
    """
    scale = scale.abs().clamp_min(_LEAST_SCALE)
    zero = (-offset / scale).clamp(0, _TOP)
    zero = straight_through(zero, zero.round())
    codes = (x / scale + zero).clamp(0, _TOP)
    # rint(x / scale) + zero as QuantizeLinear has it, which at ties is not rint(x / scale + zero).
    exact = ((x / scale).round() + zero.round()).clamp(0, _TOP)
    return (straight_through(codes, exact) - zero) * scale


def fake_weight(weight: Tensor, scale: Tensor, top: int) -> Tensor:
    """Return a weight (outputs, inputs) in signed codes of at most `top`, a scale per output, and back.

    Gradients as in LSQ (Esser et al. 2020, equation 3).
    """
    scale = scale.abs().clamp_min(_LEAST_SCALE)[:, None]
    codes = (weight / scale).clamp(-top, top)
    return straight_through(codes, codes.round()) * scale


def channel_scales(weight: Tensor, top: int) -> Tensor:
    """Return the scale of each row of a weight whose greatest magnitude becomes the code `top`."""
    import torch

    scale = weight.detach().abs().amax(dim=1) / top
    return torch.where(scale < torch.finfo(torch.float32).tiny, torch.ones_like(scale), scale)


@dataclass
class _State:
    """What all quantizers of a model share while it runs."""

    observing: bool = False  # values pass as they are, and their ranges are taken
    mask: Any = None  # attention mask of the batch in work: ranges leave padding out
    momentum: float = 0.99
    seen: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


class FakeQuantization:
    """Fake quantizers put into a model in place, until `removed`; made by `fake_quantization`."""

    def __init__(
        self, model: Any, ranges: Ranges, *, weight_bits: int, embeddings: bool, momentum: float
    ) -> None:
        self._model, self._ranges, self._top = model, ranges, 2 ** (weight_bits - 1) - 1
        self._state = _State(momentum=momentum)
        self.products = dict(_products(model))
        self._inputs: dict[str, Any] = {}  # name of what is read -> its quantizer
        self._hooks: list[Any] = []
        self._tables: list[Any] = []
        for name, module in self.products.items():
            key = _read_by(name)
            if key not in self._inputs:
                self._inputs[key] = _input_quantizer(key, ranges, self._state).train(module.training)
            module.input_codes = self._inputs[key]
            if ranges == "learned":
                module.weight_scale = _parameter(_first_steps(module.weight, self._top))
            module.forward = _forward(module, self._top, ranges, self._state)
        body = model.base_model
        self._hooks.append(body.register_forward_pre_hook(self._see_mask, with_kwargs=True))
        if embeddings:
            self._hooks.append(body.embeddings.register_forward_pre_hook(self._hook_table))

    @contextmanager
    def observing(self) -> Iterator[None]:
        """Let values pass, take the ranges of every batch run inside, and start from their means."""
        self._state.observing = True
        try:
            yield
        finally:
            self._state.observing = False
        for name, quantizer in self._inputs.items():
            pairs = self._state.seen.pop(name, [])
            if pairs:
                quantizer.start(*(sum(side) / len(pairs) for side in zip(*pairs, strict=True)))

    def codes(self) -> dict[str, LearnedCodes]:
        """Return the codes of every product by the name of its module."""
        codes_by_module = {}
        for name, module in self.products.items():
            scale, zero = module.input_codes.codes()
            weights = self._scales(module).detach().cpu().numpy().astype(np.float32)
            codes_by_module[name] = LearnedCodes(scale, zero, weights)
        return codes_by_module

    def bake(self) -> None:
        """Round every weight to its codes, for good: what the model computes with quantizers is unchanged."""
        import torch

        with torch.no_grad():
            for module in self.products.values():
                module.weight.copy_(fake_weight(module.weight, self._scales(module), self._top))

    def remove(self) -> None:
        """Take the quantizers out; the weights stay as they are."""
        for hook in self._hooks:
            hook.remove()
        for module in self.products.values():
            del module.forward, module.input_codes
            if self._ranges == "learned":
                del module.weight_scale

    def _scales(self, module: Any) -> Tensor:
        if self._ranges == "learned":
            return module.weight_scale.detach().abs().clamp_min(_LEAST_SCALE)
        return channel_scales(module.weight, self._top)

    def _see_mask(self, _: Any, args: Any, kwargs: Mapping[str, Any]) -> None:
        mask = kwargs.get("attention_mask", args[1] if len(args) > 1 else None)
        self._state.mask = mask.bool() if mask is not None and mask.ndim == 2 else None

    def _hook_table(self, embeddings: Any, _: Any) -> None:
        # The table may be another one by now (compact rows), so it is looked up in each pass.
        words = self._model.get_input_embeddings()
        table = getattr(words, "lookup", words)  # of low-rank embeddings the lookup is the table
        if all(table is not known for known in self._tables):
            self._tables.append(table)
            self._hooks.append(table.register_forward_hook(self._code_rows))

    def _code_rows(self, _: Any, __: Any, rows: Tensor) -> Tensor:
        """Return looked-up rows (..., width) as int8 rows give them, each with its own scale."""
        if self._state.observing:
            return rows
        flat = rows.reshape(-1, rows.shape[-1])
        return fake_weight(flat, channel_scales(flat, 127), 127).reshape(rows.shape)


@contextmanager
def fake_quantization(
    model: Any, ranges: Ranges, *, weight_bits: int = 8, embeddings: bool = True, momentum: float = 0.99
) -> Iterator[FakeQuantization]:
    """Quantize the inputs and weights of every linear layer of a model, and its word embeddings' rows.

    ema: an input's range is an exponential moving average of the batches' extremes, and a weight's is its
    greatest magnitude (Jacob et al. 2018, section 3.1). learned: scale and offset of the inputs and the
    weights' scales are parameters of the model, trained with the rest (LSQ, Esser et al. 2020; LSQ+,
    Bhalgat et al. 2020). In evaluation mode ranges stay as they are.
    """
    made = FakeQuantization(model, ranges, weight_bits=weight_bits, embeddings=embeddings, momentum=momentum)
    try:
        yield made
    finally:
        made.remove()


def _products(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield the linear layers by name. One whose weight is a table of embeddings is none of them."""
    import torch

    tables = {id(part.weight) for part in model.modules() if isinstance(part, torch.nn.Embedding)}
    for name, module in model.named_modules():
        if isinstance(module, torch.nn.Linear) and id(module.weight) not in tables:
            yield name, module


def _read_by(name: str) -> str:
    """Return a name for what a product reads: the attention's three projections read one tensor."""
    scope, _, leaf_name = name.rpartition(".")
    return scope if leaf_name in _SHARED else name


def _first_steps(weight: Tensor, top: int) -> Tensor:
    """Return the first scale of each output: LSQ's 2 <|w|> / sqrt(top) (Esser et al. 2020, section 2.1).

    At most the one that needs no clipping: with 8 bits theirs is wider than most rows need.
    """
    import torch

    theirs = 2 * weight.detach().abs().mean(dim=1) / top**0.5
    return torch.minimum(theirs.clamp_min(_LEAST_SCALE), channel_scales(weight, top))


def _parameter(value: Tensor) -> Any:
    import torch

    return torch.nn.Parameter(value.clone())


def _forward(module: Any, top: int, ranges: Ranges, state: _State) -> Any:
    import torch

    def forward(x: Tensor) -> Tensor:
        x = module.input_codes(x)
        weight = module.weight
        if not state.observing:
            if ranges == "learned":
                factor = 1 / (weight.shape[1] * top) ** 0.5
                weight = fake_weight(weight, graded(module.weight_scale, factor), top)
            else:
                weight = fake_weight(weight, channel_scales(weight, top), top)
        return torch.nn.functional.linear(x, weight, module.bias)

    return forward


def _input_quantizer(name: str, ranges: Ranges, state: _State) -> Any:
    import torch

    class InputCodes(torch.nn.Module):
        """The codes of one tensor. Its two numbers are parameters in both modes, so that a training that
        was killed, or goes back to its best weights, has them as well; `ema` gives them no gradient."""

        def __init__(self) -> None:
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(1.0 / _TOP))
            self.offset = torch.nn.Parameter(torch.tensor(0.0))

        def start(self, low: float, high: float) -> None:
            low, high = min(low, 0.0), max(high, 0.0)
            with torch.no_grad():
                self.scale.fill_(max((high - low) / _TOP, _LEAST_SCALE))
                self.offset.fill_(low)

        def codes(self) -> tuple[float, int]:
            scale = self.scale.detach().abs().clamp_min(_LEAST_SCALE)
            zero = (-self.offset.detach() / scale).clamp(0, _TOP).round()
            return float(scale), int(zero)

        def forward(self, x: Tensor) -> Tensor:
            if state.observing:
                state.seen.setdefault(name, []).append(self._extremes(x))
                return x
            if ranges == "learned":
                factor = 1 / (x.numel() * _TOP) ** 0.5
                return fake_activation(x, graded(self.scale, factor), graded(self.offset, factor))
            if self.training:
                self._follow(x)
            return fake_activation(x, self.scale.detach(), self.offset.detach())

        def _follow(self, x: Tensor) -> None:
            low, high = self._extremes(x)
            old = self.offset.item(), (self.offset + self.scale * _TOP).item()
            keep = state.momentum
            self.start(keep * old[0] + (1 - keep) * low, keep * old[1] + (1 - keep) * high)

        def _extremes(self, x: Tensor) -> tuple[float, float]:
            mask = state.mask
            if mask is not None and x.ndim == 3 and mask.shape == x.shape[:2]:
                x = x.detach()[mask]
            return float(x.detach().min()), float(x.detach().max())

    return InputCodes()
