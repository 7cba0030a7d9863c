"""What the linear maps of each layer are given, layer by layer, each layer after those below are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from xpareto.compress.architectures import architecture_of
from xpareto.compress.data import CalibrationBatch

if TYPE_CHECKING:
    from torch import Tensor

Visit = Callable[[str, Any, "Tensor"], None]
"""(name of the linear map, the map, X'X of its inputs (inputs, inputs) float64) -> None"""


class _Arrived(Exception):
    """The input of the first layer is known; the rest of the model need not run."""


def visit_linears(
    model: Any,
    batches: Iterable[CalibrationBatch],
    visit: Visit,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Call `visit` with each linear map of the encoder's layers, lowest layer first; it may change them.

    The inputs of a layer are what the layers below give as they are by then, so that each layer is
    fitted to what it will get (Frantar & Alistarh 2023, section 4). Padding does not count. The
    states of one layer are held in memory for all examples.
    """
    import torch

    architecture = architecture_of(model)
    layers = architecture.layers_of(model.base_model)
    with torch.inference_mode():
        inputs = [_first_input(model, batch) for batch in batches]
        for index, layer in enumerate(layers):
            progress(index, len(layers))
            linears = {
                name: part for name, part in layer.named_modules() if isinstance(part, torch.nn.Linear)
            }
            seen = _Seen(linears)
            for given, keywords, mask in inputs:
                seen.mask = mask
                layer(*given, **keywords)
            seen.end()
            for name, part in linears.items():
                visit(f"{architecture.layers}.{index}.{name}", part, seen.sums[name])
            inputs = [
                ((_states(layer(*given, **keywords)), *given[1:]), keywords, mask)
                for given, keywords, mask in inputs
            ]
        progress(len(layers), len(layers))


class _Seen:
    """X'X of what each linear map is given, over the tokens of `mask`, (rows, length).

    What is no state of tokens, such as the relative positions that DeBERTa's maps read, counts whole.
    """

    def __init__(self, linears: Mapping[str, Any]) -> None:
        self.sums: dict[str, Any] = dict.fromkeys(linears, 0.0)
        self.mask: Any = None
        self._hooks = [
            part.register_forward_pre_hook(partial(self._add, name)) for name, part in linears.items()
        ]

    def _add(self, name: str, _: Any, given: tuple[Tensor, ...]) -> None:
        read = given[0]
        rows = (read[self.mask] if read.shape[:2] == self.mask.shape else read.flatten(0, -2)).double()
        self.sums[name] = self.sums[name] + rows.T @ rows

    def end(self) -> None:
        for hook in self._hooks:
            hook.remove()


def _states(output: Any) -> Any:
    """Return the hidden state of what a layer gives, which some give with their attention."""
    return output[0] if isinstance(output, tuple) else output


def _first_input(model: Any, batch: CalibrationBatch) -> tuple[tuple[Any, ...], dict[str, Any], Tensor]:
    """Return what the lowest layer is called with for a batch, and the mask of its tokens."""
    import torch

    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def catch(_: Any, given: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        calls.append((given, keywords))
        raise _Arrived

    mask = torch.from_numpy(batch.attention_mask)
    lowest = architecture_of(model).layers_of(model.base_model)[0]
    hook = lowest.register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model.base_model(input_ids=torch.from_numpy(batch.input_ids), attention_mask=mask)
    except _Arrived:
        pass
    finally:
        hook.remove()
    ((given, keywords),) = calls
    return given, keywords, mask == 1
