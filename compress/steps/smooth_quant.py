"""Move the outliers of activations over into weights, so that 8 bits hold both; an ONNX model stays equal."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

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
from xpareto.compress.onnx import ONCE, most_tokens, parity, rewrite
from xpareto.compress.onnx import weights as onnx_weights
from xpareto.compress.quantization import (
    best_alpha,
    coded_error,
    outlier_ratio,
    outlier_report,
    smoothing_scales,
)
from xpareto.compress.quantization.graph import collect, find_sites, shared_weights, smooth

if TYPE_CHECKING:
    from onnx import ModelProto

_SEED = 0
_SAMPLE_ROWS = 16  # vectors of each batch that the search looks at
_TOLERANCE = 1e-4  # of max(1, largest output): what rounding may change


class SmoothQuant(Step):
    """SmoothQuant (Xiao et al. 2023, arXiv 2211.10438): X W = (X / s) (s W), so that X / s has no outliers.

    s_j = max|X_j|^alpha / max|W_j|^(1 - alpha) for every channel j, maxima of X over calibration data. In
    float32 the model computes what it did; put quantize_static or quantize_dynamic after it. Where the
    division goes depends on what the value is, since XLM-R normalises after the residual sum:

    - norm (input of query, key and value, and of the first FFN product): the same layer norm feeds the
      residual sum, whose next norm would not give a scale back, so the division cannot be folded into
      it as in models that normalise first. A Mul stands in front of the products: that is why the step
      takes ONNX, no XLM-R checkpoint could say it.
    - attention (input of the attention's output product): folded into the value projection, at no cost.
    - ffn (second FFN input, behind GELU): a Mul as well, over the FFN's width. OpenVINO does it inside the product
      before it, at no cost; onnxruntime apart, in a few percent of a pass.

    Inputs of other products (the head, a low-rank embedding) stay. With `alpha: search`, every input has
    the alpha of 0.1 to 0.9 of the least error of its coded products on the calibration data, or none where
    that is best, and then no Mul.

    Drift of the states of multilingual-e5-small in static int8 (mean |x' - x| / mean |x|, 64 sentences of Tatoeba in
    de, hi, tr and zh): 0.090 unsmoothed, 0.076 with alpha 0.5 on norm and attention, 0.041 with the search on all
    three, 0.040 with 0.8 on all three; ranges by minmax for the last two, since what is smoothed has few outliers left
    to clip. Almost all of the unsmoothed drift comes from the second FFN input: that alone in codes (after alpha 0.5 on
    the others, ranges by mse) gives 0.064; query, key and value alone 0.016, the attention's output product 0.009, the
    first FFN product 0.019.

    ```yaml
    - {step: export_onnx, label: onnx}
    - {step: smooth_quant, candidate: false}
    - {step: quantize_static, range: minmax}
    ```
    """

    takes: ClassVar[Format | None] = "onnx"
    gives: ClassVar[Format] = "onnx"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "onnxruntime", "tokenizers")
    rules: ClassVar[tuple[Rule, ...]] = (
        ONCE,
        Rule(
            "needs_later",
            ("quantize_static", "quantize_dynamic", "quantize_mixed"),
            why="it only prepares 8-bit activations",
            fix="Put quantize_static after it.",
        ),
    )
    quick: ClassVar[Mapping[str, Any]] = {"calibration": {"examples": 8, "max_length": 16}}

    calibration: Calibration = Field(
        default=Calibration.model_validate({}),
        description="data that the maxima of the activations come from",
    )
    alpha: Annotated[float, Field(ge=0, le=1)] | Literal["search"] = Field(
        default="search", description="share of the outliers that weights take over; search: per input"
    )
    inputs: list[Literal["norm", "attention", "ffn"]] = Field(
        default=["norm", "attention", "ffn"],
        min_length=1,
        description="which inputs of products are smoothed: norm, attention, ffn",
    )

    def follow(self, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
        state = super().follow(state, heads)
        self.calibration.check("smooth_quant", heads)
        return state

    def reads(self) -> tuple[DataNeed, ...]:
        return self.calibration.reads()

    def apply(self, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None
        data = draw(self.calibration, context.provider, source.file(TOKENIZER), most_tokens(source), _SEED)

        def change(model: ModelProto) -> tuple[ModelProto, dict[str, Any]]:
            notes = self._smooth(model, source.path, data, context)
            return model, {**notes, "calibration": data.notes()}

        made = rewrite(source, target, context, change, "calibrating and smoothing")
        drifts = {name: parity.Drift(**drift_fields) for name, drift_fields in made.notes["drift"].items()}
        parity.require(drifts, _TOLERANCE, [(rows, length) for rows, length in made.notes["drift_shapes"]])
        return made

    def _smooth(
        self, model: ModelProto, folder: Path, data: CalibrationSet, context: Context
    ) -> dict[str, Any]:

        products = onnx_weights.weight_products(model)
        if not products:
            raise InputError("smooth_quant: the model holds no product with a float32 weight.")
        sites = find_sites(model, products)
        stats = collect(folder, list(sites), data, context.threads, _SAMPLE_ROWS)
        shared = shared_weights(model, list(products))
        scales: dict[str, np.ndarray] = {}
        told: dict[str, Any] = {}
        for value, site in sites.items():
            touched = {*site.products, *([site.folded_into] if site.folded_into else [])}
            reason = (
                "not among inputs" if site.kind not in self.inputs
                else "a weight serves several products" if touched & shared else None
            )  # fmt: skip
            if reason is not None:
                told[value] = {"kind": site.kind, "alpha": None, "because": reason}
                continue
            weights = [products[name].weight for name in site.products]
            peaks, sample = stats[value].channel_peaks.max(axis=0), stats[value].sample()
            weight_peaks = np.max([np.abs(weight).max(axis=1) for weight in weights], axis=0)
            before = coded_error(sample, weights, np.ones_like(peaks))
            alpha = best_alpha(peaks, sample, weights)[0] if self.alpha == "search" else self.alpha
            vector = np.ones_like(peaks) if alpha is None else smoothing_scales(peaks, weight_peaks, alpha)
            if alpha is not None:
                scales[value] = vector
            usual = float(np.median(peaks)) or 1.0
            told[value] = {
                "kind": site.kind,
                "read_by": list(site.products),
                "alpha": alpha,
                "by": None if alpha is None else "value projection" if site.folded_into else "Mul",
                "max_over_p99.9": _short(outlier_ratio(stats[value].histogram, float(peaks.max()))),
                "max_over_median_channel": [
                    _short(float(peaks.max()) / usual),
                    _short(_evenness(peaks / vector)),
                ],
                "relative_error": [_short(before), _short(coded_error(sample, weights, vector))],
            }
        if not scales and self.alpha != "search":
            raise InputError(
                f"smooth_quant: no input of the kinds {self.inputs} can be smoothed in this model."
            )
        smooth(model, sites, scales)
        return {"smoothed": told, "outliers": outlier_report(stats, onnx_weights.readers(products))}


def _evenness(peaks: np.ndarray) -> float:
    """Return the greatest channel's maximum over the median channel's."""
    return float(peaks.max() / (np.median(peaks) or 1.0))


def _short(value: float) -> float:
    return float(f"{value:.4g}")


STEP = SmoothQuant
