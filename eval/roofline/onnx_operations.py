"""Operations and bytes of an ONNX graph at one shape of input, from its structure: nothing is run.

Counted are the multiplications and additions of matrix products, which are over 99 % of an encoder's
arithmetic; what lies between them shows up in bytes, and in the time per operator (probe `operators`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xpareto.compress.core import InputError
from xpareto.eval.roofline.file_bytes import BITS

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Precision = Literal["fp32", "fp16", "bf16", "int8"]
Shape = tuple[int, ...]

_CONTRIB = "com.microsoft"
_VIEWS = {"Reshape", "Squeeze", "Unsqueeze", "Flatten", "Identity"}  # move no byte
_TABLES = {"Gather", "GatherBlockQuantized"}  # read some rows of their first input
_INTEGER = {"MatMulInteger", "QLinearMatMul", "DynamicQuantizeMatMul", "MatMulIntegerToFloat"}
_FUSED_ATTENTION = {"Attention", "MultiHeadAttention", "QAttention", "PackedAttention", "GroupQueryAttention"}
_FOLDED = 1 << 22  # elements that a computed index may have
_LARGE = 1024  # elements above which a constant is no shape, axis or index


@dataclass(frozen=True)
class Work:
    """What one pass does.

    `operations` are those of matrix products by the precision that they are done in, one for a
    multiplication and one for an addition: 2 m n k for (m, k) x (k, n). `weight_bytes` are read once each;
    of an embedding table the rows that are looked up. `boundary_bytes` are the graph's inputs and outputs.
    `activation_bytes` are all that nodes read and write beside weights, as if nothing stayed in a cache
    and nothing was fused: an upper bound, where weights + boundary are the lower one; None: not counted.
    """

    operations: Mapping[str, int]
    weight_bytes: int
    boundary_bytes: int
    activation_bytes: int | None
    by_component: Mapping[str, int] = field(default_factory=dict)  # operations

    @property
    def total(self) -> int:
        """Operations of all precisions."""
        return sum(self.operations.values())

    @property
    def compulsory_bytes(self) -> int:
        """Bytes that have to move if every cache were perfect (Williams et al. 2009)."""
        return self.weight_bytes + self.boundary_bytes

    @property
    def intensity(self) -> float:
        """Operations per byte that has to move."""
        return self.total / max(1, self.compulsory_bytes)


def onnx_work(file: Path, batch: int, length: int) -> Work:
    """Return the work of a model.onnx for int64 inputs (batch, length).

    InputError for a file that cannot be read, a product whose shape cannot be inferred, and fused
    attention of onnxruntime, which is not counted.
    """
    try:
        return work_of(read_graph(file), batch, length)
    except InputError as error:
        raise InputError(f"{file}: {error}") from error


def read_graph(file: Path) -> ModelProto:
    """Return the model of a file without the numbers of its weights; InputError when it is not one."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(file, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise InputError(f"not a readable ONNX model ({error}).") from error
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > _LARGE:
            tensor.ClearField("raw_data")
    return model


def work_of(model: ModelProto, batch: int, length: int) -> Work:
    """Return the work of a model, as `onnx_work` does; weights need shapes alone (see `read_graph`)."""
    changed = type(model)()
    changed.CopyFrom(model)
    model = changed
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    weight_bytes = {name: _bytes(tuple(tensor.dims), tensor.data_type) for name, tensor in weights.items()}
    nodes = [_copy(node) for node in model.graph.node]
    facts = _inferred(model, batch, length)
    dequantized = _dequantized(nodes)
    operations: dict[str, int] = {}
    components: dict[str, int] = {}
    read: dict[str, int] = {}
    moved = 0
    for node in nodes:
        node_operations = _product(node, facts)
        if node_operations:
            precision = _precision(node, facts, dequantized)
            operations[precision] = operations.get(precision, 0) + node_operations
            component = component_of_node(node.name)
            components[component] = components.get(component, 0) + node_operations
        for place, name in enumerate(node.input):
            if name not in weights:
                continue
            size = weight_bytes[name]
            if node.op_type in _TABLES and place != 1:  # rows of a table: at most as many as are asked for
                rows = math.prod(facts[node.input[1]][0]) if node.input[1] in facts else 1
                size = min(size, size * rows // max(1, weights[name].dims[0]))
            read[name] = min(weight_bytes[name], read.get(name, 0) + size)
        if node.op_type not in _VIEWS:
            names = [name for name in (*node.input, *node.output) if name and name not in weights]
            moved += sum(_bytes(*facts[name]) for name in names if name in facts)
    boundary = [value.name for value in (*model.graph.input, *model.graph.output)]
    edges = sum(_bytes(*facts[name]) for name in boundary if name in facts and name not in weights)
    return Work(operations, sum(read.values()), edges, moved, components)


def component_of_node(name: str) -> str:
    """Return the part of an encoder that a node belongs to, by the module in its name.

    Layer norms and residual sums belong to the block that they end.

    >>> [component_of_node(f"roberta.{name}") for name in ("embeddings.LayerNorm/LayerNormalization",
    ...     "encoder.layer.0.attention.self.query/MatMul", "encoder.layer.0.output.dense/MatMul")]
    ['embeddings', 'attention', 'ffn']
    >>> component_of_node("/classifier/dense/Gemm"), component_of_node("val_17")
    ('head', 'other')
    """
    if "embeddings" in name:
        return "embeddings"
    if "attention" in name or ".attn" in name:
        return "attention"
    if "intermediate" in name or ("layer" in name and "output" in name) or ".mlp" in name:
        return "ffn"
    if any(part in name for part in ("classifier", "qa_outputs", "pooler", "score", "head.")):
        return "head"
    return "other"


def _product(node: NodeProto, facts: Mapping[str, tuple[Shape, int]]) -> int:
    """Return the operations of a node that is a matrix product; 0 for any other."""
    kind = node.op_type
    if kind in _FUSED_ATTENTION:
        raise InputError(f"{node.name}: operations of the fused operator {kind} are not counted.")
    if kind in {"MatMul", "MatMulInteger", "FusedMatMul", "QLinearMatMul", "Gemm", *_INTEGER}:
        inner = _shape(node, 0, facts)[-1]
        if kind == "Gemm" and _attribute(node, "transA"):
            inner = _shape(node, 0, facts)[0]
    elif kind == "MatMulNBits":
        inner = _attribute(node, "K")
    else:
        return 0
    out = facts.get(node.output[0])
    if out is None:
        raise InputError(f"the shape of what {node.name or kind} gives could not be inferred.")
    return 2 * math.prod(out[0]) * inner


def _shape(node: NodeProto, place: int, facts: Mapping[str, tuple[Shape, int]]) -> Shape:
    fact = facts.get(node.input[place])
    if fact is None:
        raise InputError(f"the shape of {node.input[place]}, read by {node.name}, could not be inferred.")
    return fact[0]


def _precision(
    node: NodeProto, facts: Mapping[str, tuple[Shape, int]], dequantized: frozenset[str]
) -> Precision:
    from onnx import TensorProto

    if node.op_type in _INTEGER or {node.input[0], node.input[1]} <= dequantized:
        return "int8"  # between dequantized tensors onnxruntime puts an integer product
    known: dict[int, Precision] = {TensorProto.FLOAT16: "fp16", TensorProto.BFLOAT16: "bf16"}
    return known.get(facts[node.input[0]][1], "fp32")


def _dequantized(nodes: list[NodeProto]) -> frozenset[str]:
    """Return the names of values that are dequantized 8-bit tensors, or views and transposes of such."""
    names: set[str] = set()
    for node in nodes:
        if node.op_type == "DequantizeLinear" or (
            node.op_type in {*_VIEWS, "Transpose"} and node.input[0] in names
        ):
            names.update(node.output)
    return frozenset(names)


def _inferred(model: ModelProto, batch: int, length: int) -> dict[str, tuple[Shape, int]]:
    """Return the (shape, element type) of every value that shape inference finds."""
    from onnx import helper, shape_inference
    from onnxscript.optimizer import fold_constants

    graph = model.graph
    given = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name not in given:
            value.type.tensor_type.shape.CopyFrom(
                helper.make_tensor_value_info("", 1, [batch, length]).type.tensor_type.shape
            )
    for value in graph.output:  # names of axes there are wishes; inference says what they are
        value.type.tensor_type.ClearField("shape")
    facts: dict[str, tuple[Shape, int]] = {}
    for tensor in list(graph.initializer):
        facts[tensor.name] = tuple(tensor.dims), tensor.data_type
        if (
            math.prod(tensor.dims) > _LARGE
        ):  # its numbers are not needed, and a model of 2 GB cannot be passed
            graph.initializer.remove(tensor)
            graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    stand_ins = list(_stand_ins(graph.node, facts))
    del graph.node[:]
    graph.node.extend(node for node, _ in stand_ins)
    graph.input.extend(value for _, extra_inputs in stand_ins for value in extra_inputs)
    # Sizes are computed in the graph itself (Shape, Range, Expand ...): known once the input's are.
    fold_constants(
        model, onnx_shape_inference=True, input_size_limit=_LARGE, output_size_limit=_FOLDED,
        should_fold=lambda node: True if node.op_type == "ConstantOfShape" else None,  # not of itself
    )  # fmt: skip
    try:
        model = shape_inference.infer_shapes(model, data_prop=True)
    except shape_inference.InferenceError as error:
        raise InputError(f"its shapes cannot be inferred ({error}).") from error
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        kind = value.type.tensor_type
        dims = [axis.dim_value if axis.HasField("dim_value") else -1 for axis in kind.shape.dim]
        if kind.HasField("shape") and min(dims, default=0) >= 0:
            facts[value.name] = tuple(dims), kind.elem_type
    for tensor in model.graph.initializer:  # what was folded
        facts.setdefault(tensor.name, (tuple(tensor.dims), tensor.data_type))
    return facts


def _stand_ins(nodes: Any, facts: Mapping[str, tuple[Shape, int]]) -> Iterator[tuple[NodeProto, list[Any]]]:
    """Yield for each node one whose shapes ONNX can infer, with the inputs that it needs.

    onnxruntime's block-wise operators give what a plain product or lookup of the unpacked weight gives.
    """
    from onnx import TensorProto, helper

    for number, node in enumerate(nodes):
        name = f"unpacked_{number}"
        if node.domain == _CONTRIB and node.op_type == "MatMulNBits":
            shape = [_attribute(node, "K"), _attribute(node, "N")]
            made = helper.make_node("MatMul", [node.input[0], name], list(node.output))
        elif node.domain == _CONTRIB and node.op_type == "GatherBlockQuantized":
            rows, *rest = facts[node.input[0]][0]
            bits = _attribute(node, "bits", 4)
            packed = 8 // bits if facts[node.input[0]][1] == TensorProto.UINT8 else 1
            shape = [rows, *rest[:-1], rest[-1] * packed]
            made = helper.make_node("Gather", [name, node.input[1]], list(node.output))
        elif node.domain == _CONTRIB and node.op_type in {"QuantizeLinear", "DequantizeLinear"}:
            yield _standard(node), []
            continue
        else:
            yield node, []
            continue
        yield made, [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]


def _standard(node: NodeProto) -> NodeProto:
    made = _copy(node)
    made.domain = ""
    return made


def _copy(node: NodeProto) -> NodeProto:
    made = type(node)()
    made.CopyFrom(node)
    return made


def _attribute(node: NodeProto, name: str, default: int = 0) -> int:
    return next((int(attribute.i) for attribute in node.attribute if attribute.name == name), default)


def _bytes(shape: Shape, data_type: int) -> int:

    return math.ceil(math.prod(shape) * BITS.get(data_type, 32) / 8)
