"""Leave out the upper layers of an encoder: a smaller model, not only an earlier exit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from compress.artifact import Artifact, Head
from compress.errors import InputError
from compress.step import Context, Flow, Made, Misfit, Step


class CutLayers(Step):
    """Keep the lowest `layers` layers and remove the weights of the others.

    The last hidden state of what is left equals hidden state `layers` of the whole model, bit by bit.
    `exit` keeps as many as the artifact's retrieval layer (`train: layer`) needs, so that the layers
    above it, which are dead weight and dead compute there, are gone. An artifact that was read at a
    layer that is cut off, or at the new last one, is read at its last layer afterwards; one that was
    read further down keeps its layer.

    It takes torch with any head. A head that is trained reads the new last layer then, which it has not
    seen: cut before training, or train once more. After the fork, `only` names the training sets whose
    models are cut; the others pass unchanged. (Early layers suffice: Sajjad et al. 2020.)

        - {step: train, on: each, layer: 8}
        - {step: cut_layers, layers: exit, only: [encoder]}
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    quick: ClassVar[Mapping[str, Any]] = {"layers": 1}

    layers: Annotated[int, Field(ge=1)] | Literal["exit"] = Field(
        description="how many of the lowest layers to keep; exit: those that retrieval reads", examples=[6]
    )
    only: list[str] | None = Field(
        None,
        min_length=1,
        description="training sets whose models are cut; null: all",
        examples=[["encoder"]],
    )

    def follow(self, flow: Flow, heads: Mapping[str, Head]) -> Flow:
        if flow.format != "torch":
            raise Misfit(
                f"cut_layers takes torch, but it is given {flow.format or 'nothing'}. Put it before the export."
            )
        if self.only is not None and not flow.forked:
            raise Misfit(
                "only: the chain has no models per training set here. Leave `only` out, or put the step "
                "after the one with `on: each`."
            )
        return flow

    def acts_on(self, training_set: str) -> bool:
        return self.only is None or training_set in self.only

    def apply(self, source: Artifact | None, target: Path, context: Context) -> Made:
        from compress.checkpoint import load_model, read_checkpoint, save_model

        assert source is not None, "the plan checks that cut_layers has a source"
        manifest = source.manifest
        whole = read_checkpoint(source.path).layers
        kept = self._kept(manifest.layer, whole)
        model = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
        before = sum(weight.numel() for weight in model.parameters())
        body: Any = model.base_model.encoder
        body.layer = body.layer[:kept]
        model.config.num_hidden_layers = kept
        save_model(model, source.path, target)
        after = sum(weight.numel() for weight in model.parameters())
        return Made(
            "torch",
            manifest.head,
            manifest.labels,
            training_set=manifest.training_set,
            layer=manifest.layer if manifest.layer is not None and manifest.layer < kept else None,
            notes={"layers": kept, "layers_before": whole, "parameters": after, "parameters_before": before},
        )

    def _kept(self, layer: int | None, whole: int) -> int:
        if self.layers == "exit":
            if layer == 0:
                raise InputError(
                    "cut_layers: layers: exit needs at least one layer, but the artifact is read at its "
                    "embeddings (layer 0). Give a number of layers."
                )
            return whole if layer is None else layer
        if self.layers > whole:
            raise InputError(
                f"cut_layers: layers: expected 1 to {whole}, the model's layers, found {self.layers}."
            )
        return self.layers


STEP = CutLayers
