"""Take attention heads, feed-forward neurons and hidden channels out of an encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, model_validator

from xpareto.compress.core import (
    Artifact,
    ChainState,
    Context,
    DataNeed,
    Format,
    Head,
    Only,
    Step,
    StepResult,
    applies_to,
    check_only,
)
from xpareto.compress.data import TOKENIZER, Calibration, draw
from xpareto.compress.heads import HEADS
from xpareto.compress.models import load_model, read_checkpoint, save_model
from xpareto.compress.pruning import (
    BATCH,
    GROUP_IMPORTANCES,
    GroupImportance,
    Latency,
    activation,
    at_random,
    batches_of,
    best,
    by_magnitude,
    counts_by_cost,
    counts_by_share,
    from_gradients,
    kept_units,
    narrow,
    narrow_coupled,
    reach,
    search,
    size_notes,
    spread,
    tune,
    uniform,
    unit_gradients,
)
from xpareto.compress.training import seeded

if TYPE_CHECKING:
    from xpareto.compress.core import Manifest
    from xpareto.compress.data import CalibrationSet
    from xpareto.compress.models import Shape
    from xpareto.compress.pruning import Kept, Reached, Units


class PruneWidth(Step):
    """Keep a share of the attention heads, feed-forward neurons and hidden channels.

    The matrices become smaller; layers may end up with different widths, or without heads or neurons
    (`compress.models.heterogeneous_layers` says how such a model is stored and loaded). What is left equals
    the whole model with the rest masked, until it is tuned. No training: minutes on a CPU.

    How many: `heads` and `ffn` say which share stays, of every layer (`budget: uniform`) or of all layers
    together (`global`), the least important ones going. `keep` says which share of the encoder's FLOPs or
    parameters stays, and trades heads for neurons. `hidden` says which share of the residual stream's
    channels stays, the same ones in all layers: these the whole model reads, so train or distil after it.
    `speedup` says how many times quicker the model has to be, as measured here in onnxruntime at the
    shape that `latency` gives: a table of what blocks of each width cost is measured, solved for the
    widths, and corrected by what the result then takes beside the source (ZipLM, Kurtic et al. 2023,
    arXiv 2302.04089). Its result depends on the machine, so the CPU enters the key, and a repetition may
    differ by what measurements do; the notes hold the table and the speed-up with its interval.

    Which ones: `fisher` is the diagonal of the Fisher information of mask variables, then `rearrange`
    exchanges units by that of the whole layer, then `tune: masks` scales what is left so that each
    layer gives what it gave, all as Kwon et al. 2022 (arXiv 2204.09656). `taylor`: mean |gradient| of the
    masks. `activation`: what a unit adds to its layer's output. `magnitude`: its weights. `random`: a
    control. `tune: weights` fits the output matrices by ridge regression, which repairs more. `group_magnitude`,
    `group_taylor`, `lamp` and `fpgm` are torch-pruning's, of neurons with all that its graph couples with them
    (DepGraph, Fang et al. 2023, arXiv 2301.12900): with `ffn` and `tune: none`, of every architecture (pip install
    'xpareto[prune]').

    The gradients are of the loss on labels where `calibration: {on: ...}` is the set that the model was
    trained on; else, on text of any language, of the model's own answers (the true Fisher
    information), of a masked language model's own loss, or, without a head, of the distance of the
    hidden state that is read from what it was. After the fork, `only` names the training sets whose
    models are pruned.

        - {step: prune_width, label: half, heads: 0.5, ffn: 0.5}                # stratified
        - {step: prune_width, label: english, keep: 0.5, calibration: {languages: [en]}}
        - {step: prune_width, label: quick, speedup: 2.0, latency: {batch_size: 1, length: 64}}
        - {step: prune_width, label: narrow, keep: 0.5, importance: taylor, tune: weights}
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    version: ClassVar[int] = 2
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    quick: ClassVar[Mapping[str, Any]] = {"heads": 0.5, "ffn": 0.5, "calibration": {"examples": 8}}

    heads: float = Field(
        1.0, ge=0, le=1, description="share of the attention heads that stays", examples=[0.5]
    )
    ffn: float = Field(
        1.0, ge=0, le=1, description="share of the feed-forward neurons that stays", examples=[0.5]
    )
    hidden: float = Field(
        1.0, gt=0, le=1, description="share of the hidden channels that stays", examples=[0.75]
    )
    keep: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="share of the cost of all heads and neurons that stays, in place of heads and ffn",
        examples=[0.5],
    )
    speedup: float | None = Field(
        None,
        gt=1,
        description="how many times quicker it has to be as measured, in place of heads, ffn and keep",
        examples=[2.0],
    )
    latency: Latency = Field(Latency.model_validate({}), description="how `speedup` is measured")
    cost: Literal["flops", "parameters"] = Field(
        "flops", description="the cost that `keep` is a share of; flops at the calibration's max_length"
    )
    budget: Literal["global", "uniform"] = Field(
        "global", description="global: layers may keep different numbers; uniform: all the same share"
    )
    importance: Literal["fisher", "taylor", "activation", "magnitude", "random"] | GroupImportance = Field(
        "fisher", description="what decides which units go"
    )
    rearrange: bool = Field(True, description="with fisher: exchange units by what they do together")
    tune: Literal["masks", "weights", "none"] = Field(
        "masks", description="least squares per layer, without training: a factor per unit, or the matrices"
    )
    multiple: int = Field(
        8, ge=1, description="neurons and channels stay in multiples of so many, which products like"
    )
    calibration: Calibration = Field(
        Calibration.model_validate({}), description="the examples that importance and tuning look at"
    )
    seed: int = Field(0, ge=0, description="of random importance, of the draw of examples and answers")
    only: Only = Field(
        None,
        description="training sets whose models are pruned, such as [xnli]; null: all",
        examples=[["udpos"]],
    )

    @model_validator(mode="after")
    def _fits(self) -> PruneWidth:
        shares = self.heads < 1 or self.ffn < 1
        if self.keep is not None and (shares or self.budget == "uniform"):
            raise ValueError("keep: trades heads and neurons of all layers; for shares of each leave it out")
        if self.speedup is not None:
            if self.keep is not None or shares or self.hidden < 1 or self.budget == "uniform":
                raise ValueError("speedup: says itself which heads and neurons stay; leave other shares out")
        elif self.latency != Latency.model_validate({}):
            raise ValueError("latency: says how speedup is measured; give speedup, or leave it out")
        elif self.keep is None and not shares and self.hidden == 1:
            raise ValueError("nothing goes: give keep, speedup, or a share below 1 of heads, ffn or hidden")
        if self._grouped and not (
            self.heads == self.hidden == 1 and 0 < self.ffn < 1 and self.tune == "none"
        ):
            raise ValueError(
                f"importance: {self.importance} takes ffn between 0 and 1 and tune: none, and no more"
            )
        return self

    @property
    def _grouped(self) -> bool:
        return self.importance in GROUP_IMPORTANCES

    @property
    def _looks(self) -> bool:
        return self.importance in ("fisher", "taylor", "activation", "group_taylor") or self.tune != "none"

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        check_only(self.only, state)
        if self._looks:
            self.calibration.check("prune_width", heads)
        return state

    def needs(self) -> Mapping[str, str]:
        told = "prune_width knows the heads and neurons of XLM-R and BERT; of others torch-pruning knows neurons, by "
        return {} if self._grouped else {"own_shapes": f"{told}importance: {GROUP_IMPORTANCES[0]}"}

    def acts_on(self, training_set: str) -> bool:
        return applies_to(self.only, training_set)

    def reads(self) -> tuple[DataNeed, ...]:
        measured = self.latency.reads() if self.speedup is not None else ()
        return (*(self.calibration.reads() if self._looks else ()), *measured)

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        import copy

        assert source is not None, "the plan checks that prune_width has a source"
        manifest = source.manifest
        facts = read_checkpoint(source.path)
        model = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
        examples = None
        if self._looks:
            examples = draw(
                self.calibration, context.provider, source.file(TOKENIZER), facts.max_tokens, self.seed
            )
        if self._grouped:
            return self._coupled(model, source, target, examples, context)
        with seeded(self.seed, context.threads):
            context.progress(0, 3, "importance of heads and neurons")
            importance, gradients, objective = self._importance(model, manifest, examples)
            context.progress(1, 3, "choosing")
            reached = self._reached(importance, source, context)
            counts = reached.kept if reached else self._counts(importance, facts.shape, facts.hidden_size)
            kept = self._kept(importance, gradients, counts, facts.hidden_size)
            student = copy.deepcopy(model)
            narrow(student, kept.heads, kept.neurons, kept.hidden)
            context.progress(2, 3, "tuning")
            tuned = self._tuned(model, student, kept.hidden, examples, context)
        save_model(student, source.path, target)
        return StepResult(
            "torch",
            manifest.head,
            manifest.labels,
            training_set=manifest.training_set,
            layer=manifest.layer,
            notes={
                **size_notes(model, student, kept, self.calibration.max_length),
                "importance": spread(importance, kept),
                "objective": objective,
                "rearranged": kept.exchanged,
                **({"latency": reached.notes} if reached else {}),
                **({"tuned": tuned} if tuned else {}),
                **({"calibration": examples.notes()} if examples is not None else {}),
            },
        )

    def _coupled(
        self, model: Any, source: Artifact, target: Path, examples: CalibrationSet | None, context: Context
    ) -> StepResult:
        manifest, before = source.manifest, sum(weight.numel() for weight in model.parameters())
        batches = (
            batches_of(manifest.head, examples, self._labelled(manifest, examples), self.seed)
            if examples
            else ()
        )
        with seeded(self.seed, context.threads):
            notes = narrow_coupled(
                model, self.importance, self.ffn, self.multiple,
                head=manifest.head, layer=manifest.layer, batches=batches, seed=self.seed,
            )  # fmt: skip
        save_model(model, source.path, target)
        after = sum(weight.numel() for weight in model.parameters())
        notes |= {"parameters": after, "parameters_before": before}
        notes |= {"calibration": examples.notes()} if examples is not None else {}
        return StepResult(
            "torch", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes
        )

    def _labelled(self, manifest: Manifest, examples: CalibrationSet) -> bool:
        own = str(manifest.training_set).partition("@")[0] == examples.training_set
        return examples.labelled and HEADS[manifest.head].supervised and own

    def _importance(
        self, model: Any, manifest: Any, examples: CalibrationSet | None
    ) -> tuple[Units, Units | None, str]:
        """Return importance, the gradients behind it where there are any, and what they are of."""

        if self.importance == "random":
            return at_random(model, self.seed), None, "none"
        if self.importance == "magnitude":
            return by_magnitude(model), None, "none"
        assert examples is not None, "every other importance looks at examples"
        if self.importance == "activation":
            return activation(model, examples), None, "none"
        head = manifest.head
        labelled = self._labelled(manifest, examples)
        batches = batches_of(head, examples, labelled, self.seed)
        gradients = unit_gradients(
            model, head, manifest.layer, batches, hidden=self.hidden < 1, seed=self.seed
        )
        objective = "labels" if labelled else HEADS[head].text_objective
        by = self.importance if self.importance == "fisher" else "taylor"
        return from_gradients(gradients, by), gradients, objective

    def _reached(self, importance: Units, source: Artifact, context: Context) -> Reached | None:
        """Return how many units each group keeps for the measured speed-up, where one is asked."""

        if self.speedup is None:
            return None
        scores = [*importance.heads, *importance.neurons]
        return reach(
            source, self.speedup, self.latency, lambda costs, budget: search(scores, costs, budget), context
        )

    def _counts(self, importance: Units, shape: Shape, hidden_size: int) -> list[int]:
        """Return how many heads, then how many neurons, each layer keeps."""

        if self.keep is not None:
            length = self.calibration.max_length
            return counts_by_cost(
                importance, shape, hidden_size, length, keep=self.keep, cost=self.cost, multiple=self.multiple
            )
        return counts_by_share(
            importance, shape, heads=self.heads, ffn=self.ffn, budget=self.budget, multiple=self.multiple
        )

    def _kept(
        self, importance: Units, gradients: Units | None, counts: Sequence[int], hidden_size: int
    ) -> Kept:
        """Return which units stay: so many of each layer's heads, then of its neurons."""

        channels = list(range(hidden_size))
        if self.hidden < 1:
            channels = best(importance.hidden, uniform([hidden_size], self.hidden, self.multiple)[0])
        together = gradients if self.importance == "fisher" and self.rearrange else None
        return kept_units(importance, counts, channels, together)

    def _tuned(
        self,
        model: Any,
        student: Any,
        channels: Sequence[int],
        examples: CalibrationSet | None,
        context: Context,
    ) -> dict[str, Any]:

        if self.tune == "none":
            return {}
        assert examples is not None, "tuning looks at examples"
        tuned_parts = tune(
            model,
            student,
            channels,
            list(examples.batches(BATCH)),
            self.tune,
            lambda done, total: context.progress(2, 3, f"tuning layer {done} of {total}"),
        )
        return {
            "columns": "layer, part, error before, after, applied",
            "rows": [one.note() for one in tuned_parts],
        }


STEP = PruneWidth
