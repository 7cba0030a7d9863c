"""Set weights of an encoder's products to zero, unstructured or in a 2:4 pattern."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import (
    Artifact,
    ChainState,
    Context,
    DataNeed,
    Format,
    Head,
    InputError,
    Only,
    Rule,
    Step,
    StepResult,
    applies_to,
    check_only,
)
from xpareto.compress.data import TOKENIZER, Calibration, draw
from xpareto.compress.models import WEIGHTS, load_model, read_checkpoint, save_model
from xpareto.compress.onnx import match_nodes
from xpareto.compress.pruning import kept, magnitude, output_error, sparsegpt, visit_linears, wanda
from xpareto.compress.training import seeded

if TYPE_CHECKING:
    from torch import Tensor

_SEED = 0
_BATCH = 16
_RUNTIMES = (
    "No dense kernel of onnxruntime or torch on CPUs skips zeros: latency and memory stay as they were. Files "
    "shrink when they are compressed, or with pack_sparse after the export. A runtime for sparse weights "
    "(2:4: NVIDIA tensor cores from Ampere on) is what turns zeros into time."
)


class PruneSparse(Step):
    """Set a share of each matrix of the encoder's layers to zero, without training.

    What gains from it: zeros alone make nothing quicker: the dense kernels of onnxruntime and torch on
    CPUs multiply by them, and the float32 file keeps its size. What shrinks is the file when it is
    compressed (the notes hold its bytes after deflate), or the ONNX model with `pack_sparse` after
    export_onnx and the quantization: there, half of the weights cost half the bytes. GPUs with sparse
    tensor cores (2:4) and runtimes with sparse kernels also gain time. For latency here, see prune_width
    and prune_depth.

    `magnitude` drops the smallest weights of each output. `wanda` drops those of the smallest |w| * ||x||
    (Sun et al. 2023, arXiv 2306.11695). `sparsegpt` drops by the inverse Hessian of the layer's inputs and
    changes the weights that stay to make up for it (Frantar & Alistarh 2023, arXiv 2301.00774), which
    keeps most at high sparsity. The last two look at `calibration`, layer after layer, each given what
    the sparse layers below give. Embeddings and heads stay whole.

    Training would fill the zeros again, so no step that trains comes after it.

        - {step: prune_sparse, sparsity: 0.5}
        - {step: prune_sparse, pattern: "2:4", method: wanda, calibration: {languages: [en, sw]}}
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    quick: ClassVar[Mapping[str, Any]] = {"calibration": {"examples": 8}}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "never_before",
            ("train", "distill", "quantize_aware"),
            why="training fills the zeros again",
            fix="Train first, and make it sparse at the end.",
        ),
    )

    method: Literal["magnitude", "wanda", "sparsegpt"] = Field(
        "sparsegpt", description="what decides which weights go; sparsegpt also repairs those that stay"
    )
    pattern: Literal["unstructured", "2:4"] = Field(
        "unstructured", description="anywhere, or two of every four neighbouring inputs of an output"
    )
    sparsity: float = Field(
        0.5, gt=0, lt=1, description="share of each matrix that becomes zero; a 2:4 pattern fixes it at 0.5"
    )
    damp: float = Field(
        0.01, gt=0, description="of sparsegpt: share of the Hessian's mean diagonal that is added to it"
    )
    exclude: list[str] = Field(
        [],
        description="glob patterns of matrices to leave whole",
        examples=[["encoder.layer.0.*", "*.attention.output.dense"]],
    )
    calibration: Calibration = Field(
        Calibration.model_validate({}), description="the examples that wanda and sparsegpt look at"
    )
    only: Only = Field(
        None,
        description="training sets whose models become sparse; null: all",
        examples=[["xnli"]],
    )

    @model_validator(mode="after")
    def _fits(self) -> PruneSparse:
        if self.pattern == "2:4" and self.sparsity != 0.5:
            raise ValueError("sparsity: a 2:4 pattern has 0.5; leave it out")
        return self

    @property
    def _looks(self) -> bool:
        return self.method != "magnitude"

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        check_only(self.only, state)
        if self._looks:
            self.calibration.check("prune_sparse", heads)
        return state

    def acts_on(self, training_set: str) -> bool:
        return applies_to(self.only, training_set)

    def reads(self) -> tuple[DataNeed, ...]:
        return self.calibration.reads() if self._looks else ()

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:

        assert source is not None, "the plan checks that prune_sparse has a source"
        manifest = source.manifest
        model = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
        with seeded(_SEED, context.threads):
            notes = self._prune(model, source, context)
        save_model(model, source.path, target)
        before, after = source.file(WEIGHTS), target / WEIGHTS
        return StepResult(
            "torch",
            manifest.head,
            manifest.labels,
            training_set=manifest.training_set,
            layer=manifest.layer,
            notes={
                **notes,
                "bytes": after.stat().st_size,
                "deflated_bytes": deflated_bytes(after),
                "deflated_bytes_before": deflated_bytes(before),
                "runtimes": _RUNTIMES,
            },
        )

    def _prune(self, model: Any, source: Artifact, context: Context) -> dict[str, Any]:
        """Change the model in place; return what was done to each matrix."""
        import torch

        architecture = architecture_of(model)
        linears = {
            f"{architecture.layers}.{index}.{name}": part
            for index, layer in enumerate(architecture.layers_of(model.base_model))
            for name, part in layer.named_modules()
            if isinstance(part, torch.nn.Linear)
        }
        excluded = set(match_nodes(self.exclude, linears, "exclude"))
        if len(excluded) == len(linears):
            raise InputError("prune_sparse: no matrix is left to prune. Exclude fewer.")
        rows: list[list[Any]] = []

        def visit(name: str, part: Any, hessian: Tensor | None) -> None:
            if name in excluded:
                return
            whole = part.weight.detach().clone()
            part.weight.data.copy_(self._sparse(whole, hessian))
            error = None if hessian is None else round(output_error(whole, part.weight, hessian), 6)
            rows.append([name, round(float((part.weight == 0).double().mean()), 4), error])

        notes: dict[str, Any] = {}
        if self._looks:
            tokens = read_checkpoint(source.path).max_tokens
            examples = draw(self.calibration, context.provider, source.file(TOKENIZER), tokens, _SEED)
            visit_linears(
                model,
                examples.batches(_BATCH),
                visit,
                lambda done, total: context.progress(done, total, "making layers sparse"),
            )
            notes["calibration"] = examples.notes()
        else:
            for name, part in linears.items():
                visit(name, part, None)
        pruned = [part.weight for name, part in linears.items() if name not in excluded]
        zeros = sum(int((weight == 0).sum()) for weight in pruned)
        return {
            **notes,
            "columns": "matrix, share of zeros, relative squared error of its outputs",
            "matrices": rows,
            "zeros": zeros,
            "weights": sum(weight.numel() for weight in pruned),
            "parameters": sum(weight.numel() for weight in model.parameters()),
        }

    def _sparse(self, weight: Tensor, hessian: Tensor | None) -> Tensor:

        if hessian is None:
            return weight * kept(magnitude(weight), self.sparsity, self.pattern)
        if self.method == "wanda":
            norms = hessian.diagonal().sqrt().to(weight.dtype)
            return weight * kept(wanda(weight, norms), self.sparsity, self.pattern)
        return sparsegpt(weight, hessian, self.sparsity, self.pattern, self.damp)


def deflated_bytes(file: Path) -> int:
    """Return the size of a file as a zip would hold it (deflate, level 1: higher levels gain little here)."""
    machine, total = zlib.compressobj(1), 0
    with file.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            total += len(machine.compress(chunk))
    return total + len(machine.flush())


STEP = PruneSparse
