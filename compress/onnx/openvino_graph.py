"""A graph as OpenVINO reads it, and writes it in its own format.

OpenVINO has no integer product whose activations the graph codes as they come: it would do every node of that coding by
itself, in three to four times the product's time. Where a product's weight is stored as codes, OpenVINO codes the
activations itself, in groups along each token's width. So that is what such a product is read as: its answers lie
nearer to float than those of one range for a whole batch, and do not depend on what else is in the batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import InputError, install

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

IR = "openvino_model.xml"  # as optimum-intel calls it; its weights lie in the .bin beside it
_TOLD = 2  # lines of a reason
_SOURCE = ("Exception from", "Check ", "Summary:", "While validating", "FrontEnd API", "-- Conversion")
GROUP_SIZE = "DYNAMIC_QUANTIZATION_GROUP_SIZE"


def read_openvino(file: Path) -> Any:
    """Return the `openvino.Model` of an ONNX file; InputError without OpenVINO, or for what it cannot read."""
    import onnx

    openvino = import_openvino()
    try:
        model = openvino.Core().read_model(str(file))  # which maps the weights
    except RuntimeError as error:
        raise InputError(f"{file}: openvino cannot read it ({openvino_reason(error)}).") from error
    products = list(coded_products(onnx.load(file, load_external_data=False)))
    values = {
        name: value for node in model.get_ops() for value in node.outputs() for name in value.get_names()
    }
    for product in products:
        _decode(values, product)
    return model


def save_openvino(file: Path, folder: Path, group_size: int | None = None) -> tuple[Path, Path]:
    """Write an ONNX file's model into a folder in OpenVINO's format; return the files of its graph and its weights.

    `group_size`: values of a token's width that share a range where OpenVINO codes activations; None leaves that to
    OpenVINO. Nothing is compressed further.
    """
    model, written = read_openvino(file), folder / IR
    if group_size is not None:
        model.set_rt_info(str(group_size), ["runtime_options", GROUP_SIZE])
    import_openvino().save_model(model, str(written), compress_to_fp16=False)
    return written, written.with_suffix(".bin")


@dataclass(frozen=True)
class CodedProduct:
    """Names of values: what is coded as it comes; the codes (inputs, outputs), scales and zero points ("": none) of a
    weight; and the product of both in float."""

    source: str
    codes: str
    scales: str
    zero_points: str
    output: str


def coded_products(model: ModelProto) -> Iterator[CodedProduct]:
    """Yield each x -> DynamicQuantizeLinear -> MatMulInteger(., codes) -> Cast -> Mul(., scale of x times scales)."""
    makers = {output: node for node in model.graph.node for output in node.output}
    readers: dict[str, list[NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            readers[name].append(node)
    weights = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        coding = makers.get(node.input[0]) if node.op_type == "MatMulInteger" else None
        if coding is None or coding.op_type != "DynamicQuantizeLinear" or node.input[1] not in weights:
            continue
        cast = _only(readers[node.output[0]], "Cast")
        scaled = _only(readers[cast.output[0]], "Mul") if cast is not None else None
        if cast is None or scaled is None:
            continue
        factor = makers.get(next(name for name in scaled.input if name != cast.output[0]))
        if factor is None or factor.op_type != "Mul" or coding.output[1] not in factor.input:
            continue
        scales = next(name for name in factor.input if name != coding.output[1])
        zero_points = node.input[3] if len(node.input) > 3 else ""
        yield CodedProduct(coding.input[0], node.input[1], scales, zero_points, scaled.output[0])


def _only(nodes: list[NodeProto], kind: str) -> NodeProto | None:
    return nodes[0] if len(nodes) == 1 and nodes[0].op_type == kind else None


def _decode(values: Mapping[str, Any], product: CodedProduct) -> None:
    """Let a product in OpenVINO's graph take its source as it is, and its weight as codes times scales."""
    from openvino import Type, opset13

    weight = opset13.convert(values[product.codes], Type.f32)
    if product.zero_points:
        weight = opset13.subtract(weight, opset13.convert(values[product.zero_points], Type.f32))
    weight = opset13.multiply(weight, values[product.scales])
    made, old = opset13.matmul(values[product.source], weight, False, False), values[product.output]
    made.output(0).set_names(old.get_names())
    for reader in old.get_target_inputs():
        reader.replace_source_output(made.output(0))


def import_openvino() -> Any:
    """Return the package openvino; InputError where it is not installed."""
    try:
        import openvino
    except ImportError as error:
        raise InputError(
            f"The runtime openvino needs a package that is not installed. {install('openvino')}"
        ) from error
    return openvino


def openvino_reason(error: RuntimeError) -> str:
    """Return what OpenVINO gives as the reason, without the lines of its own source."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(_SOURCE)]
    return "; ".join(dict.fromkeys(told[-_TOLD:])) or lines[-1]
