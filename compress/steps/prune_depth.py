"""Leave out layers of an encoder: a smaller and a quicker model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
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
    Step,
    StepResult,
    applies_to,
    check_only,
)
from xpareto.compress.data import TOKENIZER, Calibration, draw
from xpareto.compress.models import (
    at_places,
    block_influence,
    layer_read,
    leave_one_out,
    load_model,
    most_important,
    read_checkpoint,
    save_model,
)
from xpareto.compress.pruning import loss_without, token_states
from xpareto.compress.training import seeded

_SEED = 0  # the run's seed does not decide which layers stay


class PruneDepth(Step):
    """Keep some of the layers and remove the weights of the others.

    By position (Sajjad et al. 2023, arXiv 2004.03844): `bottom` keeps the lowest layers, so the last
    hidden state of what is left equals hidden state `layers` of the whole model, bit by bit; `top` the
    highest; `spread` every k-th, the last among them; `ends` the lowest and the highest. A list names
    them, counted from 0. `exit` keeps as many as the artifact's retrieval layer (`train: layer`) needs:
    the layers above it are dead weight and dead compute there.

    Of ModernBERT the lowest layer, which has other parts than the rest, always stays.

    By importance on `calibration`: `influence` keeps those that turn their input most (Block Influence
    of ShortGPT, Men et al. 2024, arXiv 2403.03853, equation 1); `loss` drops, one after the other, the
    layer without which the loss is least. On a text that is the distance from the whole model's
    answers (of a masked language model its own loss), on a labelled set the head's loss there. It takes
    about layers * (layers - kept) passes over the examples.

    An artifact that was read at an inner layer is read behind the last kept layer below that one; of an
    encoder, layers above it go first. A head that is trained reads a last layer that it has not seen:
    prune before training, or train (or distil) once more. After the fork, `only` names the training
    sets whose models are cut; the others pass unchanged.

        - {step: train, on: each, layer: 8}
        - {step: prune_depth, layers: exit, only: [encoder]}

        - {step: prune_depth, layers: 6, by: influence, calibration: {languages: [en, sw]}}
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    quick: ClassVar[Mapping[str, Any]] = {"layers": 1, "by": "loss", "calibration": {"examples": 8}}

    layers: Annotated[int, Field(ge=1)] | Literal["exit"] | list[Annotated[int, Field(ge=0)]] = Field(
        description="how many layers to keep; exit: those that retrieval reads; a list: just these, from 0",
        examples=[6],
    )
    by: Literal["bottom", "top", "spread", "ends", "influence", "loss"] = Field(
        "bottom", description="which ones, where `layers` is a number; influence and loss look at examples"
    )
    calibration: Calibration = Field(
        Calibration.model_validate({}), description="the examples that influence and loss look at"
    )
    only: Only = Field(
        None,
        description="training sets whose models are cut, such as [encoder]; null: all",
        examples=[["encoder"]],
    )

    @model_validator(mode="after")
    def _fits(self) -> PruneDepth:
        if not isinstance(self.layers, int) and self.by != "bottom":
            raise ValueError("by: goes with a number of layers; exit and a list say themselves which stay")
        if isinstance(self.layers, list):
            if not self.layers:
                raise ValueError("layers: at least one layer has to stay")
            if self.layers != sorted(set(self.layers)):
                raise ValueError("layers: name each layer once, in rising order")
        if not self._looks and self.calibration != Calibration.model_validate({}):
            raise ValueError("calibration: is read by influence and loss only; leave it out")
        return self

    @property
    def _looks(self) -> bool:
        return self.by in ("influence", "loss")

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        check_only(self.only, state)
        if self._looks:
            self.calibration.check("prune_depth", heads)
        return state

    def acts_on(self, training_set: str) -> bool:
        return applies_to(self.only, training_set)

    def reads(self) -> tuple[DataNeed, ...]:
        return self.calibration.reads() if self._looks else ()

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:

        assert source is not None, "the plan checks that prune_depth has a source"
        manifest = source.manifest
        whole = read_checkpoint(source.path).layers
        model = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
        before = sum(weight.numel() for weight in model.parameters())
        with seeded(_SEED, context.threads):
            kept, notes = self._kept(model, source, whole, context)
        layer = layer_read(manifest.layer, kept)
        if layer == 0 != manifest.layer:
            raise InputError(
                f"prune_depth: layers: the artifact is read at hidden state {manifest.layer}, and none of the "
                f"layers below it stays ({', '.join(map(str, kept))} do). Keep one of 0 to "
                f"{manifest.layer - 1 if manifest.layer else 0}."
            )
        keep_layers(model, kept)
        save_model(model, source.path, target)
        after = sum(weight.numel() for weight in model.parameters())
        return StepResult(
            "torch",
            manifest.head,
            manifest.labels,
            training_set=manifest.training_set,
            layer=layer,
            notes={
                "layers": len(kept),
                "layers_before": whole,
                "kept": list(kept),
                "parameters": after,
                "parameters_before": before,
                **notes,
            },
        )

    def _kept(
        self, model: Any, source: Artifact, whole: int, context: Context
    ) -> tuple[tuple[int, ...], dict[str, Any]]:
        """Return the indices of the layers that stay, rising, and what was found out about them."""
        architecture = architecture_of(model)
        stays = architecture.lowest_differs
        if isinstance(self.layers, list):
            if self.layers[-1] >= whole:
                raise InputError(
                    f"prune_depth: layers: expected indices from 0 to {whole - 1}, the model's last layer, "
                    f"found {self.layers[-1]}."
                )
            if stays and self.layers[0] != 0:
                raise InputError(
                    f"prune_depth: layers: the lowest layer of {architecture.called} has other parts than the rest: "
                    "name 0."
                )
            return tuple(self.layers), {}
        keep = self._count(source.manifest.layer, whole)
        if self.by == "influence" or self.by == "loss":
            return self._by_importance(model, source, whole, keep, context)
        return at_places(self.by, whole, keep, lowest_stays=stays), {}

    def _count(self, layer: int | None, whole: int) -> int:
        assert not isinstance(self.layers, list)
        if self.layers == "exit":
            if layer == 0:
                raise InputError(
                    "prune_depth: layers: exit needs at least one layer, but the artifact is read at its "
                    "embeddings (layer 0). Give a number of layers."
                )
            return whole if layer is None else layer
        if self.layers > whole:
            raise InputError(
                f"prune_depth: layers: expected 1 to {whole}, the model's layers, found {self.layers}."
            )
        return self.layers

    def _by_importance(
        self, model: Any, source: Artifact, whole: int, keep: int, context: Context
    ) -> tuple[tuple[int, ...], dict[str, Any]]:

        manifest = source.manifest
        tokens = read_checkpoint(source.path).max_tokens
        examples = draw(self.calibration, context.provider, source.file(TOKENIZER), tokens, _SEED)
        notes: dict[str, Any] = {"calibration": examples.notes()}
        if self.by == "influence":
            influence = block_influence(token_states(model, examples))
            if manifest.layer:  # nothing reads what lies above
                influence[manifest.layer :] = [0.0] * (whole - manifest.layer)
            ranked = [np.inf, *influence[1:]] if architecture_of(model).lowest_differs else influence
            return most_important(ranked, keep), {**notes, "influence": influence}
        if examples.labelled and examples.training_set != manifest.training_set:
            raise InputError(
                f"prune_depth: calibration: on: the model was trained on {manifest.training_set}, so it has no "
                f"loss on {examples.training_set}. Name it with `only`, or calibrate on a text."
            )
        loss = loss_without(model, manifest.head, manifest.layer, examples)
        total = (whole - keep) * (whole + keep + 1) // 2
        done = 0

        def told(there: tuple[int, ...]) -> float:
            nonlocal done
            if 0 not in there and architecture_of(model).lowest_differs:
                return np.inf
            context.progress(done, total, f"loss with {len(there)} of {whole} layers")
            done += 1
            return loss(there)

        kept, dropped = leave_one_out(whole, keep, told)
        return kept, {
            **notes,
            "loss_whole": loss(tuple(range(whole))),
            "dropped": [[at, value] for at, value in dropped],
        }


def keep_layers(model: Any, kept: tuple[int, ...]) -> None:
    """Leave a model the layers of these indices, in place."""
    architecture_of(model).put_layers(model.base_model, kept)


STEP = PruneDepth
