"""Let a smaller student learn what its teacher computes: task-agnostic on text, or per task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

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
    Attention,
    Hidden,
    Labels,
    Logits,
    MiniLM,
    Objectives,
    Relations,
    Student,
    TeacherLoss,
    check_answers,
    check_artifacts,
    check_same_head,
    check_text,
    distilled,
    layer_read,
    make_student,
    piece_map,
)
from xpareto.compress.models import load_model, read_checkpoint, save_model
from xpareto.compress.training import (
    Accumulate,
    BatchSize,
    Checkpointing,
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
    WeightDecay,
    read_distillation_data,
    without_text_beside_labels,
)


class Distill(Step):
    """Train a student to compute what its teacher does. Its head stays.

    The student is made of the source: of its layers, evenly or as `take` says, or in another width
    (`student`). Its teacher is the source itself, or an earlier step of the chain by its label
    ("base": the base): with no `student`, the source learns from what it was before it was cut or pruned. A
    student whose vocabulary was trimmed is shown its own pieces, and the teacher the same ones under
    its ids. Two steps in a row are a teacher assistant.

    Data: lines of a `text`, languages drawn evenly, which needs no labels in any language; or the
    labelled set `on` (after the fork `each`: its own); or both. What is learned is the sum of the
    objectives given, each times its weight: logits (Hinton et al. 2015), hidden states and attention
    (TinyBERT: Jiao et al. 2020), MiniLM (Wang et al. 2020), relations (MiniLMv2: Wang et al. 2021). With none
    given, hidden states and relations for a masked LM or an encoder, logits and hidden states for a task.
    Each is a mean over a sequence's own tokens, then over the examples. Where there are dev examples, the
    weights kept are those of the best dev score.

        - {step: distill, student: {layers: 6}, text: mono, relations: {}, epochs: 1} # task-agnostic
        - {step: train, on: each, label: fp32}
        - {step: prune_depth, layers: 4}
        - {step: distill, label: recovered, teacher: fp32, on: each, only: [udpos], labels: {weight: 0.5}, logits: {}}
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    version: ClassVar[int] = 2  # relations and attention are summed in another order
    added: ClassVar[tuple[str, ...]] = ("dev_metric",)
    seeded: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    together: ClassVar[bool] = True
    quick: ClassVar[Mapping[str, Any]] = {"student": {"layers": 1}, "steps": 2, "batch_size": 4}

    teacher: str = Field(
        SOURCE,
        min_length=1,
        description="source, or the label of an earlier step; base: what the chain began with",
    )
    student: Student | None = Field(
        None,
        description="its shape; null: the source as it is, which needs another teacher",
        examples=[{"layers": 6}],
    )
    text: TextName = "parallel"
    on: LabelledSet = None
    text_share: TextShare = 0.5
    languages: list[str] | None = Field(
        None,
        min_length=1,
        description="languages of the labelled set, en being the original; null: en",
        examples=[["en", "de"]],
    )
    text_languages: TextLanguages = None
    translation: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share of text inputs that are two translations of a line, for pair tasks",
    )
    mask: float = Field(
        0.15,
        gt=0,
        lt=1,
        description="share of a text's tokens masked, where a masked LM's answers are learned",
    )
    limit: Limit = None
    dev: str | None = Field(
        None,
        description="training set whose English dev scores choose the weights, or each; null: that of `on`",
        examples=["each"],
    )
    dev_limit: DevLimit = 2000
    max_length: InputLength = None
    logits: Logits | None = Field(
        None, description="learn the head's answers, softened", examples=[{"temperature": 2.0}]
    )
    hidden: Hidden | None = Field(None, description="learn hidden states", examples=[{"layers": "last"}])
    attention: Attention | None = Field(
        None, description="learn attention scores; equal numbers of heads", examples=[{"weight": 0.1}]
    )
    minilm: MiniLM | None = Field(
        None, description="learn one layer's attention and value relation", examples=[{"teacher_layer": 12}]
    )
    relations: Relations | None = Field(
        None,
        description="learn one layer's relations (MiniLMv2), whatever the widths",
        examples=[{"heads": 48}],
    )
    labels: Labels | None = Field(
        None, description="learn the labels of `on` as well, or the masked tokens", examples=[{"weight": 0.5}]
    )
    only: Learners = None
    epochs: Epochs = 3.0
    steps: Steps = Field(None, examples=[5000])
    learning_rate: LearningRate = 5e-4
    batch_size: BatchSize = 32
    accumulate: Accumulate = 1
    warmup: Warmup = 0.06
    weight_decay: WeightDecay = 0.01
    clip: Clip = 1.0
    dropout: float | None = Field(
        None, ge=0, lt=1, description="of the student; null: the checkpoint's own", examples=[0.1]
    )
    freeze: int | None = Field(
        None,
        ge=0,
        description="leave the student's embeddings and so many of its lowest layers; null: train all",
        examples=[0],
    )
    evaluations_per_epoch: EvaluationsPerEpoch = 1
    patience: Patience = 3
    dev_metric: DevMetric = "task"
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto", description="bf16 where the hardware is seen to be quicker with it, else fp32"
    )
    gradient_checkpointing: Checkpointing = False

    _no_text = model_validator(mode="before")(without_text_beside_labels)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.text is None and self.on is None:
            raise ValueError("needs data: give a text, such as parallel, or a training set (on)")
        if self.text is None and (self.text_languages or self.translation):
            raise ValueError("text_languages and translation go with a text; give one, or leave them out")
        if self.on is None and self.languages:
            raise ValueError("languages go with the labelled set `on`; for a text use text_languages")
        if self.languages and self.on is not None and "@" in self.on:
            raise ValueError("a language of `on` is named by @ already; leave `languages` out, or the @")
        if self.teacher == SOURCE and self.student is None:
            raise ValueError(
                "a student that is its own teacher learns nothing: give `student` its size, such as {layers: 6}, "
                "or name an earlier step as `teacher`"
            )
        return self

    def objectives(self) -> Objectives:
        """Return what is learned, as the recipe says; nothing where it leaves that to the head."""
        return Objectives(self.logits, self.hidden, self.attention, self.minilm, self.relations, self.labels)

    # -- the plan ---------------------------------------------------------------------------

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        taught_by = earlier_state("distill", self.teacher, state)
        for field, name in (("on", self.on), ("dev", self.dev)):
            wrong = unknown_source(name, [*heads, EACH]) if name is not None else None
            if wrong is not None or (name is not None and (":" in name or name == ENCODER)):
                raise IncompatibleStep(
                    f"distill: {field}: {wrong or f'expected a labelled training set, found {name}.'}"
                )
        if not state.forked:
            self._check_before_fork(state, heads)
        else:
            check_trained_set("distill", self.on, self.only)
        head = state.head
        learned = self.objectives().or_default(head or ("encoder" if self.only == [ENCODER] else "tagging"))
        if learned.answers:
            check_same_head(self.teacher, taught_by.head, state)
        return state

    def _check_before_fork(self, state: ChainState, heads: Mapping[str, Head]) -> None:
        if self.only is not None or EACH in (self.on, self.dev):
            raise IncompatibleStep(
                "distill: only, and each, go with models per training set, which the chain has not here. Leave "
                "them out, or put the step after the one with `on: each`."
            )
        for name in filter(None, (self.on, self.dev)):
            wanted = heads[parse_source(name).name]
            if state.head != wanted:
                raise IncompatibleStep(
                    f"distill: {name} needs the head {wanted}, but what comes before it has {state.head}. Train on it "
                    "first, or put the step after the one with `on: each`, or learn from a text."
                )
        if state.head is not None:
            check_answers(self.objectives(), state.head, labelled=self.on is not None)
        check_text(state.head, text=self.text is not None)

    def needs(self) -> Mapping[str, str]:
        compares = "distill: attention and minilm compare products of queries and keys, as XLM-R attends by"
        return {"plain_attention": compares} if self.attention or self.minilm else {}

    def learns_from(self) -> str | None:
        return earlier_label(self.teacher)

    def acts_on(self, training_set: str) -> bool:
        return applies_to(self.only, training_set) and not (
            training_set == ENCODER and self.on == EACH and self.text is None
        )

    def within(self, training_set: str, head: Head | None = None) -> Step:
        """Return the step with its own training set in place of `each`."""
        own_set = None if training_set == ENCODER else training_set
        changed: dict[str, Any] = {name: own_set for name in ("on", "dev") if getattr(self, name) == EACH}
        if own_set is None or "@" in own_set:
            changed["languages"] = None  # there is no labelled data, or the name says the language
        if head is not None:
            check_answers(self.objectives(), head, labelled=changed.get("on", self.on) is not None)
            check_text(head, text=self.text is not None)
        return self.model_copy(update=changed)

    def reads(self) -> tuple[DataNeed, ...]:
        sources = [parse_source(self.on, self.languages)] if self.on not in (None, EACH) else []
        sources += [parse_source(self.dev)] if self.dev not in (None, EACH) else []
        needs = [need for data_source in sources for need in data_source.reads()]
        chosen_by = self.dev or self.on
        if self.dev_metric == "task" and chosen_by not in (None, EACH):
            needs.append(DataNeed("metric", parse_source(chosen_by).name))
        if self.text is not None:
            needs.append(DataNeed("text", self.text))
        return tuple(dict.fromkeys(needs))

    # -- the work ---------------------------------------------------------------------------

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:

        assert source is not None, "the plan checks that distill has a source"
        teacher, manifest = context.teacher or source, source.manifest
        objectives = self.objectives().or_default(manifest.head)
        check_artifacts(
            source, teacher, objectives, whole=self.student is None, labelled=self.on is not None,
            text=self.text is not None,
        )  # fmt: skip
        pieces = piece_map(source.file("tokenizer.json"), teacher.file("tokenizer.json"))
        data = self._read(source, teacher, objectives, context)
        student, made_of = make_student(
            source.path, manifest.head, manifest.labels, self.student or Student.model_validate({}), seed=context.seed,
            dropout=self.dropout,
        )  # fmt: skip
        told: Any = load_model(teacher.path, teacher.manifest.head, teacher.manifest.labels, keep_head=True)
        depths = student.config.num_hidden_layers, told.config.num_hidden_layers
        loss = TeacherLoss(told, student, manifest.head, objectives, pieces=pieces, seed=context.seed)
        notes = distilled(self, student, loss, data, objectives, context)
        if context.first:
            save_model(student, source.path, target)
        notes |= {
            "teacher": teacher.digest,
            "layer_pairs": loss.notes(),
            **({"relation_heads": loss.relation_heads} if loss.relation_heads else {}),
            **made_of,
            "objectives": {name: one.model_dump(mode="json") for name, one in objectives.chosen()},
            "parameters": sum(weight.numel() for weight in student.parameters()),
            "parameters_teacher": sum(weight.numel() for weight in told.parameters()),
        }
        return StepResult(
            "torch",
            manifest.head,
            manifest.labels,
            training_set=manifest.training_set,
            layer=manifest.layer if self.student is None else layer_read(manifest.layer, *depths),
            notes=notes,
        )

    def _read(
        self, source: Artifact, teacher: Artifact, objectives: Objectives, context: Context
    ) -> TrainingData:

        most = min(read_checkpoint(one.path).max_tokens for one in (source, teacher))
        return read_distillation_data(
            "distill",
            context.provider,
            Reading.of(self, source.file("tokenizer.json"), most),
            source.manifest,
            on=parse_source(self.on, self.languages) if self.on is not None else None,
            dev=self.dev or self.on,
            text=self.text,
            translation=self.translation,
            mask=self.mask if objectives.answers else 0.0,
        )


STEP = Distill
