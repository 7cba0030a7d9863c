"""Embeddings in fewer bits: int8 rows, int4 rows in blocks, or halves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np

from xpareto.compress.core import InputError
from xpareto.compress.quantization import packed, quantize_blocks, scale_levels

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

INPUT_IDS = "input_ids"
Rows = Literal["int8", "int4", "fp16", "bf16", "float"]
_ROWS_PER_CHUNK = 1 << 14
_SHARED_FROM = 4096  # rows of a table from which on its scales are levels: 256 of these cost 1 kB
_FEW_ROWS = 2  # as token types have: not worth the nodes
_CONTRIB = "com.microsoft"
_BLOCKS = (256, 128, 64, 32, 16)  # what GatherBlockQuantized takes


def quantize_rows(matrix: np.ndarray, scales: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return int8 rows and one float32 scale per row, (rows, 1): matrix ~ rows * scale.

    Symmetric, rounded to nearest, so no entry is off by more than half its row's scale. Every row
    uses its own range, or the scale given, none below its own: one range for a whole table would
    leave rare tokens, whose rows are short, with a handful of levels.

    >>> quantize_rows(np.array([[1.27, -0.64], [0.0, 0.0]], np.float32))[0].tolist()
    [[127, -64], [0, 0]]
    """
    rows = np.empty(matrix.shape, np.int8)
    scales = row_scales(matrix) if scales is None else scales
    for start in range(0, matrix.shape[0], _ROWS_PER_CHUNK):
        chunk = slice(start, start + _ROWS_PER_CHUNK)
        rows[chunk] = np.clip(np.rint(matrix[chunk] / scales[chunk]), -127, 127)
    return rows, scales


def row_scales(matrix: np.ndarray) -> np.ndarray:
    """Return the scale of each row, (rows, 1) float32: its greatest magnitude becomes the code 127."""
    scales = np.empty((matrix.shape[0], 1), np.float32)
    for start in range(0, matrix.shape[0], _ROWS_PER_CHUNK):
        chunk = slice(start, start + _ROWS_PER_CHUNK)
        scale = np.abs(matrix[chunk]).max(axis=1, keepdims=True) / np.float32(127)
        scales[chunk] = np.where(scale < np.finfo(np.float32).tiny, np.float32(1), scale)
    return scales


def shares_scales(rows: int) -> bool:
    """Does a table of so many rows have few scales that its int8 rows share?"""
    return rows >= _SHARED_FROM


def embedding_rows(model: ModelProto) -> int:
    """Return how many token ids the model has an embedding for."""
    sizes = {tensor.name: tensor.dims[0] for tensor in model.graph.initializer if len(tensor.dims) == 2}
    lookups = (node for node in model.graph.node if node.op_type == "Gather" and node.input[1] == INPUT_IDS)
    return min(sizes[node.input[0]] for node in lookups if node.input[0] in sizes)


def embedding_nodes(model: ModelProto) -> list[str]:
    """Return the names of the nodes that look token ids up in a float32 table of weights."""
    tables = _tables(model)
    return [name for name, (table, ids) in _lookups(model).items() if ids == INPUT_IDS and table in tables]


def table_nodes(model: ModelProto) -> list[str]:
    """Return the names of the nodes that look rows up in a float32 table: of tokens, and of positions."""
    tables = _tables(model)
    return [
        name
        for name, (table, ids) in _lookups(model).items()
        if table in tables and (ids == INPUT_IDS or tables[table] > _FEW_ROWS)
    ]


def _tables(model: ModelProto) -> dict[str, int]:
    """Return the number of rows of each float32 table."""
    from onnx import TensorProto

    return {
        tensor.name: tensor.dims[0]
        for tensor in model.graph.initializer
        # A single column holds the scales of a table that is int8 already.
        if tensor.data_type == TensorProto.FLOAT and len(tensor.dims) == 2 and tensor.dims[1] > 1
    }


def _lookups(model: ModelProto) -> dict[str, tuple[str, str]]:
    """Return the table and the ids of each node that looks rows up, by its name."""
    return {
        node.name: (node.input[0], node.input[1])
        for node in model.graph.node
        if node.op_type == "Gather" and not any(one.name == "axis" and one.i for one in node.attribute)
    }


def with_rows(
    model: ModelProto, nodes: Iterable[str], rows: Rows, block_size: int = 32, *, own_scales: bool = False
) -> ModelProto:
    """Return a model in which the named lookups read rows in fewer bits and give float32.

    int8: Gather(table, ids) becomes Mul(Cast(Gather(rows, ids)), scales), plain ONNX. The scales are
    Gather(scales, ids); of a large table, Gather(levels, Cast(Gather(codes, ids))), one byte per row
    instead of four and at most 256 levels (see `scale_levels`), unless each row has to have its own.
    int4: GatherBlockQuantized of onnxruntime, two codes per byte, a float32 scale per block (Gather
    itself reads no 4-bit table there), of the most entries up to `block_size` that rows are whole
    blocks of; tables that token ids are not looked up in, as those of positions, which every input
    reads, get int8. fp16, bf16: Cast(Gather(rows, ids)). A table that another node
    reads as well stays beside its rows. The model given is not changed.
    """
    chosen = set(nodes) if rows != "float" else set()
    sizes = {tensor.name: tensor.dims for tensor in model.graph.initializer if len(tensor.dims) == 2}
    tables: dict[str, tuple[Rows, bool, int]] = {}  # precision, whether scales are shared, entries of a block
    kept_uses: set[str] = {output.name for output in model.graph.output}
    made = hollow(model)
    for node in model.graph.node:
        if node.name not in chosen:
            made.graph.node.add().CopyFrom(node)
            kept_uses.update(node.input)
            continue
        table = node.input[0]
        precision: Rows = "int8" if rows == "int4" and node.input[1] != INPUT_IDS else rows
        count, width = sizes[table]
        tables[table] = precision, shares_scales(count) and not own_scales, _whole_blocks(width, block_size)
        made.graph.node.extend(_lookup(node, *tables[table]))
    for tensor in model.graph.initializer:
        if tensor.name in tables:
            made.graph.initializer.extend(_stored(tensor, *tables[tensor.name]))
        if tensor.name not in tables or tensor.name in kept_uses:
            made.graph.initializer.add().CopyFrom(tensor)
    if any(precision == "int4" for precision, *_ in tables.values()):
        know(made, _CONTRIB)
    return made


def _whole_blocks(width: int, most: int) -> int:
    """Return the greatest block, up to `most` entries, that rows of a width are whole blocks of; `most` where none is.

    onnxruntime pads a row's last block; OpenVINO refuses one that is not whole.
    """
    return next((size for size in _BLOCKS if size <= most and width % size == 0), most)


def hollow(model: ModelProto) -> ModelProto:
    """Return a model with the same inputs and outputs, and neither nodes nor weights yet."""
    from onnx import ModelProto

    made = ModelProto()
    made.ir_version, made.producer_name = model.ir_version, model.producer_name
    made.opset_import.extend(model.opset_import)
    made.graph.name = model.graph.name
    made.graph.input.extend(model.graph.input)
    made.graph.output.extend(model.graph.output)
    return made


def know(model: ModelProto, domain: str) -> None:
    """Let the model use operators of a domain."""
    from onnx.helper import make_opsetid

    if all(entry.domain != domain for entry in model.opset_import):
        model.opset_import.append(make_opsetid(domain, 1))


def _stored(tensor: TensorProto, rows: Rows, shared: bool, block_size: int) -> list[TensorProto]:
    from onnx import helper, numpy_helper

    name, table = tensor.name, numpy_helper.to_array(tensor)
    if rows == "int8" and shared:
        levels, at = scale_levels(row_scales(table)[:, 0])
        codes, _ = quantize_rows(table, levels[at][:, None])
        parts = {"quantized": codes, "scale_codes": at[:, None], "scale_levels": levels}
        return [numpy_helper.from_array(value, f"{name}_{part}") for part, value in parts.items()]
    if rows == "int8":
        codes, scales = quantize_rows(table)
    elif rows == "int4":
        if table.shape[1] % 2:
            raise InputError(
                f"embeddings: int4 packs pairs, but {name} is {table.shape[1]} wide. Choose int8."
            )
        blocks, scales = quantize_blocks(table, block_size)
        codes = packed(blocks)
    else:
        kind = helper.np_dtype_to_tensor_dtype(half(rows))
        return [
            helper.make_tensor(
                f"{name}_{rows}", kind, table.shape, table.astype(half(rows)).tobytes(), raw=True
            )
        ]
    return [
        numpy_helper.from_array(codes, f"{name}_quantized"),
        numpy_helper.from_array(scales, f"{name}_scale"),
    ]


def half(name: str) -> np.dtype:
    """Return numpy's type of a half precision, fp16 or bf16."""
    import ml_dtypes

    return np.dtype(np.float16 if name == "fp16" else ml_dtypes.bfloat16)


def _lookup(node: NodeProto, rows: Rows, shared: bool, block_size: int) -> list[NodeProto]:
    from onnx import TensorProto
    from onnx.helper import make_node as make

    name, out, (table, ids) = node.name, node.output[0], node.input
    if rows == "int8":
        scales = [make("Gather", [f"{table}_scale", ids], [f"{out}_scales"], f"{name}_scales", axis=0)]
        if shared:
            scales = [
                make("Gather", [f"{table}_scale_codes", ids], [f"{out}_levels"], f"{name}_levels", axis=0),
                make("Cast", [f"{out}_levels"], [f"{out}_at"], f"{name}_at", to=TensorProto.INT32),
                make("Gather", [f"{table}_scale_levels", f"{out}_at"], [f"{out}_scales"], f"{name}_scales", axis=0),
            ]  # fmt: skip
        return [
            make("Gather", [f"{table}_quantized", ids], [f"{out}_rows"], f"{name}_rows", axis=0),
            *scales,
            make("Cast", [f"{out}_rows"], [f"{out}_cast"], f"{name}_cast", to=TensorProto.FLOAT),
            make("Mul", [f"{out}_cast", f"{out}_scales"], [out], f"{name}_scaled"),
        ]
    if rows == "int4":
        return [
            make(
                "GatherBlockQuantized", [f"{table}_quantized", ids, f"{table}_scale"], [out], f"{name}_int4",
                domain=_CONTRIB, bits=4, block_size=block_size, gather_axis=0, quantize_axis=1,
            )
        ]  # fmt: skip
    return [
        make("Gather", [f"{table}_{rows}", ids], [f"{out}_rows"], f"{name}_rows", axis=0),
        make("Cast", [f"{out}_rows"], [out], f"{name}_cast", to=TensorProto.FLOAT),
    ]
