"""Quantize an ONNX model to int8 with ranges of the activations that calibration data give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from xpareto.compress.core import (
    Artifact,
    ChainState,
    Context,
    DataNeed,
    Format,
    Head,
    InputError,
    Rule,
    Step,
    StepResult,
)
from xpareto.compress.data import TOKENIZER, Calibration, CalibrationSet, draw
from xpareto.compress.onnx import ONCE, most_tokens, rewrite
from xpareto.compress.onnx import weights as onnx_weights
from xpareto.compress.quantization import (
    Affine,
    Method,
    chosen_range,
    mean_correction,
    outlier_report,
    quantize_channels,
    relative_error,
)
from xpareto.compress.quantization import saturation as int8_overflow
from xpareto.compress.quantization.graph import (
    Factor,
    Rows,
    add_to_biases,
    attention_factors,
    collect,
    embedding_nodes,
    round_by_gptq,
    set_weights,
    watch,
    with_coded_attention,
    with_learned_codes,
    with_qdq,
    with_rows,
)

if TYPE_CHECKING:
    from onnx import ModelProto

    from xpareto.compress.quantization import ActivationStats

_SEED = 0  # the same examples whatever the run's seed: the step is not seeded
_SAMPLE_ROWS = 16  # vectors of each batch that the error of a product is measured on


_LEARNED_FIELDS = ("range", "embeddings", "overflow", "reduce_range")
_TRAINED = (
    Rule(
        "after",
        ("quantize_aware",),
        why="range: learned takes the codes that it trained",
        fix="Put quantize_aware before the export, or choose another range.",
    ),
    Rule(
        "never_after",
        ("smooth_quant",),
        why="range: learned has codes for the weights as they were trained",
        fix="Leave smooth_quant out, or choose another range.",
    ),
)


class QuantizeStatic(Step):
    """int8 products whose activations have fixed ranges; int8 or int4 rows for the word embeddings.

    QuantizeLinear and DequantizeLinear stand around products with a weight (MatMul, Gemm), with `attention: int8`
    around attention's own, and nothing else: weights are symmetric int8, one scale per output channel, activations
    unsigned 8 bits (x86 runs u8 x s8; s8 x s8 is many times slower there). Sums, norms and softmax stay in float32, so
    the residual sum after the FFN, where outliers collapse plain W8A8 (Bondarenko et al. 2021, arXiv 2109.12948), is
    never coded. Ranges come from one pass of the float model over the calibration data:

    - minmax: all that was seen. percentile: `percentile` % of the values, tails cut equally.
    - mse: least squared error of coding.
    - entropy: least Kullback-Leibler divergence (TensorRT). It asks how many values lie where and not how
      large they are, so it may clip great ones that a model needs: Wu et al. 2020 (arXiv 2004.09602) found BERT
      to lose by it.
    - learned: no pass and no data: the codes that quantize_aware trained the model with.

    On multilingual-e5-small, Tatoeba in de, hi, tr and zh (300 pairs each, 128 calibration examples): float 94.8,
    percentile 95.3, minmax 94.5, mse 94.3, entropy 94.2.

    Products whose input has outliers all the same (the second FFN input, El-Kurdi et al. 2022, is the
    first to suffer) fall back: those that `fallback_nodes` names, those whose input's greatest magnitude
    is over `fallback_ratio` times its 99.9th percentile, and the `fallback_top` of greatest error. They
    then have

    - weights: int8 weights and float activations, which onnxruntime codes anew for every token in blocks
      (MatMulNBits); as small as int8.
    - 16bit: int8 weights and unsigned 16-bit activations of the calibrated min-max range.
    - float: float32 weights.

    `attention: int8` codes queries, keys and values symmetrically, and probabilities in 255 steps from 0 to 1. It
    pays on OpenVINO, whose attention then runs in integers; onnxruntime takes about the same time with it.

    `rounding: gptq` rounds weights for the inputs of the calibration data (Frantar et al. 2023): after smooth_quant, on
    512 lines of 40 languages, multilingual-e5-small drifts by 0.031, not 0.038, and with `fallback_top: 4` by 0.029.

    `bias_correction` adds the mean error that coding makes in each output channel to its bias (Nagel et
    al. 2019, section 4.2). The notes hold an outlier report by tensor and language (`outliers`), every
    product's relative error and what onnxruntime runs (`products`).

    ```yaml
    - {step: quantize_static, range: percentile, fallback_top: 4, calibration: {languages: [en, de, zh]}}
    ```
    """

    takes: ClassVar[Format | None] = "onnx"
    gives: ClassVar[Format] = "onnx"
    version: ClassVar[int] = 4
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "tokenizers")
    rules: ClassVar[tuple[Rule, ...]] = (ONCE,)
    quick: ClassVar[Mapping[str, Any]] = {"calibration": {"examples": 8, "max_length": 16}}

    calibration: Calibration = Field(
        default=Calibration.model_validate({}),
        description="data that the ranges of the activations come from",
    )
    range: Method | Literal["learned"] = Field(
        default="percentile",
        description="range of the activations: minmax, percentile, mse, entropy (may clip too much); "
        "learned: of quantize_aware",
    )
    percentile: float = Field(
        default=99.99, gt=50, le=100, description="% of the values inside the range, for range: percentile"
    )
    per_channel: bool = Field(default=True, description="one weight scale per output channel, not per matrix")
    embeddings: Rows = Field(
        default="int8", description="word embeddings: int8 rows, int4 rows in blocks, or float"
    )
    attention: Literal["float", "int8"] = Field(
        default="float", description="attention's own products: of queries and keys, probabilities and values"
    )
    bias_correction: bool = Field(
        default=False, description="fold the mean error of every output channel into the bias"
    )
    fallback: Literal["weights", "16bit", "float"] = Field(
        default="weights", description="what products with outliers get: weights, 16bit or float"
    )
    fallback_nodes: list[str] = Field(
        default=[],
        description="glob patterns of products that fall back",
        examples=[["*[0-9].output.dense/*"]],
    )
    fallback_ratio: float | None = Field(
        default=None,
        gt=1,
        description="fall back where the input's max is over this times its 99.9th percentile; null: nowhere",
        examples=[8.0],
    )
    fallback_top: int = Field(
        default=0, ge=0, description="fall back at this many products of greatest error"
    )
    rounding: Literal["nearest", "gptq"] = Field(
        default="nearest", description="of weights: nearest, or gptq: for the calibration data's inputs"
    )
    reduce_range: bool = Field(default=False, description="7-bit weights, for CPUs without VNNI")
    overflow: int8_overflow.Overflow = Field(
        default="warn", description="where 8-bit products saturate on this CPU: warn, refuse or ignore"
    )

    @model_validator(mode="after")
    def _learned_alone(self) -> QuantizeStatic:
        if self.range == "learned":
            idle = set(type(self).model_fields).difference(_LEARNED_FIELDS)
            for name in sorted(idle & self.model_fields_set):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name}: range: learned has all codes from training; leave it out")
        return self

    def order(self) -> Sequence[Rule]:
        return (*self.rules, *_TRAINED) if self.range == "learned" else self.rules

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        self.calibration.check("quantize_static", heads)
        return state

    def reads(self) -> tuple[DataNeed, ...]:
        return self.calibration.reads() if self.range != "learned" else ()

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None
        overflow = int8_overflow.check(self.overflow, self.reduce_range, "quantize_static")
        if self.range == "learned":

            def trained(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
                made, notes = with_learned_codes(model, source.path, self.embeddings, self._bits)
                return made, {**notes, "overflow": overflow}

            return rewrite(source, target, context, trained, "quantizing as it was trained")
        data = draw(self.calibration, context.provider, source.file(TOKENIZER), most_tokens(source), _SEED)

        def change(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
            made, notes = self._quantized(model, source.path, data, context)
            return made, {**notes, "overflow": overflow, "calibration": data.notes()}

        return rewrite(source, target, context, change, "calibrating and quantizing")

    def _quantized(
        self, model: ModelProto, folder: Path, data: CalibrationSet, context: Context
    ) -> tuple[ModelProto, dict[str, Any]]:

        products = onnx_weights.weight_products(model)
        if not products:
            raise InputError("quantize_static: the model holds no float32 weight to quantize.")
        named = set(onnx_weights.match_nodes(self.fallback_nodes, list(products), "fallback_nodes"))
        method = self.range
        assert method != "learned", "that reads no data"
        inputs = list(dict.fromkeys(product.source for product in products.values()))
        factors = self._factors(model, products)
        attended = dict.fromkeys(
            factor.value for pair in factors.values() for factor in pair if not factor.probabilities
        )
        seen = collect(folder, [*inputs, *attended], data, context.threads, _SAMPLE_ROWS)
        ranges = {name: chosen_range(one, method, self.percentile) for name, one in seen.items()}
        stats = {name: seen[name] for name in inputs}
        codes = {name: Affine.over(*ranges[name]) for name in inputs}
        rounded: Mapping[str, tuple[np.ndarray, np.ndarray]] = {}
        if self.rounding == "gptq":
            rounded = round_by_gptq(
                folder, products, data, context.threads, per_channel=self.per_channel, bits=self._bits
            )

        def weight_of(name: str) -> np.ndarray:
            return rounded[name][0] if name in rounded else self._coded(products[name])

        errors = {}
        for name, product in products.items():
            sample = stats[product.source].sample()
            inputs_of = codes[product.source].quantized(sample)
            errors[name] = relative_error(sample, inputs_of, product.weight, weight_of(name))
        report = outlier_report(stats, onnx_weights.readers(products))
        fallen = self._fallen(products, named, errors, report)
        inner = {
            name: self._codes(name in fallen, stats[product.source], codes[product.source])
            for name, product in products.items()
            if not (name in fallen and self.fallback == "float")
        }
        if not any(name not in fallen for name in products):
            raise InputError(
                "quantize_static: every product falls back. Name fewer nodes, or raise the ratio."
            )
        if self.bias_correction:
            sums = {name: np.zeros(stats[name].channel_means.shape) for name in inputs}

            def see(name: str, vectors: np.ndarray, _: np.ndarray) -> None:
                sums[name] += codes[name].quantized(vectors).sum(axis=0, dtype=np.float64)

            watch(folder, inputs, data, context.threads, see)
            vectors = {}
            for name in inner:
                product, mean = products[name], stats[products[name].source].channel_means
                coded = mean if name in fallen else sums[product.source] / stats[product.source].vectors
                vectors[name] = mean_correction(mean, coded, product.weight, weight_of(name))
            add_to_biases(model, vectors)
        set_weights(model, {name: rounded[name][0] for name in inner if name in rounded})
        least = {name: scales for name, (_, scales) in rounded.items()}
        made = with_qdq(model, inner, per_channel=self.per_channel, weight_bits=self._bits, least=least)
        peaks = {name: max(-ranges[name][0], ranges[name][1]) for name in attended}
        made = with_coded_attention(made, factors, peaks) if factors else made
        lookups = embedding_nodes(made)
        made = with_rows(made, lookups, self.embeddings)
        kinds = Counter(product.operator for name, product in products.items() if name not in fallen)
        notes: dict[str, Any] = {
            "quantized_nodes": dict(sorted(kinds.items())),
            "attention_products": len(factors),
            "embeddings": self.embeddings if lookups else "none",
            "fallback": {name: fallen[name] for name in products if name in fallen},
            "ranges": {name: [round(value, 5) for value in _range(one)] for name, one in codes.items()},
            "relative_error": {name: float(f"{error:.3g}") for name, error in errors.items()},
            "outliers": report,
        }
        return made, notes

    def _factors(
        self, model: ModelProto, products: Mapping[str, onnx_weights.Product]
    ) -> Mapping[str, tuple[Factor, Factor]]:
        if self.attention == "float":
            return {}
        factors = attention_factors(model, products)
        if not factors:
            raise InputError(
                "quantize_static: attention: int8: expected products of projected queries, keys and values, found none "
                "in this model, whose attention changes them first (rotary positions, for one). Leave attention: float."
            )
        return factors

    def _coded(self, product: onnx_weights.Product) -> np.ndarray:
        """Return the weight (inputs, outputs) as it is after coding."""

        axis = 1 if self.per_channel else None
        codes, scale = quantize_channels(product.weight, axis, self._bits)
        return codes * scale

    @property
    def _bits(self) -> int:
        return 7 if self.reduce_range else 8

    def _codes(self, fallen: bool, stats: ActivationStats, codes: Affine) -> Affine | None:
        if not fallen:
            return codes
        return Affine.over(*stats.extremes, bits=16) if self.fallback == "16bit" else None

    def _fallen(
        self,
        products: Mapping[str, onnx_weights.Product],
        named: set[str],
        errors: Mapping[str, float],
        report: Mapping[str, Any],
    ) -> dict[str, str]:
        """Return the products that fall back and why."""
        reasons = dict.fromkeys(named, "named")
        for name, product in products.items():
            ratio = report["tensors"][product.source]["max_over_p99.9"]
            if self.fallback_ratio is not None and ratio > self.fallback_ratio:
                reasons.setdefault(name, f"max is {ratio:g} times the 99.9th percentile")
        left = sorted(
            (name for name in products if name not in reasons), key=lambda name: (-errors[name], name)
        )
        for name in left[: self.fallback_top]:
            reasons[name] = f"relative error {errors[name]:.3g}"
        return reasons


def _range(codes: Affine) -> tuple[float, float]:
    return -codes.zero_point * codes.scale, (2**codes.bits - 1 - codes.zero_point) * codes.scale


STEP = QuantizeStatic
