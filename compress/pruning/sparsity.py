"""Which weights of a matrix become zero, and what the others become: magnitude, Wanda and SparseGPT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Pattern = Literal["unstructured", "2:4"]

GROUP, STAY = 4, 2  # of a 2:4 pattern: weights in a row, and how many of them may stay
_BLOCK = 128  # columns whose mask is chosen together (Frantar & Alistarh 2023, section 3.4)


def magnitude(weight: Tensor) -> Tensor:
    """Return |w|: what a weight counts by its size alone."""
    return weight.abs()


def wanda(weight: Tensor, norms: Tensor) -> Tensor:
    """Return |w_ij| * ||x_j||: a weight by its size and that of what it multiplies.

    weight (outputs, inputs), norms (inputs,) over all tokens (Sun et al. 2023, arXiv 2306.11695,
    equation 1).
    """
    return weight.abs() * norms


def kept(scores: Tensor, sparsity: float, pattern: Pattern) -> Tensor:
    """Return a mask of the weights that stay, (outputs, inputs): those of the greatest scores.

    unstructured: of every output, all but round(sparsity * inputs); weights are compared within one
    output (Sun et al. 2023, section 3). 2:4: two of every four neighbouring inputs; what is left over
    where the inputs are no multiple of four stays. Of equal scores the later one stays.
    """
    import torch

    rows, columns = scores.shape
    if pattern == "2:4":
        whole = columns // GROUP * GROUP
        groups = scores[:, :whole].reshape(rows, -1, GROUP)
        mask = torch.ones_like(scores, dtype=torch.bool)
        mask[:, :whole] = _greatest(groups, STAY).reshape(rows, whole)
        return mask
    return _greatest(scores, columns - round(sparsity * columns))


def _greatest(scores: Tensor, count: int) -> Tensor:
    """Return a mask of the `count` greatest entries along the last axis, the later of equal ones."""
    import torch

    order = scores.argsort(dim=-1, stable=True)
    mask = torch.zeros_like(scores, dtype=torch.bool)
    return mask.scatter(-1, order[..., scores.shape[-1] - count :], True)


def sparsegpt(
    weight: Tensor, hessian: Tensor, sparsity: float, pattern: Pattern, damp: float, block: int = _BLOCK
) -> Tensor:
    """Return the sparse matrix whose outputs stay close to those of the whole one on the examples.

    weight (outputs, inputs); hessian (inputs, inputs) = X'X over all tokens, to which `damp` times its
    mean diagonal is added. Column by column, what a removed weight did is made up for by the columns
    to its right, which is the optimal brain surgeon's update with the inverse Hessian of those
    (Frantar & Alistarh 2023, arXiv 2301.00774, algorithm 1). The mask is chosen by
    w^2 / [H^-1]_jj: unstructured, of all rows of `block` columns at a time; 2:4, of four columns of a row.
    An input that is always zero loses its weights. Computed in float64, given in the weight's type.
    """
    import torch

    pruned = weight.double().clone()
    columns = pruned.shape[1]
    curvature = hessian.double().clone()
    dead = curvature.diagonal() == 0
    curvature[dead, dead] = 1.0
    pruned[:, dead] = 0.0
    curvature.diagonal().add_(damp * curvature.diagonal().mean())
    # Row j of this factor, over its diagonal, is row j of the inverse Hessian of columns j and later.
    factor = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(curvature)), upper=True)
    for start in range(0, columns, block):
        end = min(start + block, columns)
        block_factor, part = factor[start:end, start:end], pruned[:, start:end]
        keep = torch.ones_like(part, dtype=torch.bool)
        if pattern == "unstructured":
            scores = (part / block_factor.diagonal()) ** 2
            stay = part.numel() - round(sparsity * part.numel())
            keep = _greatest(scores.reshape(1, -1), stay).reshape(part.shape)
        errors = torch.zeros_like(part)
        for at in range(end - start):
            if pattern == "2:4" and at % GROUP == 0 and at + GROUP <= end - start:
                four = slice(at, at + GROUP)
                keep[:, four] = _greatest((part[:, four] / block_factor.diagonal()[four]) ** 2, STAY)
            errors[:, at] = part[:, at] * ~keep[:, at] / block_factor[at, at]
            part[:, at:] -= errors[:, at : at + 1] * block_factor[at, at:]
            part[:, at] *= keep[:, at]  # an exact zero, where rounding left almost one
        pruned[:, end:] -= errors @ factor[start:end, end:]
    return pruned.to(weight.dtype)


def output_error(whole: Tensor, sparse: Tensor, hessian: Tensor) -> float:
    """Return ||(W - W')X||^2 / ||WX||^2 over the examples behind the Hessian X'X; 0 where WX is zero."""
    change, curvature = (whole - sparse).double(), hessian.double()
    total = float(((whole.double() @ curvature) * whole.double()).sum())
    return float(((change @ curvature) * change).sum()) / total if total > 0 else 0.0
