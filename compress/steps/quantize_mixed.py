"""Give every part of an ONNX model the cheapest precision that keeps a declared worst-language drop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from xpareto.compress.core import (
    EACH,
    ENCODER,
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
    parse_source,
    unknown_source,
    with_language,
)
from xpareto.compress.data import Calibration
from xpareto.compress.heads import HEADS
from xpareto.compress.mixed_precision import (
    EMBEDDINGS,
    FLOAT,
    Embeddings,
    Group,
    Products,
    Samples,
    Trial,
    costs_of,
    groups_of,
    in_precisions,
    read_samples,
    rounded,
    search,
)
from xpareto.compress.onnx import ONCE, most_tokens, rewrite
from xpareto.compress.quantization import saturation as int8_overflow

if TYPE_CHECKING:
    from onnx import ModelProto

    from xpareto.compress.mixed_precision import SearchOutcome

_GRAIN = 0.05  # measured times are rounded to this share of the float model's, so that noise decides less


class QuantizeMixed(Step):
    """Accuracy-aware mixed precision (as NNCF's accuracy control; sensitivities as HAWQ, Dong et al. 2019).

    Groups: the attention products of each layer, the FFN products of each layer, the embeddings.
    Each gets one of the precisions offered or stays float: static (QDQ int8, calibrated), dynamic (int8,
    activations coded as they come), int8 and int4 (blocks, weights only); embeddings int8 or int4 rows.
    The mix has the least cost, a weighted sum of bytes and measured time, among those found that lose at
    most `max_drop` points in every language:

    1. Each group alone, in each precision: how far predictions diverge in the language that suffers most.
    2. The path of mixes that are optimal for the sum of these, from the cheapest up; by bisection the
       cheapest one that keeps the bound as measured on the selection sample.
    3. Cheaper changes of single groups that still keep it (`tries`).
    4. Acceptance on held-out examples; a mix that fails is repaired, one group a time, ranked anew.

    The drop: on plain text in each language the share of predictions that change, in percent, so that no
    accuracy falls by more on such text (tags per token, classes, answer spans; of an encoder the nearest
    neighbour of each line). With `dev`, the accuracy on labelled dev examples as well: English dev, and for
    other `dev_languages` the set's own train split in that language, which a model that was trained on
    English has not seen. A third of the text is for the ranges, one for selection, one for acceptance; of
    dev half and half.

    Times are measured here, so that the machine enters the key, and rounded to 5 % of the float model's;
    they are noted as `latency_ms`. Given back as `latency_ms`, or with `latency_share: 0`, equal inputs
    give equal bytes on every machine.

    ```yaml
    - {step: quantize_mixed, max_drop: 1.0, products: [static, int4], languages: [en, de, sw, zh], dev: each}
    ```
    """

    takes: ClassVar[Format | None] = "onnx"
    gives: ClassVar[Format] = "onnx"
    version: ClassVar[int] = 3
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "tokenizers", "ml-dtypes")
    rules: ClassVar[tuple[Rule, ...]] = (ONCE,)
    quick: ClassVar[Mapping[str, Any]] = {
        "max_drop": 60.0, "products": ["static", "int4"], "embeddings": ["int8"], "examples": 6, "tries": 2,
        "latency_ms": {"float": 10.0, "static": 4.0, "int4": 8.0},
    }  # fmt: skip

    max_drop: float = Field(
        1.0, gt=0, description="points that any language may lose, on either sample, against the source"
    )
    when_unmet: Literal["refuse", "best"] = Field(
        "refuse", description="where no mix keeps max_drop: stop, or go on with the mildest that was tried"
    )
    products: list[Products] = Field(
        ["static", "dynamic", "int4"],
        description="precisions to choose from for products: static, dynamic, int8, int4; [] leaves them float",
    )
    embeddings: list[Embeddings] = Field(
        ["int8", "int4"],
        description="precisions to choose from for the embeddings; [] leaves them float",
    )
    text: str | None = Field(
        "parallel", description="text for ranges and agreement: parallel, mono, bible; null"
    )
    languages: list[str] | None = Field(
        None, min_length=1, description="languages of the text; null: all it has", examples=[["en", "sw"]]
    )
    examples: int = Field(
        600, ge=3, description="lines of text in all, a third for each use, languages alike"
    )
    max_length: int = Field(128, ge=8, description="longest example in subwords")
    dev: str | None = Field(
        None,
        description="a labelled set whose accuracy is guarded, or each: the artifact's own; null: none",
        examples=["each"],
    )
    dev_languages: list[str] | None = Field(
        None, min_length=1, description="languages of dev; null: en", examples=[["en", "sw"]]
    )
    dev_limit: int | None = Field(
        500, ge=2, description="read the first so many dev examples of a language only; null: all"
    )
    latency_share: float = Field(
        0.5, ge=0, le=1, description="weight of time in the cost; bytes have the rest"
    )
    latency_ms: dict[str, float] | None = Field(
        None,
        description="milliseconds of the whole model by the precision of its products, as an earlier run noted "
        "them; null: measured here",
        examples=[{"float": 120.0, "static": 40.0, "dynamic": 45.0, "int4": 90.0}],
    )
    latency_batch: int = Field(8, ge=1, description="rows of the batch that is timed")
    latency_length: int = Field(
        64, ge=2, description="subwords of each of its rows, as many as the model reads"
    )
    percentile: float = Field(
        99.99, gt=50, le=100, description="% of an input's values inside the range of its static codes"
    )
    tries: int = Field(12, ge=0, description="cheaper changes of single groups to measure after the path")
    reduce_range: bool = Field(False, description="7-bit weights, for CPUs without VNNI")
    overflow: int8_overflow.Overflow = Field(
        "warn", description="where 8-bit products saturate on this CPU: warn, refuse or ignore"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.products and not self.embeddings:
            raise ValueError("products and embeddings: offer a precision for one of them at least")
        if len(set(self.products)) < len(self.products) or len(set(self.embeddings)) < len(self.embeddings):
            raise ValueError("products and embeddings: name each precision once")
        if self.text is None and self.dev is None:
            raise ValueError("needs data: give a text, such as parallel, or a labelled set (dev)")
        if self.dev_languages is not None and self.dev is None:
            raise ValueError("dev_languages goes with dev; give one, or leave it out")
        if self.dev is not None and (self.dev == ENCODER or ":" in self.dev or "@" in self.dev):
            raise ValueError(
                f"dev: expected a labelled training set, such as udpos, or each; found {self.dev}"
            )
        lacking = {FLOAT, *self.products}.difference(self.latency_ms or {})
        if self.latency_ms is not None and lacking:
            raise ValueError(f"latency_ms: expected a time for each of {', '.join(sorted(lacking))} too")
        if self.latency_ms is not None and min(self.latency_ms.values()) <= 0:
            raise ValueError("latency_ms: times are positive")
        return self

    # -- the plan ---------------------------------------------------------------------------

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        wrong = unknown_source(self.dev, [*heads, EACH]) if self.dev is not None else None
        if wrong is not None:
            raise IncompatibleStep(f"quantize_mixed: dev: {wrong}")
        if state.forked:
            if self.dev not in (None, EACH):
                raise IncompatibleStep(
                    "quantize_mixed: dev: after the fork every model has a training set of its own. Say `dev: each`."
                )
            return state
        if self.dev == EACH:
            raise IncompatibleStep(
                "quantize_mixed: dev: each goes with models per training set, which the chain has not here. Name a "
                "set, or put the step after the one with `on: each`."
            )
        if self.dev is not None and heads[self.dev] != state.head:
            raise IncompatibleStep(
                f"quantize_mixed: dev: {self.dev} needs the head {heads[self.dev]}, but what comes before it has "
                f"{state.head}. Name its own training set."
            )
        if state.head is not None and not HEADS[state.head].reads_text and self.dev is None:
            raise IncompatibleStep(
                "quantize_mixed: a multiple-choice model answers no plain text. Give `dev` its training set."
            )
        return state

    def within(self, training_set: str, head: Head | None = None) -> Step:
        """Return the step with its own training set in place of `each`; the encoder has the text only."""
        if self.dev != EACH:
            return self
        if training_set == ENCODER and self.text is None:
            raise IncompatibleStep(
                "quantize_mixed: text: a bare encoder has no labels to guard. Give a text."
            )
        if "@" in training_set:
            raise IncompatibleStep(
                f"quantize_mixed: dev: expected a labelled training set, such as udpos, found {training_set}. Leave "
                "dev out, or train on the set itself."
            )
        if training_set == ENCODER:
            return self.model_copy(update={"dev": None, "dev_languages": None})
        return self.model_copy(update={"dev": training_set})

    def reads(self) -> tuple[DataNeed, ...]:
        needs = [DataNeed("text", self.text)] if self.text is not None else []
        if self.dev not in (None, EACH):
            for name in self._dev_sets().values():
                needs += parse_source(name).reads()
        if self.latency_share and self.latency_ms is None:
            needs.append(DataNeed("machine", "onnxruntime"))
        return tuple(dict.fromkeys(needs))

    def _dev_sets(self) -> dict[str, str]:
        """Return language -> the name under which the data provider knows the labelled data of it."""
        return {at: with_language(str(self.dev), at) for at in self.dev_languages or ["en"]}

    # -- the work ---------------------------------------------------------------------------

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None
        notes: dict[str, Any] = {}
        if {"static", "dynamic"} & set(self.products):
            notes["overflow"] = int8_overflow.check(self.overflow, self.reduce_range, "quantize_mixed")

        def change(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
            made, search_notes = self._mixed(model, source, context)
            return made, {**search_notes, **notes}

        return rewrite(source, target, context, change, "searching")

    def _mixed(
        self, model: ModelProto, source: Artifact, context: Context
    ) -> tuple[ModelProto, dict[str, Any]]:

        offered = self._offered(groups_of(model))
        groups = [group for group in groups_of(model) if len(offered.get(group.name, ())) > 1]
        if not groups:
            raise InputError("quantize_mixed: the model holds no float32 weight to quantize.")
        samples = self._samples(source, context)
        trial = Trial(
            model, source, groups, samples, context, percentile=self.percentile, reduce_range=self.reduce_range
        )  # fmt: skip
        if "static" in self.products:
            trial.calibrate()
        times = self._times(trial, min(self.latency_length, most_tokens(source)))
        costs = costs_of(groups, offered, times, self.latency_share)
        harms = trial.sensitivities(offered)
        outcome = search(
            costs,
            harms,
            FLOAT,
            lambda mix: trial.reading(mix, "selection"),
            lambda mix: trial.reading(mix, "acceptance"),
            self.max_drop,
            self.tries,
        )
        if not outcome.met and self.when_unmet == "refuse":
            raise InputError(self._unmet(outcome))
        made = in_precisions(model, groups, outcome.assignment, trial.codes, reduce_range=self.reduce_range)
        return made, {
            **outcome.notes(self.max_drop),
            **({} if outcome.met else {"warning": self._unmet(outcome)}),
            "latency_ms": times,
            "costs": rounded(costs),
            "sensitivities": rounded(harms),
            "examples": samples.notes(),
        }

    def _offered(self, groups: list[Group]) -> dict[str, list[str]]:
        """Return the precisions of each group, float last."""

        return {
            group.name: [*(self.embeddings if group.name == EMBEDDINGS else self.products), FLOAT]
            for group in groups
        }

    def _times(self, trial: Trial, length: int) -> dict[str, float]:
        """Return the milliseconds of the model by the precision of its products."""
        if self.latency_ms is not None:
            return {name: self.latency_ms[name] for name in (FLOAT, *self.products)}
        if not self.latency_share:
            return {}
        milliseconds = trial.times(self.products, self.latency_batch, length)
        whole = milliseconds[FLOAT]
        return {
            name: round(max(_GRAIN, round(value / whole / _GRAIN) * _GRAIN) * whole, 4)
            for name, value in milliseconds.items()
        }

    def _samples(self, source: Artifact, context: Context) -> Samples:
        text = None
        if self.text is not None:
            lines_by_language = context.provider.text(self.text)
            known = self.languages or [
                name for name, lines in lines_by_language.items() if any(map(str.strip, lines))
            ]
            wanted = {"languages": self.languages, "examples": self.examples * max(1, len(known))}
            text = Calibration.model_validate({"text": self.text, "max_length": self.max_length, **wanted})
        longest = min(self.max_length, most_tokens(source))
        dev = self._dev_sets() if self.dev is not None else {}
        return read_samples(source, context.provider, text, dev, longest, self.dev_limit)

    def _unmet(self, outcome: SearchOutcome) -> str:
        reading = outcome.acceptance
        return (
            f"quantize_mixed: max_drop: expected a mix that loses at most {self.max_drop:g} points in every "
            f"language, but the mildest of {outcome.measured} that were measured loses {reading.worst:.2f} in "
            f"{reading.worst_language} on held-out examples ({outcome.selection.worst:.2f} on those chosen by). Raise "
            "max_drop, offer milder precisions, or take that one: when_unmet: best."
        )


STEP = QuantizeMixed
