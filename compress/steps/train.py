"""Fine-tune on labelled sets or text, one or many: intermediate (before the fork) or target (each)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from xpareto.compress.core import (
    EACH,
    ENCODER,
    Artifact,
    ChainState,
    Context,
    DataNeed,
    DataSource,
    Format,
    Head,
    IncompatibleStep,
    InputError,
    Step,
    StepResult,
    checked_on,
    hint,
    parse_source,
    refused,
    title,
    unknown_source,
)
from xpareto.compress.data import CAP, Draws, Sampling, capped_total, rates
from xpareto.compress.heads import HEADS
from xpareto.compress.models import freeze, load_model, read_checkpoint, save_model
from xpareto.compress.training import (
    LM_TASK,
    Accumulate,
    BatchSize,
    Checkpointing,
    Clip,
    DevLimit,
    DevMetric,
    DevScores,
    LearningRate,
    Limit,
    MultiTaskLoss,
    Patience,
    Reading,
    TrainingData,
    Warmup,
    WeightDecay,
    compacted,
    fit_step,
    multitask_model,
    read_training_data,
    suited_rate,
    updates_for,
)


class Train(Step):
    """Train on one training set, on a mixture, on text, or on each of the recipe's training sets.

    One training set gives a model with its head, fresh before training. A list is a
    mixture: one encoder with a head per training set, every batch of one source, drawn by `sampling`;
    it gives the encoder alone, or with its masked LM head where text is among the sources. A list of
    one set in several languages keeps that set's head. `NAME@LANGUAGE` is a set's translation.
    `mlm:TEXT` continues masked LM on a text, `tlm:TEXT` translation LM on parallel text (Conneau &
    Lample 2019); a masked LM head that is there is kept. `on: each` forks the chain: one artifact per
    training set, and for tasks that train nothing the bare encoder. The weights kept are those of the
    best mean of the English dev scores; on text alone, the last ones.

        - {step: train, on: mnli, epochs: 1} # intermediate
        - {step: train, on: [mnli, squad_v1, "mlm:parallel"], steps: 5000, patience: 0}
        - {step: train, on: mnli, languages: [en, de, fr]}
        - {step: train, on: each, epochs: 3, per_set: {udpos: {epochs: 10}}} # target
    """

    takes: ClassVar[Format | None] = "torch"
    gives: ClassVar[Format] = "torch"
    added: ClassVar[tuple[str, ...]] = ("dev_metric", "tokens")
    seeded: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")
    makes_heads: ClassVar[bool] = True
    together: ClassVar[bool] = True
    quick: ClassVar[Mapping[str, Any]] = {"on": "udpos", "max_steps": 2}

    on: Annotated[str | list[str], BeforeValidator(checked_on, json_schema_input_type=str | list[str])] = (
        Field(
            description="a training set (mnli, mnli@de), mlm:TEXT or tlm:TEXT, a list of these, "
            '"each" of the recipe\'s, or "encoder" for no training',
            examples=["each"],
        )
    )
    languages: list[str] | None = Field(
        None,
        min_length=1,
        description="train on these languages of each set together, en being the original; null: en",
        examples=[["en", "de"]],
    )
    text_languages: list[str] | None = Field(
        None,
        min_length=1,
        description="languages of mlm: and tlm: texts; null: all they have",
        examples=[["en", "sw"]],
    )
    epochs: float = Field(3.0, gt=0, description="passes; of a mixture: over the sum of its capped sizes")
    max_steps: int | None = Field(
        None, ge=1, description="end after so many updates at the latest; null: no limit", examples=[1000]
    )
    steps: int | None = Field(
        None,
        ge=1,
        description="make so many updates in place of `epochs`, for arms with equal updates; null: by epochs",
        examples=[5000],
    )
    tokens: int | None = Field(
        None,
        ge=1,
        description="make as many updates as show so many tokens, for arms with equal tokens; null: by steps or epochs",
        examples=[1000000],
    )
    sampling: Sampling = Field(
        "proportional",
        description="how often a mixture draws a source: proportional to its capped size, that to the "
        "power of 1/temperature, or uniform",
    )
    cap: int | None = Field(CAP, ge=1, description="a source of a mixture counts as at most so many examples")
    temperature: float = Field(2.0, gt=0, description="for sampling: temperature; 1 is proportional")
    learning_rate: LearningRate = "auto"
    batch_size: BatchSize = 32
    accumulate: Accumulate = 1
    warmup: Warmup = 0.06
    weight_decay: WeightDecay = 0.01
    clip: Clip = 1.0
    dropout: float | None = Field(
        None, ge=0, lt=1, description="probability; null: the checkpoint's own", examples=[0.1]
    )
    max_length: int | None = Field(
        None,
        ge=8,
        description="longest training example in subwords; null: 384 for spans, 256 for choices, 128 else",
        examples=[256],
    )
    mask: float = Field(0.15, gt=0, lt=1, description="share of the tokens of a text to be guessed")
    limit: Limit = None
    dev_limit: DevLimit = 2000
    evaluations_per_epoch: int = Field(1, ge=1, description="dev scores in each epoch")
    patience: Patience = 3
    dev_metric: DevMetric = "task"
    precision: Literal["auto", "fp32", "bf16"] = Field(
        "auto",
        description="of the products; auto: bf16 where the hardware is seen to be quicker with it, else fp32",
    )
    gradient_checkpointing: Checkpointing = False
    freeze: int | None = Field(
        None,
        ge=0,
        description="leave the embeddings and so many of the lowest layers as they are; null: train all",
        examples=[0],
    )
    layer: int | None = Field(
        None,
        ge=0,
        description="hidden state that retrieval reads of the encoder; null: the last, 0: embeddings",
        examples=[8],
    )
    per_set: dict[str, dict[str, Any]] = Field(
        default={},
        description="for on: each, other fields for some training sets",
        examples=[{"udpos": {"epochs": 10}}],
    )

    @field_validator("languages")
    @classmethod
    def _check_languages(cls, value: list[str] | None, info: ValidationInfo) -> list[str] | None:
        on = info.data.get("on")
        if value is None or on is None:
            return value
        names = on if isinstance(on, list) else [on]
        if on == ENCODER or all(":" in name for name in names):
            raise ValueError("goes with labelled training sets; for texts use text_languages")
        if any("@" in name for name in names):
            raise ValueError("a language is named by @ already; use the one or the other")
        if len(set(value)) < len(value):
            raise ValueError("each language once")
        return value

    @field_validator("tokens")
    @classmethod
    def _check_tokens(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and info.data.get("steps") is not None:
            raise ValueError("steps say how long it trains already; give the one or the other")
        return value

    @field_validator("per_set")
    @classmethod
    def _check_per_set(
        cls, value: dict[str, dict[str, Any]], info: ValidationInfo
    ) -> dict[str, dict[str, Any]]:
        if value and info.data.get("on", EACH) != EACH:
            raise ValueError("goes with `on: each`; here set the fields of the step itself")
        known = [name for name in cls.model_fields if name not in ("on", "per_set")]
        for name, fields in value.items():
            for field in fields:
                if field not in known:
                    raise ValueError(
                        f'{name}: unknown field "{field}".{hint(field, known)} Known: {", ".join(known)}'
                    )
            try:
                cls.model_validate({**fields, "on": name})
            except ValidationError as error:
                first_error = error.errors(include_url=False)[0]
                where = ".".join(map(str, [name, *first_error["loc"]]))
                raise ValueError(f"{where}: {refused(first_error)}") from error
        return value

    def sources(self) -> tuple[DataSource, ...]:
        """Return what is trained on: none for each and encoder."""
        if self.on in (EACH, ENCODER):
            return ()
        names = [self.on] if isinstance(self.on, str) else self.on
        return tuple(parse_source(name, self.languages) for name in names)

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        known = [*heads, EACH, ENCODER]
        for name in [*([self.on] if isinstance(self.on, str) else self.on), *self.per_set]:
            wrong = unknown_source(name, known)
            if wrong is not None:
                raise IncompatibleStep(f"train: {'per_set' if name in self.per_set else 'on'}: {wrong}")
        if self.on == EACH:
            if state.forked:
                raise IncompatibleStep(
                    "train on each forks the chain, but it is forked already. Keep one `on: each`."
                )
            return state.having(head=None, forked=True)
        sources = self.sources()
        if any(data_source.kind != "labelled" for data_source in sources):
            return state.having(head="mlm")
        names = {data_source.name for data_source in sources}
        return state.having(head=heads[names.pop()] if len(names) == 1 else "encoder")

    def needs(self) -> Mapping[str, str]:
        reads = "train: layer reads states below the last, which XLM-R normalizes as it does the last"
        layers = [self.layer, *(fields.get("layer") for fields in self.per_set.values())]
        return {} if {*layers} == {None} else {"inner_states": reads}

    def branches(self, training_sets: Sequence[str]) -> Mapping[str, Step] | None:
        if self.on != EACH:
            return None
        return {name: self._branch(name) for name in training_sets}

    def _branch(self, name: str) -> Train:
        """Return this step for one training set, with the fields that `per_set` gives for it."""
        if name == ENCODER:  # whatever training asks for, nothing is trained: one copy serves all of it
            layer = self.per_set.get(ENCODER, {}).get("layer", self.layer)
            return type(self).model_validate({"on": ENCODER, "layer": layer})
        set_name, at, _ = name.partition("@")
        fields = {field: getattr(self, field) for field in type(self).model_fields if field != "per_set"}
        fields |= self.per_set.get(set_name, {}) | self.per_set.get(name, {})
        if at:
            fields["languages"] = None  # the name says the language
        return type(self).model_validate({**fields, "on": name})

    def reads(self) -> tuple[DataNeed, ...]:
        sources = self.sources()
        needs = [need for data_source in sources for need in data_source.reads()]
        if self.dev_metric == "task":
            needs += [DataNeed("metric", one.name) for one in sources if one.kind == "labelled"]
        return tuple(dict.fromkeys(needs))

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None, "the plan checks that train has a source"
        assert self.on != EACH, "the plan replaces each by its branches"
        if self.on == ENCODER:
            return self._strip(source.path, target)

        self._check_layer("freeze", self.freeze, source.path)
        facts = read_checkpoint(source.path)
        reading = Reading.of(self, source.file("tokenizer.json"), facts.max_tokens)
        data = read_training_data(self.sources(), context.provider, reading, self.mask)
        first, *others = data.tasks
        keep_lm_head = HEADS[facts.head].predicts_tokens
        if others:
            model = multitask_model(
                source.path, data.tasks, seed=context.seed, dropout=self.dropout, keep_lm_head=keep_lm_head
            )
        else:
            model = load_model(
                source.path, first.head, first.labels, keep_head=HEADS[first.head].predicts_tokens and keep_lm_head,
                seed=context.seed, dropout=self.dropout,
            )  # fmt: skip
        notes = self._fit(model, data, suited_rate(self.learning_rate, facts.hidden_size), context)
        if context.first:
            save_model(model.host if others else model, source.path, target)
        if others:
            masked = any(task.name == LM_TASK for task in data.tasks)
            kept: Head = "mlm" if masked else "encoder"
            return StepResult("torch", kept, training_set=title(self.on), notes=notes)
        trained_on = first.name if HEADS[first.head].supervised else title(self.on)
        return StepResult("torch", first.head, first.labels, training_set=trained_on, notes=notes)

    def _strip(self, source: Path, target: Path) -> StepResult:
        self._check_layer("layer", self.layer, source)
        save_model(load_model(source, "encoder"), source, target)
        none = {"steps": 0, "tokens": 0}
        return StepResult("torch", "encoder", training_set=ENCODER, layer=self.layer, notes=none)

    def _check_layer(self, field: str, value: int | None, source: Path) -> None:
        layers = read_checkpoint(source).layers
        if value is not None and value > layers:
            raise InputError(
                f"train: {field}: expected 0 (embeddings) to {layers} (the last layer), found {value}."
            )

    def _fit(self, model: Any, data: TrainingData, rate: float, context: Context) -> dict[str, Any]:
        total = capped_total(data.sizes, self.cap if len(data.datasets) > 1 else None)
        mixed = rates(data.sizes, self.sampling, self.cap, self.temperature)
        draws, counted = (Draws(mixed, context.seed) for _ in range(2))
        several = len(data.tasks) > 1
        has_text = any(HEADS[task.head].predicts_tokens for task in data.tasks)
        with compacted(model, data, whole=has_text) as shown:
            if self.freeze is not None:
                freeze(model, self.freeze)
            dev = DevScores(
                shown, (lambda model, task: model.models[task]) if several else lambda model, _: model
            )
            fitted = fit_step(
                self,
                model,
                shown.batches(self.batch_size, context.seed, draws),
                MultiTaskLoss(data.tasks) if several else HEADS[data.tasks[0].head].loss,
                context,
                examples=total,
                learning_rate=rate,
                dev=dev if data.dev else None,
                updates=updates_for(shown.batches(self.batch_size, context.seed, counted), self.tokens),
            )
            by_task = {}
            if context.first and fitted.best_score is not None:
                by_task = dev.behind(fitted.best_score, model)
        return {
            **fitted.notes(),
            **data.notes(draws, fitted.steps, mixed.tolist(), by_task),
            "epochs": round(fitted.steps * self.batch_size / total, 3),
        }


STEP = Train
