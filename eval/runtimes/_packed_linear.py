"""Linear layers of torch whose weights oneDNN packed once, before any input comes.

torch hands its float32 products to MKL, which on CPUs of other makers than Intel leaves half of their
vector width unused: at the widths of XLM-R the packed products took 0.38 to 0.51 of its time on an AVX-512 CPU of
AMD (`tests/bench/packed_linear.py`). They are the products that torch.compile packs when it freezes a
model, called without its compiler.
"""

from __future__ import annotations

import platform
from typing import Any

_BATCH_HINT = 64  # rows that the layout of a packed weight is chosen for; measured: 1 is worse, more is equal
_MACHINES = ("x86_64", "AMD64")


def can_pack() -> bool:
    """Say whether this build of torch and this machine have the packed products, by trying one.

    The operators are torch's own but not public, so their answer is compared with the plain product.
    """
    import torch

    operators = torch.ops.mkldnn
    if platform.machine() not in _MACHINES or not torch.backends.mkldnn.is_available():
        return False
    if not hasattr(operators, "_reorder_linear_weight") or not hasattr(operators, "_linear_pointwise"):
        return False
    with torch.inference_mode():
        rows = torch.linspace(-1, 1, 3 * 8).reshape(1, 3, 8)
        plain = torch.nn.Linear(8, 5)
        product = plain(rows)
        pairs = (
            (product, packed(plain)(rows)),
            (torch.nn.functional.gelu(product), packed(plain, gelu=True)(rows)),
        )
    return all(
        computed.shape == expected.shape and bool(torch.allclose(computed, expected, atol=1e-5))
        for expected, computed in pairs
    )


def pack_linears(model: Any) -> int:
    """Replace every float32 torch.nn.Linear of a model in place; return how many there were.

    The model is for inference afterwards: it has no such weights to train or to save. One packed
    weight takes the memory of the plain one, which is freed as it goes. The exact GELU that follows the first
    product of a feed-forward part is computed with it, in a fifth less time than apart.
    """
    import torch
    from transformers.activations import GELUActivation

    count = 0
    with torch.inference_mode():
        for parent in list(model.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is torch.nn.Linear and child.weight.dtype == torch.float32:
                    after = getattr(parent, "intermediate_act_fn", None)  # of transformers' feed-forward part
                    gelu = type(after) is GELUActivation and after.act is torch.nn.functional.gelu
                    setattr(parent, name, packed(child, gelu=gelu))
                    if gelu:
                        parent.intermediate_act_fn = torch.nn.Identity()
                    count += 1
    return count


def packed(linear: Any, *, gelu: bool = False) -> Any:
    """Return a module that computes what a torch.nn.Linear computes, and a GELU of it, up to rounding."""
    import torch

    class PackedLinear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.in_features, self.out_features = linear.in_features, linear.out_features
            self.bias = None if linear.bias is None else linear.bias.detach()
            # Neither a parameter nor a buffer: a packed tensor has no storage that could be saved.
            self.__dict__["packed"] = torch.ops.mkldnn._reorder_linear_weight(
                linear.weight.detach(), _BATCH_HINT
            )

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            if not rows.numel():  # oneDNN knows no product of nothing
                return rows.new_zeros((*rows.shape[:-1], self.out_features))
            after, algorithm = ("gelu", "none") if gelu else ("none", "")  # "none" of GELUs: the exact one
            product: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
                rows, self.__dict__["packed"], self.bias, after, [], algorithm
            )
            return product

    return PackedLinear()
