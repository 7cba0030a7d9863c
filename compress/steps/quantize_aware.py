"""Train on with 8-bit rounding in place, so that the model learns to live with its int8 export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from xpareto.compress.core import (
    EACH,
    ENCODER,
    SOURCE,
    Artifact,
    ChainState,
    Context,
    DataNeed,
    Format,
    Head,
    IncompatibleStep,
    InputError,
    Rule,
    Step,
    StepResult,
    applies_to,
    check_trained_set,
    earlier_label,
    earlier_state,
    parse_source,
    unknown_source,
)
from xpareto.compress.distillation import (
    Hidden,
    Labels,
    Logits,
    Objectives,
    StudentBatches,
    TeacherLoss,
    piece_map,
    shown_to,
    train_student,
)
from xpareto.compress.heads import HEADS, NOT_DEPLOYED
from xpareto.compress.models import load_model, read_checkpoint, save_model
from xpareto.compress.quantization import Ranges, fake_quantization, write_codes
from xpareto.compress.training import (
    BatchSize,
    Clip,
    DevLimit,
    DevMetric,
    Epochs,
    EvaluationsPerEpoch,
    InputLength,
    LabelledSet,
    Learners,
    LearningRate,
    Limit,
    Patience,
    Reading,
    Steps,
    TextLanguages,
    TextName,
    TextShare,
    TrainingData,
    Warmup,
    read_distillation_data,
    seeded,
    suited_rate,
    without_text_beside_labels,
)

if TYPE_CHECKING:
    from xpareto.compress.distillation import TeacherLoss
    from xpareto.compress.quantization import FakeQuantization


class QuantizeAware(Step):
    """Quantization-aware training (Jacob et al. 2018, arXiv 1712.05877).

    While it trains, inputs of all products with a weight are rounded to unsigned 8 bits, the weights to
    signed 8 bits with a scale per output channel, and rows of the word embeddings to int8, just as
    quantize_static codes them; gradients pass straight through the rounding. Ranges of the inputs:

    - ema: a moving average of the batches' extremes; weights use their greatest magnitude (Jacob et al.).
    - learned: scale and offset of the inputs and the weights' scales are trained with the rest (LSQ, Esser
      et al. 2020, arXiv 1902.08153; with an offset LSQ+, Bhalgat et al. 2020).

    Either way they start from the batches of `observe`. What is learned: the labels of `on` and what the
    teacher computes, by default the float model that the step is given, on labelled examples or on a
    text in many languages; see distill. With none of `labels`, `logits` and `hidden`: labels and logits
    where `on` is given, logits on text, of a bare encoder its last hidden state.

    The weights of the result are rounded for good, and the codes of inputs and weights lie beside them in
    quantization.safetensors. export_onnx takes it along, and quantize_static with `range: learned` makes
    the int8 model that was trained. Other training in between would undo it.

    ```yaml
    - {step: train, on: each, label: fp32}
    - {step: quantize_aware, on: each, only: [udpos, mnli], epochs: 1}
    - {step: quantize_aware, label: on-text, text: parallel, only: [encoder], steps: 500}
    - {step: export_onnx}
    - {step: quantize_static, range: learned}
    ```
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    refuses: ClassVar[Mapping[Head, str]] = NOT_DEPLOYED
    added: ClassVar[tuple[str, ...]] = ("dev_metric",)
    seeded: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    trains: ClassVar[bool] = True
    quick: ClassVar[Mapping[str, Any]] = {"steps": 2, "batch_size": 4, "observe": 2}
    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "next",
            ("export_onnx",),
            why="its codes belong to the weights as they are",
            fix="Put steps that change the weights before quantize_aware.",
        ),
    )

    ranges: Ranges = Field("learned", description="of the inputs: learned with the weights, or ema")
    reduce_range: bool = Field(False, description="7-bit weights, for CPUs without VNNI")
    embeddings: bool = Field(True, description="round rows of the word embeddings to int8 as well")
    observe: int = Field(16, ge=1, description="batches that ranges start from")
    momentum: float = Field(
        0.99, gt=0, lt=1, description="for ranges: ema, what stays of a range at each batch"
    )
    teacher: str = Field(
        SOURCE,
        min_length=1,
        description="source: the float model itself; or the label of an earlier step; base: what the chain "
        "began with",
    )
    text: TextName = "parallel"
    on: LabelledSet = None
    text_share: TextShare = 0.5
    text_languages: TextLanguages = None
    limit: Limit = None
    dev_limit: DevLimit = 2000
    max_length: InputLength = None
    labels: Labels | None = Field(None, description="learn the labels of `on`", examples=[{"weight": 0.5}])
    logits: Logits | None = Field(
        None, description="learn the teacher's answers, softened", examples=[{"temperature": 2.0}]
    )
    hidden: Hidden | None = Field(
        None, description="learn the teacher's hidden states", examples=[{"layers": "last"}]
    )
    only: Learners = None
    epochs: Epochs = 1.0
    steps: Steps = Field(None, examples=[500])
    learning_rate: LearningRate = "auto"
    batch_size: BatchSize = 32
    warmup: Warmup = 0.06
    weight_decay: float = Field(
        0.01, ge=0, description="decay of matrices (AdamW); norms, biases, ranges and embeddings have none"
    )
    clip: Clip = 1.0
    dropout: float | None = Field(None, ge=0, lt=1, description="null: the checkpoint's own", examples=[0.0])
    evaluations_per_epoch: EvaluationsPerEpoch = 1
    patience: Patience = 3
    dev_metric: DevMetric = "task"
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "fp32", description="of the products; bf16 has fewer digits than an 8-bit code times its scale"
    )

    _no_text = model_validator(mode="before")(without_text_beside_labels)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.text is None and self.on is None:
            raise ValueError("needs data: give a text, such as parallel, or a training set (on)")
        if self.text is None and self.text_languages:
            raise ValueError("text_languages goes with a text; give one, or leave it out")
        if self.labels is not None and self.on is None:
            raise ValueError("labels: a text has none; add `on`, or leave labels out")
        if self.on == ENCODER or (self.on is not None and ":" in self.on):
            raise ValueError(f"on: expected a labelled training set or each, found {self.on}")
        return self

    def objectives(self, head: Head) -> Objectives:
        """Return what a model with this head learns."""
        if self.labels or self.logits or self.hidden:
            return Objectives(labels=self.labels, logits=self.logits, hidden=self.hidden)
        if not HEADS[head].has_logits:
            return Objectives(hidden=Hidden.model_validate({"layers": "last"}))
        labels = Labels.model_validate({}) if self.on is not None else None
        return Objectives(labels=labels, logits=Logits.model_validate({}))

    # -- the plan ---------------------------------------------------------------------------

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        earlier_state("quantize_aware", self.teacher, state)
        wrong = unknown_source(self.on, [*heads, EACH]) if self.on is not None else None
        if wrong is not None:
            raise IncompatibleStep(f"quantize_aware: on: {wrong}")
        if not state.forked:
            self._check_before_fork(state, heads)
        else:
            check_trained_set("quantize_aware", self.on, self.only)
        return state

    def _check_before_fork(self, state: ChainState, heads: Mapping[str, Head]) -> None:
        if self.only is not None or self.on == EACH:
            raise IncompatibleStep(
                "quantize_aware: only, and each, go with models per training set, which the chain has not here. "
                "Leave them out, or put the step after the one with `on: each`."
            )
        if self.on is not None and state.head != heads[parse_source(self.on).name]:
            raise IncompatibleStep(
                f"quantize_aware: {self.on} needs the head {heads[parse_source(self.on).name]}, but what comes "
                f"before it has {state.head}. Train on it first, or learn from a text."
            )
        if state.head is not None:
            self._check_head(state.head)

    def _check_head(self, head: Head) -> None:
        if not HEADS[head].has_logits and self.objectives(head).answers:
            raise IncompatibleStep(
                "quantize_aware: labels and logits are a head's, but the model is a bare encoder. Learn hidden "
                "states of a text, or leave it out by `only`."
            )
        if not HEADS[head].reads_text and self.text is not None:
            raise IncompatibleStep(
                "quantize_aware: text: a multiple-choice model reads questions with options, which a text has not. "
                "Learn on its training set: on: each."
            )

    def learns_from(self) -> str | None:
        return earlier_label(self.teacher)

    def acts_on(self, training_set: str) -> bool:
        return applies_to(self.only, training_set) and not (training_set == ENCODER and self.text is None)

    def within(self, training_set: str, head: Head | None = None) -> Step:
        """Return the step with its own training set in place of `each`."""
        changed: dict[str, Any] = {}
        if self.on == EACH:
            changed["on"] = None if training_set == ENCODER else training_set
        if training_set == ENCODER:
            self._check_head("encoder")
            changed["labels"] = None
        return self.model_copy(update=changed)

    def reads(self) -> tuple[DataNeed, ...]:
        needs = list(parse_source(self.on).reads()) if self.on not in (None, EACH) else []
        if self.dev_metric == "task" and self.on not in (None, EACH):
            needs.append(DataNeed("metric", parse_source(self.on).name))
        if self.text is not None:
            needs.append(DataNeed("text", self.text))
        return tuple(dict.fromkeys(needs))

    # -- the work ---------------------------------------------------------------------------

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None, "the plan checks that quantize_aware has a source"
        manifest, teacher = source.manifest, context.teacher or source
        try:
            self._check_head(manifest.head)
        except IncompatibleStep as error:
            raise InputError(str(error)) from error
        objectives = self.objectives(manifest.head)
        if objectives.logits is not None and (manifest.head, manifest.labels) != (
            teacher.manifest.head,
            teacher.manifest.labels,
        ):
            raise InputError(
                f"quantize_aware: teacher: expected the head {manifest.head} with the labels "
                f"{', '.join(manifest.labels) or '(none)'}, found {teacher.manifest.head}. Name a teacher trained on "
                "the same set, or learn labels or hidden states only."
            )
        data = self._read(source, context)
        model: Any = load_model(
            source.path, manifest.head, manifest.labels, keep_head=True, dropout=self.dropout
        )
        told: Any = load_model(teacher.path, teacher.manifest.head, teacher.manifest.labels, keep_head=True)
        pieces = piece_map(source.file("tokenizer.json"), teacher.file("tokenizer.json"))
        loss = TeacherLoss(told, model, manifest.head, objectives, pieces=pieces, seed=context.seed)
        with fake_quantization(
            model,
            self.ranges,
            weight_bits=7 if self.reduce_range else 8,
            embeddings=self.embeddings,
            momentum=self.momentum,
        ) as fake:
            notes = self._fit(model, fake, loss, data, objectives, context)
            codes = fake.codes()
            fake.bake()
        save_model(model, source.path, target)
        write_codes(codes, target)
        notes |= {
            "teacher": teacher.digest,
            "objectives": {name: one.model_dump(mode="json") for name, one in objectives.chosen()},
            "inputs": {name: [round(one.scale, 7), one.zero_point] for name, one in codes.items()},
        }
        return StepResult(
            "torch", manifest.head, manifest.labels, manifest.training_set, manifest.layer, notes=notes
        )

    def _read(self, source: Artifact, context: Context) -> TrainingData:
        return read_distillation_data(
            "quantize_aware",
            context.provider,
            Reading.of(self, source.file("tokenizer.json"), read_checkpoint(source.path).max_tokens),
            source.manifest,
            on=parse_source(self.on) if self.on is not None else None,
            dev=self.on,
            text=self.text,
        )

    def _fit(
        self,
        model: Any,
        fake: FakeQuantization,
        loss: TeacherLoss,
        data: TrainingData,
        objectives: Objectives,
        context: Context,
    ) -> dict[str, Any]:
        with shown_to(model, loss, data, objectives) as shown:
            learner = loss.learner()
            observed, batches = (
                StudentBatches(shown, self.batch_size, self.text_share, context.seed) for _ in range(2)
            )
            self._observe(learner, fake, loss, observed, context)
            rate = suited_rate(self.learning_rate, model.config.hidden_size)
            fitted = train_student(self, learner, loss, batches, shown, context, learning_rate=rate)
        return {**fitted.notes(), "examples": data.size, "languages": data.languages}

    def _observe(
        self,
        learner: Any,
        fake: FakeQuantization,
        loss: TeacherLoss,
        batches: StudentBatches,
        context: Context,
    ) -> None:
        """Start the ranges from the first batches, run without rounding."""
        import torch

        with seeded(context.seed, context.threads), torch.no_grad(), fake.observing():
            for number in range(self.observe):
                batch = batches.batch(number)
                loss(learner, {name: torch.from_numpy(rows) for name, rows in batch.items()})


STEP = QuantizeAware
