"""Feed-forward neurons left out by torch-pruning's dependency graph, of any architecture that autograd can trace.

A neuron is a row of the matrix before the activation (of a gated block two rows), a column of the one behind it, and
whatever else the traced graph couples with them (DepGraph, Fang et al. 2023, arXiv 2301.12900).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args

import numpy as np

from xpareto.compress.architectures import any_token, architecture_of, part_of
from xpareto.compress.core import Head, InputError
from xpareto.compress.heads import HEADS
from xpareto.compress.models import shape_of
from xpareto.compress.pruning.mask_search import best, uniform

GroupImportance = Literal["group_magnitude", "group_taylor", "lamp", "fpgm"]
"""torch-pruning's: a group's weights, their first-order Taylor term, LAMP (Lee et al. 2021), FPGM (He et al. 2019)."""

GROUP_IMPORTANCES: tuple[str, ...] = get_args(GroupImportance)
_CLASSES: Mapping[str, str] = {
    "group_magnitude": "GroupMagnitudeImportance",
    "group_taylor": "GroupTaylorImportance",
    "lamp": "LAMPImportance",
    "fpgm": "FPGMImportance",
}


def narrow_coupled(
    model: Any,
    importance: str,
    share: float,
    multiple: int,
    *,
    head: Head,
    layer: int | None = None,
    batches: Iterable[Mapping[str, np.ndarray]] = (),
    seed: int = 0,
) -> dict[str, Any]:
    """Leave the share of each layer's neurons that matter most, in place; return notes.

    Every layer keeps as many, so that transformers' own classes hold the result. `batches` are what group_taylor sums
    gradients of the loss over. InputError where torch-pruning is not installed, or layers differ in width already.
    """
    import torch

    try:
        import torch_pruning
    except ImportError as error:
        raise InputError(
            f"prune_width: importance: {importance} is torch-pruning's, which is not installed. Run: pip install "
            "'xpareto[prune]'"
        ) from error
    architecture, body = architecture_of(model), model.base_model
    layers, config = architecture.layers_of(body), model.config
    widths = {*(shape_of(model).ffn if architecture.own_shapes else (int(config.intermediate_size),))}
    if len(widths) != 1 or 0 in widths:
        raise InputError(
            f"prune_width: importance: {importance} takes layers of one width, found feed-forward blocks of "
            f"{', '.join(map(str, sorted(widths)))} neurons. Choose fisher, or put this step first."
        )
    (before,) = widths
    (keep,) = uniform([before], share, multiple)
    if importance == "group_taylor":
        _gradients(model, head, layer, batches, seed)
    was = body.config._attn_implementation
    body.set_attn_implementation("eager")  # what autograd shows of the fused attention names no product
    ids = torch.full((1, 4), any_token(config))
    graph = torch_pruning.DependencyGraph().build_dependency(
        body,
        example_inputs={"input_ids": ids, "attention_mask": torch.ones_like(ids)},
        output_transform=lambda output: output.last_hidden_state.sum(),
        verbose=False,
    )
    body.set_attn_implementation(was)
    score = getattr(torch_pruning.importance, _CLASSES[importance])()
    kept = []
    for block in layers:
        rows = part_of(block, architecture.ffn_in)
        whole = graph.get_pruning_group(rows, torch_pruning.prune_linear_out_channels, list(range(before)))
        scores = score(whole)[:before].detach().double().numpy()
        stay = best(scores, keep)
        kept.append(stay)
        gone = sorted({*range(before)} - {*stay})
        if gone:
            graph.get_pruning_group(rows, torch_pruning.prune_linear_out_channels, gone).prune()
    model.zero_grad(set_to_none=True)
    config.intermediate_size = keep
    return {"ffn": [keep] * len(layers), "ffn_before": [before] * len(layers), "neurons_kept": kept,
            "torch_pruning": torch_pruning.__version__}  # fmt: skip


def _gradients(
    model: Any, head: Head, layer: int | None, batches: Iterable[Mapping[str, np.ndarray]], seed: int
) -> None:
    """Leave the weights the gradient of the loss summed over all examples."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for arrays in batches:
        batch = {name: torch.from_numpy(array) for name, array in arrays.items()}
        HEADS[head].example_losses(model, layer, batch, generator).sum().backward()
